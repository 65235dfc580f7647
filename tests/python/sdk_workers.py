"""Uploads a Worker and looks after what it keeps with the published `cloudflare` SDK.

usage: sdk_workers.py BASE_URL TOKEN ACCOUNT_ID

Prints what each method returned as JSON.
"""

import json
import sys

import cloudflare

CODE = b"export default { async email(message) { message.setReject('no') } }"


def plain(model):
    """A model as the SDK reads it."""
    return model.to_dict(mode="json")


def code(call):
    """The service's number for a refusal."""
    try:
        call()
    except cloudflare.APIStatusError as error:
        return [error.status_code, error.body["errors"][0]["code"]]
    return None


def of_workers(client, account):
    scripts = client.workers.scripts
    of = {"account_id": account}

    def upload(name, bindings):
        metadata = {"main_module": "mail.js", "compatibility_date": "2026-01-01", "bindings": bindings}
        file = ("mail.js", CODE, "application/javascript+module")
        return scripts.update(name, **of, metadata=metadata, files=[file])

    first = upload("sdk", [{"name": "GREETING", "type": "plain_text", "text": "hello"}])
    secret = scripts.secrets.update("sdk", **of, name="KEY", text="hush", type="secret_text")
    upload("sdk", [])
    versions = [version.id for version in scripts.versions.list("sdk", **of)]
    back = {"strategy": "percentage", "versions": [{"percentage": 100, "version_id": versions[-1]}]}
    deployed = scripts.deployments.create("sdk", **of, **back)
    settings = scripts.script_and_version_settings.get("sdk", **of)
    report = {
        "first": plain(first),
        "secret": plain(secret),
        "listed": [script.id for script in scripts.list(**of)],
        "versions": len(versions),
        "back": deployed.versions[0].version_id == versions[-1],
        "bindings": [[binding.name, binding.type] for binding in settings.bindings],
        "code": CODE.decode() in scripts.get("sdk", **of),
        "subdomain": plain(scripts.subdomain.create("sdk", **of, enabled=True)),
        "account": client.workers.subdomains.update(**of, subdomain="sdk-tests").subdomain,
        "schedules": len(scripts.schedules.get("sdk", **of).schedules),
        "cron": code(lambda: scripts.schedules.update("sdk", **of, body=[{"cron": "* * * * *"}])),
        "d1": code(lambda: upload("other", [{"name": "DB", "type": "d1", "id": "x"}])),
        "inherit": code(lambda: upload("other", [{"name": "GONE", "type": "inherit"}])),
    }
    scripts.delete("sdk", **of)
    report["deleted"] = code(lambda: scripts.secrets.list("sdk", **of))
    return report


def of_keys(client, account):
    namespaces = client.kv.namespaces
    made = namespaces.create(account_id=account, title="sdk")
    at = {"account_id": account, "namespace_id": made.id}
    namespaces.values.update("a/b ü%", **at, value=b"one", metadata=json.dumps({"n": 1}))
    entries = [{"key": f"many{n}", "value": "eA==", "base64": True, "metadata": {"n": n}} for n in range(3)]
    written = namespaces.bulk_update(made.id, account_id=account, body=entries)
    page = namespaces.keys.list(made.id, account_id=account, limit=10, prefix="many")
    found = namespaces.bulk_get(made.id, account_id=account, keys=["many0", "none"], with_metadata=True)
    report = {
        "title": namespaces.update(made.id, account_id=account, title="renamed").title,
        "titles": [namespace.title for namespace in namespaces.list(account_id=account)],
        "taken": code(lambda: namespaces.create(account_id=account, title="renamed")),
        "value": namespaces.values.get("a/b ü%", **at).text(),
        "metadata": namespaces.metadata.get("a/b ü%", **at),
        "written": written.successful_key_count,
        "keys": [[key.name, key.metadata] for key in page],
        "found": plain(found),
        "removed": namespaces.bulk_delete(made.id, account_id=account, body=["many0"]).successful_key_count,
        "short": code(lambda: namespaces.values.update("k", **at, value=b"v", expiration_ttl=10)),
    }
    namespaces.values.delete("a/b ü%", **at)
    report["gone"] = code(lambda: namespaces.values.get("a/b ü%", **at))
    namespaces.delete(made.id, account_id=account)
    report["namespace"] = code(lambda: namespaces.get(made.id, account_id=account))
    return report


def of_queues(client, account):
    queues = client.queues
    of = {"account_id": account}
    made = queues.create(**of, queue_name="sdk-jobs")
    id = made.queue_id
    edited = queues.edit(id, **of, settings={"delivery_delay": 7, "delivery_paused": True})
    sent = queues.messages.push(id, **of, body={"n": 1}, content_type="json")
    many = [{"body": "x", "content_type": "text", "delay_seconds": 60}] * 2
    queues.messages.bulk_push(id, **of, messages=many)
    metrics = queues.get_metrics(id, **of)
    report = {
        "settings": plain(edited)["settings"],
        "sent": sent.metadata.metrics.backlog_count,
        "waiting": metrics.backlog_count,
        "names": [queue.queue_name for queue in queues.list(**of)],
        "taken": code(lambda: queues.create(**of, queue_name="sdk-jobs")),
        "pull": code(lambda: queues.consumers.create(id, **of, type="http_pull")),
        "stranger": code(lambda: queues.consumers.create(id, **of, type="worker", script_name="nobody")),
    }
    queues.purge.start(id, **of, delete_messages_permanently=True)
    report["purged"] = queues.get_metrics(id, **of).backlog_count
    queues.delete(id, **of)
    report["gone"] = code(lambda: queues.get(id, **of))
    return report


def main():
    base_url, token, account = sys.argv[1:]
    client = cloudflare.Cloudflare(base_url=base_url, api_token=token, max_retries=0)
    parts = {"workers": of_workers, "keys": of_keys, "queues": of_queues}
    print(json.dumps({name: part(client, account) for name, part in parts.items()}))


main()
