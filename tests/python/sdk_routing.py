"""Manages the rules of a zone with the published `cloudflare` SDK.

usage: sdk_routing.py BASE_URL TOKEN ACCOUNT_ID ZONE_ID

Prints what each method returned as JSON.
"""

import json
import sys

import cloudflare


def plain(model):
    """A model as the SDK reads it: a field of another type would not be as declared."""
    model = type(model).model_validate(model.model_dump(), strict=True)
    return model.to_dict(mode="json")


def literal(name):
    return [{"type": "literal", "field": "to", "value": f"{name}@example.com"}]


def refusal(call):
    try:
        call()
    except cloudflare.APIStatusError as error:
        return {"status": error.status_code, "field": error.body["errors"][0].get("field")}
    return None


def main():
    base_url, token, account_id, zone_id = sys.argv[1:]
    client = cloudflare.Cloudflare(base_url=base_url, api_token=token, max_retries=0)
    routing = client.email_routing
    rules, catch_alls = routing.rules, routing.rules.catch_alls
    ann = routing.addresses.create(account_id=account_id, email="ann@example.net")
    forward = [{"type": "forward", "value": ["ann@example.net"]}]
    before = catch_alls.get(zone_id=zone_id)
    first = rules.create(zone_id=zone_id, matchers=literal("first"), actions=forward, name="First", priority=10)
    second = rules.create(
        zone_id=zone_id,
        matchers=literal("second"),
        actions=[{"type": "worker", "value": ["triage"]}],
        enabled=False,
        source="wrangler",
        owner_worker_tag="a" * 32,
    )
    third = rules.create(zone_id=zone_id, matchers=literal("third"), actions=[{"type": "drop"}])
    waits = rules.get(first.id, zone_id=zone_id)
    routing.addresses.edit(ann.id, account_id=account_id, status="verified")
    listed = lambda **query: [row.matchers[0].value for row in rules.list(**query)]
    report = {
        "before": plain(before),
        "first": plain(first),
        "second": plain(second),
        "waits": waits.active,
        "got": plain(rules.get(first.id, zone_id=zone_id)),
        "updated": plain(
            rules.update(
                second.id, zone_id=zone_id, matchers=literal("2nd"), actions=[{"type": "drop"}], enabled=True
            )
        ),
        "set": plain(
            catch_alls.update(
                zone_id=zone_id, matchers=[{"type": "all"}], actions=forward, enabled=True, name="The rest"
            )
        ),
        "catch_all": plain(catch_alls.get(zone_id=zone_id)),
        "all": listed(zone_id=zone_id, per_page=2),
        "of_account": [plain(row) for row in routing.account_rules.list(account_id=account_id)],
        "of_zone": len(list(routing.account_rules.list(zone_id=zone_id))),
        "deleted": plain(rules.delete(third.id, zone_id=zone_id)),
        "missing": refusal(lambda: rules.get(third.id, zone_id=zone_id)),
        "stranger": refusal(
            lambda: rules.create(
                zone_id=zone_id,
                matchers=literal("x"),
                actions=[{"type": "forward", "value": ["eve@example.net"]}],
            )
        ),
        "elsewhere": refusal(
            lambda: rules.create(
                zone_id=zone_id,
                matchers=[{"type": "literal", "field": "to", "value": "a@example.org"}],
                actions=forward,
            )
        ),
        "all_of_them": refusal(
            lambda: rules.create(zone_id=zone_id, matchers=[{"type": "all"}], actions=forward)
        ),
    }
    routing.addresses.delete(ann.id, account_id=account_id)
    report["enabled"] = listed(zone_id=zone_id, enabled=True)
    report["disabled"] = listed(account_id=account_id, enabled=False)
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
