"""Puts down that mail in the name of a domain was judged yesterday, and that it is to be told now.

usage: judge_mail.py DATABASE DOMAIN

DATABASE is that of the reports, of a server that does not run.
"""

import hashlib
import json
import sqlite3
import sys
import time

DAY = 86_400_000


def main(database, domain):
    """Does it, whatever was told before."""
    policy = {
        "domain": domain,
        "version_published": None,
        "adkim": "Relaxed",
        "aspf": "Strict",
        "p": "Reject",
        "sp": "None",
        "np": "Unspecified",
        "testing": False,
        "discovery_method": "Treewalk",
        "fo": "0",
    }
    record = {
        "row": {
            "source_ip": "192.0.2.77",
            "count": 1,
            "policy_evaluated": {"disposition": "Reject", "dkim": "Fail", "spf": "Fail", "reason": []},
        },
        "identifiers": {"envelope_to": None, "envelope_from": "spammer.test", "header_from": domain},
        "auth_results": {
            "dkim": [],
            "spf": [{"domain": "spammer.test", "scope": "MailFrom", "result": "Pass", "human_result": None}],
        },
        "extensions": [],
    }
    now = int(time.time() * 1000)
    text = json.dumps(record)
    with sqlite3.connect(database) as file:
        row = (now // DAY * DAY - DAY, domain, json.dumps(policy), now)
        file.execute(
            "INSERT INTO periods (begin, domain, policy, kinds, due) VALUES (?, ?, ?, 1, ?)"
            " ON CONFLICT (begin, domain) DO UPDATE SET due = excluded.due",
            row,
        )
        (number,) = file.execute("SELECT n FROM periods WHERE domain = ?", (domain,)).fetchone()
        kind = hashlib.sha256(text.encode()).digest()[:16]
        file.execute("INSERT OR REPLACE INTO judged VALUES (?, ?, ?, ?)", (number, kind, text, 1))
    json.dump(number, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
