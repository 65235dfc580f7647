"""Verifies every DKIM signature of messages with dkimpy.

usage: verify_dkim.py DKIM_JSON EML...

DKIM_JSON is a list of {"name", "value"}: the public TXT records. Prints a JSON list, per message the list
of its signatures: {"algorithm", "domain", "selector", "headers", "valid", "problem"}.
"""

import json
import pathlib
import sys

import dkim
from dkim.util import parse_tag_value

import eml


def records(path):
    """Returns a look-up function over the records of the file, in the form that dkimpy calls it."""
    listed = json.loads(pathlib.Path(path).read_text())
    table = {record["name"].rstrip(".").lower(): record["value"].encode() for record in listed}

    def look_up(name, timeout=5):
        text = name.decode() if isinstance(name, bytes) else name
        return table.get(text.rstrip(".").lower())

    return look_up


def verify(message, index, look_up):
    """Returns what there is to say about signature number `index`, counted from the top."""
    verifier = dkim.DKIM(message)
    fields = [value for name, value in verifier.headers if name.lower() == b"dkim-signature"]
    tags = {name.decode(): value.decode() for name, value in parse_tag_value(fields[index]).items()}
    try:
        valid, problem = verifier.verify(idx=index, dnsfunc=look_up), ""
    except dkim.DKIMException as error:
        valid, problem = False, f"{type(error).__name__}: {error}"
    headers = ["".join(name.split()).lower() for name in tags["h"].split(":")]
    return {
        "algorithm": tags["a"],
        "domain": tags["d"],
        "selector": tags["s"],
        "headers": headers,
        "valid": bool(valid),
        "problem": problem,
    }


def signatures(message, look_up):
    """Returns the findings on all signatures of a message."""
    count = sum(name.lower() == b"dkim-signature" for name, _ in dkim.DKIM(message).headers)
    return [verify(message, index, look_up) for index in range(count)]


def main():
    look_up = records(sys.argv[1])
    json.dump([signatures(eml.read(path), look_up) for path in sys.argv[2:]], sys.stdout)


if __name__ == "__main__":
    main()
