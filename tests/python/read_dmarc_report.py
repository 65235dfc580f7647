"""Reads the mail with a DMARC aggregate report as its receiver would, with Python's own libraries.

usage: read_dmarc_report.py FILE

Prints {"file": the attachment's name, "subject", "root": the document's tag, "order": the tags of its parts, "metadata",
"policy", "records"}; the last three as nested objects, in which a tag that occurs more than once is a list.
"""

import email
import email.policy
import gzip
import json
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

SPACE = "{urn:ietf:params:xml:ns:dmarc-2.0}"


def plain(element):
    """An element as text, or as an object of its children."""
    if not len(element):
        return element.text or ""
    found = {}
    for child in element:
        found.setdefault(child.tag.removeprefix(SPACE), []).append(plain(child))
    return {tag: values if len(values) > 1 else values[0] for tag, values in found.items()}


message = email.message_from_bytes(pathlib.Path(sys.argv[1]).read_bytes(), policy=email.policy.default)
part = next(part for part in message.walk() if part.get_content_type() == "application/gzip")
root = ElementTree.fromstring(gzip.decompress(part.get_payload(decode=True)))
json.dump(
    {
        "file": part.get_filename(),
        "subject": message["subject"],
        "root": root.tag,
        "order": [child.tag.removeprefix(SPACE) for child in root],
        "metadata": plain(root.find(f"{SPACE}report_metadata")),
        "policy": plain(root.find(f"{SPACE}policy_published")),
        "records": [plain(record) for record in root.findall(f"{SPACE}record")],
    },
    sys.stdout,
)
