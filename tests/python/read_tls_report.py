"""Reads a TLS report as its receiver would: from a mail with Python's email package, or from the body of a POST.

usage: read_tls_report.py FILE

Prints {"file": the attachment's name or null, "report": the report's JSON}.
"""

import email
import email.policy
import gzip
import json
import pathlib
import sys

content = pathlib.Path(sys.argv[1]).read_bytes()
name = None
if not content.startswith(b"\x1f\x8b"):
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert message.get_content_type() == "multipart/report", message.get_content_type()
    assert message["content-type"].params["report-type"] == "tlsrpt"
    part = next(part for part in message.walk() if part.get_content_type() == "application/tlsrpt+gzip")
    name, content = part.get_filename(), part.get_payload(decode=True)
json.dump({"file": name, "report": json.loads(gzip.decompress(content))}, sys.stdout)
