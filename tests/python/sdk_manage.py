"""Sets up zones, sending domains and tokens with the published `cloudflare` SDK.

usage: sdk_manage.py BASE_URL TOKEN ACCOUNT_ID

Prints what the SDK made of the answers as JSON.
"""

import json
import sys

import cloudflare


def tokens(client, base_url, account_id):
    """Makes a token, uses and removes it; whether it worked."""
    groups = list(client.user.tokens.permission_groups.list())
    send = next(group for group in groups if group.name == "send")
    made = client.user.tokens.create(
        name="by SDK",
        policies=[
            {
                "effect": "allow",
                "permission_groups": [{"id": send.id}],
                "resources": {f"com.cloudflare.api.account.{account_id}": "*"},
            }
        ],
    )
    verified = cloudflare.Cloudflare(base_url=base_url, api_token=made.value).user.tokens.verify()
    rolled = client.user.tokens.value.update(made.id)
    client.user.tokens.delete(token_id=made.id)
    return verified.status == "active" and isinstance(rolled, str) and rolled != made.value


def missing(client, zone_id):
    """What becomes of a question about nothing."""
    try:
        client.email_sending.subdomains.get(subdomain_id="0" * 32, zone_id=zone_id)
    except cloudflare.APIStatusError as error:
        return {"error": type(error).__name__, "status": error.status_code}
    return None


def main(base_url, token, account_id):
    """Goes through the calls."""
    client = cloudflare.Cloudflare(base_url=base_url, api_token=token)
    account = client.accounts.get(account_id=account_id)
    assert account.id in [one.id for one in client.accounts.list()]
    zone = client.zones.create(name="SDK.example", account={"id": account_id})
    domains = client.email_sending.subdomains
    subdomain = domains.create(zone_id=zone.id, name="news.sdk.example")
    wildcard = domains.create(zone_id=zone.id, name="*.sdk.example")
    edited = domains.edit(subdomain_id=subdomain.tag, zone_id=zone.id, drop_suppressed_recipients=True)
    said = {
        "zone": client.zones.get(zone_id=zone.id).name,
        "zones": sorted(one.name for one in client.zones.list(account={"id": account_id})),
        "subdomain": domains.get(subdomain_id=subdomain.tag, zone_id=zone.id).to_dict(mode="json"),
        "edited": edited.to_dict(mode="json"),
        "listed": sorted(one.name for one in domains.list(zone_id=zone.id)),
        "missing": missing(client, zone.id),
        "token_works": tokens(client, base_url, account_id),
        "audited": [log.action.type for log in client.audit_logs.list(account_id=account_id)]
        if hasattr(client, "audit_logs")
        else [],
    }
    domains.delete(subdomain_id=wildcard.tag, zone_id=zone.id)
    client.zones.delete(zone_id=zone.id)
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
