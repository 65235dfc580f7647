"""What schemathesis is told beside the API's own description (it reads this by SCHEMATHESIS_HOOKS).

API_WORLD is a JSON file: "objects" are ids that there are, by the path parameter that they are for; "spares" are some that
may be removed; "foreign" says whether the token may know none of them.
"""

import json
import os
import re
import zlib

import schemathesis

SCHEMAS = "#/components/schemas/"
with open(os.environ["API_WORLD"], encoding="utf-8") as file:
    WORLD = json.load(file)
OBJECTS, SPARES = WORLD["objects"], WORLD["spares"]
# What is named by its owner.
NAMES = ("script_name", "secret_name", "key_name")
# What of a request names an object; where any of them is another account's, there is nothing.
OWNED = ("account_id", "zone_id", "token_id")


def choice(value, out_of):
    """A number that depends on nothing but the value."""
    return zlib.crc32(json.dumps(value, sort_keys=True, default=str).encode("utf-8", "replace")) % out_of


def refer(part, names, schemas):
    """Adds the names of the schemas that a part of the description refers to."""
    if isinstance(part, dict):
        name = str(part.get("$ref", "")).removeprefix(SCHEMAS)
        if name in schemas and name not in names:
            names.add(name)
            refer(schemas[name], names, schemas)
        for value in part.values():
            refer(value, names, schemas)
    elif isinstance(part, list):
        for value in part:
            refer(value, names, schemas)


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Clients have to bear further fields in answers; here every field has to be described."""
    schemas = raw_schema["components"]["schemas"]
    answered, asked, parts = set(), set(), set()
    refer(raw_schema["components"]["responses"], answered, schemas)
    for routes in raw_schema["paths"].values():
        for route in routes.values():
            refer(route["responses"], answered, schemas)
            refer(route.get("requestBody"), asked, schemas)
    for schema in schemas.values():
        for part in schema.get("allOf", []):
            parts.add(str(part.get("$ref", "")).removeprefix(SCHEMAS))
    for name in answered - asked - parts:
        schema = schemas[name]
        if "allOf" in schema:
            schema["unevaluatedProperties"] = False
        elif "properties" in schema and "additionalProperties" not in schema:
            schema["additionalProperties"] = False
    # What makes no sense here is told in the answer, and the request is not refused.
    schemas["Batch"]["properties"]["messages"]["items"] = {}
    schemas["SuppressionItems"]["properties"]["items"]["items"] = {}
    for path, routes in raw_schema["paths"].items():
        if path.endswith("/send/preflight"):
            routes["post"]["requestBody"] = {"content": {"application/json": {"schema": {}}}}


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Three of four requests that name an object as they should are about one that there is."""
    if not path_parameters or choice(path_parameters, 4) == 0:
        return path_parameters
    removes = context.operation.method.upper() == "DELETE"
    known = {}
    for name, value in path_parameters.items():
        key = name
        if name == "id":
            kinds = {"/webhooks/": "webhook_id", "/scheduled/": "scheduled_id"}
            key = next((kind for part, kind in kinds.items() if part in context.operation.path), name)
        last = list(path_parameters)[-1]
        if not re.fullmatch("[0-9a-f]{32}|[0-9a-f-]{36}", str(value)) and key not in ("id", *NAMES):
            return path_parameters
        if removes and name == last:
            # Each is there once; afterwards there is nothing of that id, which is an answer, too.
            known[name] = SPARES[key].pop() if SPARES.get(key) else value
        else:
            known[name] = OBJECTS.get(key, value)
    return known


@schemathesis.hook
def map_body(context, body):
    """What nobody guesses: domains that may send, permissions, accounts."""
    if not isinstance(body, dict) or choice(body, 3) == 0:
        return body
    name = context.operation.definition.raw.get("operationId")
    if name in ("send_message", "preflight_message", "send_raw_message") and isinstance(body.get("from"), str):
        body["from"] = WORLD["sender"]
    if name == "make_zone" and isinstance(body.get("account"), dict) and isinstance(body["account"].get("id"), str):
        body["account"]["id"] = OBJECTS["account_id"]
    if name == "make_token" and isinstance(body.get("policies"), list):
        for policy in body["policies"]:
            if isinstance(policy, dict) and policy.get("effect") == "allow":
                policy.update(WORLD["policy"])
    return body


@schemathesis.check
def nothing_of_others(ctx, response, case):
    """404 for everything that is another account's, whatever else is wrong with the request."""
    named = [name for name in OWNED if (case.path_parameters or {}).get(name) == OBJECTS[name]]
    if WORLD["foreign"] and named and response.status_code not in (404, 405):
        raise AssertionError(f"{response.status_code} for another account's {', '.join(named)}")
