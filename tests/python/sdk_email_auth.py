"""Looks at what a zone publishes with the published `cloudflare` SDK, and goes through every method of its email parts.

usage: sdk_email_auth.py BASE_URL TOKEN ACCOUNT_ID ZONE_ID CASE

CASE is a function below. Prints what it returns as JSON.
"""

import inspect
import json
import sys

import cloudflare
from cloudflare._resource import SyncAPIResource


def plain(model):
    """A model as the SDK reads it: a field of another type would not be as declared."""
    return type(model).model_validate(model.model_dump(), strict=True).to_dict(mode="json")


def reports(client, _, zone_id):
    """What is found, wanted, and where the SPF record leads."""
    auth = client.email_auth
    before = auth.dmarc_reports.get(zone_id=zone_id)
    after = auth.dmarc_reports.edit(zone_id=zone_id, enabled=True, skip_wizard=True)
    tree = auth.spf.inspect.get(zone_id=zone_id, id=before.records.spf_records[0].id)
    return {"before": plain(before), "after": plain(after), "tree": plain(tree)}


def watch(resource, name, called, known):
    """Has every method of a resource, and of those beneath it, note that it was called."""
    for attribute, value in inspect.getmembers(type(resource)):
        whole = f"{name}.{attribute}"
        if attribute.startswith("_") or attribute.startswith("with_"):
            continue
        beneath = getattr(resource, attribute)
        if isinstance(beneath, SyncAPIResource):
            watch(beneath, whole, called, known)
        elif inspect.isfunction(value):
            known.add(whole)

            def noted(*given, _own=beneath, _whole=whole, **named):
                called.add(_whole)
                return _own(*given, **named)

            setattr(resource, attribute, noted)


def every_method(client, account_id, zone_id):
    """Calls each method once; those that were not called are `missed`."""
    sending, auth = client.email_sending, client.email_auth
    called, known = set(), set()
    watch(sending, "email_sending", called, known)
    watch(auth, "email_auth", called, known)
    one = {"account_id": account_id, "from_": "sender@example.com"}
    sent = sending.send(**one, to="a@example.net", subject="s", text="t", extra_headers={"Idempotency-Key": "p"})
    again = sending.send(**one, to="a@example.net", subject="s", text="t", extra_headers={"Idempotency-Key": "p"})
    mime = "From: sender@example.com\r\nSubject: raw\r\n\r\nHello\r\n"
    raw = sending.send_raw(**one, recipients=["raw@example.net"], mime_message=mime)
    rows = sending.suppressions
    made = rows.create(account_id=account_id, email="ann@example.org")
    rows.get(made.id, account_id=account_id)
    rows.edit(made.id, account_id=account_id, note="by letter")
    rows.import_(account_id=account_id, items=[{"email": "bob@example.org"}])
    listed = sorted(row.email for row in rows.list(account_id=account_id, per_page=1))
    rows.delete(made.id, account_id=account_id)
    domains = sending.subdomains
    domain = domains.create(zone_id=zone_id, name="python.example.com")
    domains.get(subdomain_id=domain.tag, zone_id=zone_id)
    domains.edit(subdomain_id=domain.tag, zone_id=zone_id, preview_enabled=True)
    names = sorted(row.name for row in domains.list(zone_id=zone_id))
    records = sorted({row.type for row in domains.dns.get(subdomain_id=domain.tag, zone_id=zone_id)})
    domains.delete(subdomain_id=domain.tag, zone_id=zone_id)
    auth.dmarc_reports.get(zone_id=zone_id)
    enabled = auth.dmarc_reports.edit(zone_id=zone_id, enabled=True).enabled
    try:
        auth.spf.inspect.get(zone_id=zone_id, id="0" * 32)
    except cloudflare.NotFoundError as error:
        missing = error.status_code
    verified = client.user.tokens.verify().status
    memberships = len(list(client.memberships.list()))
    return {
        "delivered": [*sent.delivered, *raw.delivered],
        "same": sent.message_id == again.message_id,
        "listed": listed,
        "names": names,
        "records": records,
        "enabled": enabled,
        "missing": missing,
        "around": [verified, memberships, client.user.get().id is not None],
        "missed": sorted(known - called),
        "known": len(known),
    }


def main(base_url, token, account_id, zone_id, case):
    """Runs the case."""
    client = cloudflare.Cloudflare(api_token=token, base_url=base_url, max_retries=0)
    cases = {"reports": reports, "every_method": every_method}
    json.dump(cases[case](client, account_id, zone_id), sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
