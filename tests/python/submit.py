"""Submits mail with Python's smtplib, a client that nobody here wrote.

usage: submit.py JSON

JSON is {"host", "port", "name": to ask for and to verify, "ca": PEM file, "mode": "starttls", "tls" or "plain",
"mechanism": "PLAIN", "LOGIN" or "" for smtplib's own choice, "user", "token", "attempts": times to log in,
"mail_from", "to": list, "options": of MAIL, as ["REQUIRETLS"], "message": to send as often as "count" says}. Without
"user" it only connects.

Prints {"extensions", "certificate": SHA-256, "cipher", "logins": codes, "seconds": of each login, "sent": codes}.
"""

import hashlib
import json
import smtplib
import ssl
import sys
import time


def connect(job):
    """Connects as the job says, verifying the certificate against its name."""
    context = ssl.create_default_context(cafile=job["ca"]) if job["mode"] != "plain" else None
    implicit = job["mode"] == "tls"
    client = smtplib.SMTP_SSL(context=context, timeout=30) if implicit else smtplib.SMTP(timeout=30)
    # smtplib verifies the host that it connects to; ours is called otherwise than by its address.
    client._host = job["name"]
    client.connect(job["host"], job["port"])
    client.ehlo()
    if job["mode"] == "starttls":
        client.starttls(context=context)
        client.ehlo()
    return client


def log_in(client, job):
    """Logs in once; the code of the answer."""
    try:
        if not job["mechanism"]:
            return client.login(job["user"], job["token"])[0]
        client.user, client.password = job["user"], job["token"]
        method = {"PLAIN": client.auth_plain, "LOGIN": client.auth_login}[job["mechanism"]]
        return client.auth(job["mechanism"], method)[0]
    except smtplib.SMTPResponseException as error:
        return error.smtp_code


def send(client, job):
    """Sends the message once; the code of the answer."""
    try:
        client.sendmail(job["mail_from"], job["to"], job["message"].encode(), job.get("options", []))
        return 250
    except smtplib.SMTPResponseException as error:
        return error.smtp_code
    except smtplib.SMTPRecipientsRefused as error:
        return next(iter(error.recipients.values()))[0]


def main():
    job = json.loads(sys.argv[1])
    client = connect(job)
    report = {"extensions": sorted(client.esmtp_features), "logins": [], "seconds": [], "sent": []}
    if job["mode"] != "plain":
        shown = client.sock.getpeercert(binary_form=True)
        report["certificate"] = hashlib.sha256(shown).hexdigest()
        report["cipher"] = client.sock.cipher()[0]
    for _ in range(job["attempts"] if "user" in job else 0):
        began = time.monotonic()
        report["logins"].append(log_in(client, job))
        report["seconds"].append(time.monotonic() - began)
    for _ in range(job.get("count", 0)):
        report["sent"].append(send(client, job))
    client.close()
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
