"""An HTTPS server for webhooks that checks signatures with the reference library of Standard Webhooks.

usage: webhook_receiver.py JOB

JOB is a JSON object: "port"; "certificate" and "key" (PEM files); "manners", a file of JSON that is read for every
request: "secrets", a list; "status"; "headers", an object; "body". Prints one JSON line when it listens and one for each
request: "path", "id", "verified" (for each secret whether the signature is good), "body" (JSON), "status" (as answered).
"""

import http.server
import json
import pathlib
import ssl
import sys
import threading

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

job = json.loads(sys.argv[1])
printing = threading.Lock()


def tell(fact):
    """Prints one line, whole."""
    with printing:
        print(json.dumps(fact), flush=True)


def verifies(secret, body, headers):
    """Returns whether a request was signed with a secret, just now."""
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """Tells of the request and answers as it is told to."""
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        manners = json.loads(pathlib.Path(job["manners"]).read_text())
        content = manners.get("body", "").encode()
        self.send_response(manners["status"])
        self.send_header("content-length", str(len(content)))
        for name, value in manners.get("headers", {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        tell({"path": self.path, "id": headers.get("webhook-id"), "status": manners["status"],
              "verified": [verifies(secret, body, headers) for secret in manners.get("secrets", [])],
              "body": json.loads(body)})

    do_GET = do_POST

    def log_message(self, *_):
        """The requests have been told."""


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(job["certificate"], job["key"])
server = http.server.ThreadingHTTPServer(("127.0.0.1", job["port"]), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
tell({"listening": server.server_address[1]})
server.serve_forever()
