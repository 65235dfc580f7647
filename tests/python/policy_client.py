"""Makes one HTTPS request, or asks an SMTP server for TLS.

usage: policy_client.py JOB

JOB is a JSON object: "address", a list of IP address and port; "name" for the handshake, or null; "host" for the Host
field; "path"; "authorities", a file of those who must vouch for the name, or null. Prints "status", "type", "body" and
"certificate" (SHA-256 of the one shown), or "error". With "starttls" it is an SMTP server that is asked, which shows its
"certificate".
"""

import hashlib
import http.client
import json
import smtplib
import socket
import ssl
import sys


def digest(secured):
    """Returns that of the certificate which the server has shown."""
    return hashlib.sha256(secured.getpeercert(binary_form=True)).hexdigest()


def starttls(job):
    """Asks for TLS and returns what is shown."""
    with smtplib.SMTP(*job["address"], timeout=10) as client:
        client.ehlo()
        # The name is that of the handshake, not the address's.
        client._host = job["name"]
        client.starttls(context=ssl.create_default_context(cafile=job["authorities"]))
        return {"certificate": digest(client.sock)}


def fetch(job):
    """Makes the request and returns what came of it."""
    context = ssl.create_default_context(cafile=job["authorities"])
    if not job["authorities"]:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    with socket.create_connection(job["address"], timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname=job["name"]) as secured:
            shown = digest(secured)
            connection = http.client.HTTPConnection(job["host"])
            connection.sock = secured
            connection.putrequest("GET", job["path"], skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", job["host"])
            connection.endheaders()
            response = connection.getresponse()
            body = response.read().decode()
            return {"status": response.status, "type": response.getheader("content-type") or "", "body": body,
                    "certificate": shown}


try:
    wanted = json.loads(sys.argv[1])
    print(json.dumps(starttls(wanted) if wanted.get("starttls") else fetch(wanted)))
except OSError as error:
    print(json.dumps({"error": str(error)}))
