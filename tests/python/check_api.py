"""Validates a server's description of its API, and has schemathesis try the server against it.

check_api.py BASE TOKEN WORLD EXAMPLES SEED: WORLD is the file that api_hooks.py reads. Prints JSON: "valid", "failed" and,
of a failure, "said".
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import httpx
from openapi_spec_validator import OpenAPIV31SpecValidator

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
    "nothing_of_others",
)


def left_out(description):
    """The names of the streams, whose answers never end: what answers with no document when all is well. And signing in,
    since wrong tokens are answered ever later."""
    yield "sign_in"
    for path in description["paths"].values():
        for route in path.values():
            content = route["responses"].get("200", {}).get("content", {})
            if {"text/event-stream", "application/x-ndjson"} & set(content):
                yield route["operationId"]


def main():
    base, token, world, examples, seed = sys.argv[1:]
    description = httpx.get(f"{base}/client/v4/openapi.json").raise_for_status().json()
    OpenAPIV31SpecValidator(description).validate()
    command = [
        str(pathlib.Path(sys.executable).with_name("schemathesis")), "run", f"{base}/client/v4/openapi.json",
        "--url", base, "--header", f"Authorization: Bearer {token}", "--checks", ",".join(CHECKS),
        "--phases", "coverage,fuzzing", "--max-examples", examples, "--seed", seed,
        *(argument for name in left_out(description) for argument in ("--exclude-operation-id", name)),
        "--request-timeout", "20", "--generation-database", "none", "--suppress-health-check", "all",
        "--continue-on-failure", "--no-color", "--warnings", "off",
    ]  # fmt: skip
    environment = dict(os.environ, API_WORLD=world, SCHEMATHESIS_HOOKS="api_hooks")
    environment["PYTHONPATH"] = str(pathlib.Path(__file__).parent)
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    said = (run.stdout + run.stderr)
    print(json.dumps({"paths": len(description["paths"]), "failed": run.returncode != 0, "said": said}))


main()
