"""Manages suppressions with the published `cloudflare` SDK.

usage: sdk_suppressions.py BASE_URL TOKEN ACCOUNT_ID CASE [ARGUMENT]

CASE is a function below. Prints what it returns as JSON; a refusal by the server is {"status", "message", "detail"}.
"""

import concurrent.futures
import datetime
import json
import sqlite3
import sys

import cloudflare

FUTURE = datetime.datetime(2099, 1, 1, tzinfo=datetime.timezone.utc)
SHOP = {"type": "sending_domain", "value": "Shop.Example."}


def refusal(call):
    """What the server says no with."""
    try:
        call()
    except cloudflare.APIStatusError as error:
        fault = error.body["errors"][0]
        return {"status": error.status_code, "message": fault["message"], "detail": fault.get("detail")}
    return None


def plain(model):
    """A model as the SDK reads it: a field of another type would not be as declared."""
    model = type(model).model_validate(model.model_dump(), strict=True)
    return model.to_dict(mode="json")


def methods(suppressions, account_id):
    """Every method once, and what there is afterwards."""
    created = suppressions.create(
        account_id=account_id, email="Ann@example.org", expires_at=FUTURE, note="by phone", scope=SHOP
    )
    got = suppressions.get(created.id, account_id=account_id)
    again = suppressions.create(account_id=account_id, email="ann@EXAMPLE.org", scope=SHOP, expires_at=FUTURE)
    edited = suppressions.edit(created.id, account_id=account_id, note="", expires_at=None)
    kept = suppressions.edit(created.id, account_id=account_id)
    fixed = refusal(lambda: suppressions.edit(created.id, account_id=account_id, scope={"type": "account"}))
    deleted = suppressions.delete(created.id, account_id=account_id)
    gone = refusal(lambda: suppressions.get(created.id, account_id=account_id))
    return {
        "created": plain(created),
        "got": plain(got),
        "again": plain(again),
        "edited": plain(edited),
        "kept": plain(kept),
        "fixed": fixed,
        "deleted": plain(deleted),
        "gone": gone,
        "left": [plain(row) for row in suppressions.list(account_id=account_id)],
    }


def imports(suppressions, account_id):
    """A bulk import with something wrong in it, twice."""
    items = [
        {"email": "one@example.org", "note": "first", "expires_at": FUTURE},
        {"email": "ONE@example.org"},
        {"email": "nobody"},
        {"email": "two@example.org", "scope": SHOP},
        {"email": "three@example.org", "scope": {"type": "sending_domain", "value": "no domain"}},
    ]
    first = suppressions.import_(account_id=account_id, items=items)
    second = suppressions.import_(account_id=account_id, items=items)
    return {"first": plain(first), "second": plain(second)}


def lists(suppressions, account_id):
    """Lists, read by the SDK page by page."""
    for index in range(5):
        suppressions.create(account_id=account_id, email=f"user{index}@example.org")
    suppressions.create(account_id=account_id, email="user0@shop.example", scope=SHOP)

    def emails(**filters):
        return [row.email for row in suppressions.list(account_id=account_id, per_page=2, **filters)]

    first = suppressions.list(account_id=account_id, per_page=2, search="user")
    alone = suppressions.list(account_id=account_id, cursor=first.result_info.cursor, per_page=2)
    return {
        "all": emails(),
        "account": emails(scope_type="account"),
        "shop": emails(scope_type="sending_domain", scope_value="shop.example"),
        "email": emails(email="USER3@example.org"),
        "search_user": emails(search="user0@"),
        "search_whole": emails(search="user4@example.org"),
        "search_beginning": emails(search="USER"),
        "manual": emails(reason="manual"),
        "policy": emails(reason="policy"),
        "cursor_alone": [row.email for row in alone.result],
        "info": first.result_info.to_dict(),
        "other_filter": refusal(
            lambda: suppressions.list(account_id=account_id, cursor=first.result_info.cursor, search="x")
        ),
    }


def races(suppressions, account_id):
    """Many clients who ask for the same at once."""

    def create(index):
        row = suppressions.create(account_id=account_id, email="ann@example.org", note=str(index))
        return row.id

    with concurrent.futures.ThreadPoolExecutor(16) as clients:
        ids = set(clients.map(create, range(64)))
        row = ids.copy().pop()
        answers = clients.map(
            lambda index: refusal(lambda: suppressions.delete(row, account_id=account_id)), range(16)
        )
        deleted = [answer["status"] if answer else 200 for answer in answers]
    return {"ids": len(ids), "deleted": sorted(deleted)}


def read_only(suppressions, account_id, database):
    """Rows of the service's own, put into its database as complaints and a rule of the operator's."""
    ids = [suppressions.create(account_id=account_id, email=f"c{n}@example.org").id for n in range(11)]
    rule = suppressions.create(account_id=account_id, email="rule@example.org").id
    with sqlite3.connect(database, timeout=30) as db:
        db.execute("UPDATE suppressions SET reason = 1, read_only = 1")
        db.execute("UPDATE suppressions SET reason = 4 WHERE email = 'rule@example.org'")
    db.close()
    complaint = suppressions.get(ids[0], account_id=account_id)
    items = [{"email": "c0@example.org"}]
    return {
        "complaint": plain(complaint),
        "again": suppressions.create(account_id=account_id, email="c0@example.org").id == ids[0],
        "edit": refusal(lambda: suppressions.edit(ids[0], account_id=account_id, note="x")),
        "import": plain(suppressions.import_(account_id=account_id, items=items)),
        "rule": refusal(lambda: suppressions.delete(rule, account_id=account_id)),
        "removals": [refusal(lambda: suppressions.delete(row, account_id=account_id)) for row in ids],
    }


def main():
    base_url, token, account_id, case, *arguments = sys.argv[1:]
    client = cloudflare.Cloudflare(api_token=token, base_url=base_url, max_retries=0)
    cases = {"methods": methods, "imports": imports, "lists": lists, "races": races, "read_only": read_only}
    json.dump(cases[case](client.email_sending.suppressions, account_id, *arguments), sys.stdout)


if __name__ == "__main__":
    main()
