"""Parses messages with Python's own email package and prints what it sees.

usage: parse_mime.py EML...

Prints a JSON list, per message {"headers": [[name, decoded value]...], "from", "to", "cc", "reply_to":
[[display name, address]...], "tree", "parts": [...], "defects": [...]}; a part has "type", "disposition",
"filename", "content_id" and "content" (base64 of the decoded bytes). "tree" nests the media types, as in
["multipart/mixed", ["text/plain"], ["image/png"]].
"""

import base64
import email
import email.policy
import json
import sys

import eml


def addresses(message, name):
    """Returns the addresses of a header with their display names."""
    field = message[name]
    return [[address.display_name, address.addr_spec] for address in field.addresses] if field else []


def tree(part):
    """Returns the structure of a part as nested lists of media types."""
    children = [tree(child) for child in part.iter_parts()] if part.is_multipart() else []
    return [part.get_content_type(), *children]


def leaf(part):
    """Describes a part that has no parts of its own."""
    return {
        "type": part.get_content_type(),
        "disposition": part.get_content_disposition(),
        "filename": part.get_filename(),
        "content_id": part["content-id"],
        "content": base64.b64encode(part.get_payload(decode=True)).decode(),
    }


def defects(message):
    """Returns the defects of all parts and of all their headers."""
    found = []
    for part in message.walk():
        found += [repr(defect) for defect in part.defects]
        for name, value in part.items():
            found += [f"{name}: {defect!r}" for defect in getattr(value, "defects", ())]
    return found


def describe(content):
    """Describes one message."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    leaves = [leaf(part) for part in message.walk() if not part.is_multipart()]
    return {
        "headers": [[name, str(value)] for name, value in message.items()],
        "from": addresses(message, "from"),
        "to": addresses(message, "to"),
        "cc": addresses(message, "cc"),
        "reply_to": addresses(message, "reply-to"),
        "tree": tree(message),
        "parts": leaves,
        "defects": defects(message),
    }


def main():
    json.dump([describe(eml.read(path)) for path in sys.argv[1:]], sys.stdout)


if __name__ == "__main__":
    main()
