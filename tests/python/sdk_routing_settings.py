"""Has a zone take mail, and no more, by every settings and dns method of `email_routing` of the published `cloudflare` SDK.

usage: sdk_routing_settings.py BASE_URL TOKEN ZONE_ID SUBDOMAIN

Prints what the SDK made of each answer as JSON.
"""

import json
import sys

import cloudflare


def plain(model):
    """A model as the SDK reads it: a field of another type would not be as declared."""
    return type(model).model_validate(model.model_dump(), strict=True).to_dict(mode="json")


def main(base_url, token, zone_id, subdomain):
    """Goes through all of them."""
    client = cloudflare.Cloudflare(api_token=token, base_url=base_url, max_retries=0)
    routing = client.email_routing
    zone = {"zone_id": zone_id}
    steps = {
        "new": routing.get(**zone),
        "needed": routing.dns.get(**zone),
        "edited": routing.edit(**zone, enabled=True, skip_wizard=True),
        "updated": routing.update(**zone, support_subaddress=True),
        "enabled": routing.enable(**zone),
        "published": routing.dns.get(**zone),
        "below": routing.dns.create(**zone, name=subdomain),
        "both": routing.dns.get(**zone),
        "unlocked": routing.dns.edit(**zone, name=subdomain),
        "locked": routing.dns.create(**zone),
        "unlocked_again": routing.unlock(**zone),
        "deleted": routing.dns.delete(**zone),
        "disabled": routing.disable(**zone),
    }

    def shown(step):
        return [plain(record) for record in step] if isinstance(step, list) else plain(step)

    json.dump({name: shown(step) for name, step in steps.items()}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
