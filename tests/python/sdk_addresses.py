"""Manages destination addresses with the published `cloudflare` SDK.

usage: sdk_addresses.py BASE_URL TOKEN ACCOUNT_ID

Prints what each method returned as JSON.
"""

import json
import sys

import cloudflare


def plain(model):
    """A model as the SDK reads it: a field of another type would not be as declared."""
    model = type(model).model_validate(model.model_dump(), strict=True)
    return model.to_dict(mode="json")


def main():
    base_url, token, account_id = sys.argv[1:]
    client = cloudflare.Cloudflare(base_url=base_url, api_token=token, max_retries=0)
    addresses = client.email_routing.addresses
    created = [addresses.create(account_id=account_id, email=f"{name}@example.net") for name in "abc"]
    first, second, third = created
    edited = addresses.edit(first.id, account_id=account_id, status="verified")
    listed = lambda **query: [row.email for row in addresses.list(account_id=account_id, **query)]
    report = {
        "created": plain(first),
        "got": plain(addresses.get(second.id, account_id=account_id)),
        "edited": plain(edited),
        "all": listed(per_page=2),
        "newest_first": listed(direction="desc"),
        "verified": listed(verified=True),
        "unverified": listed(verified=False),
        "deleted": plain(addresses.delete(third.id, account_id=account_id)),
    }
    report["left"] = listed()
    try:
        addresses.get(third.id, account_id=account_id)
    except cloudflare.NotFoundError as error:
        report["missing"] = error.status_code
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
