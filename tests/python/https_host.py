"""An HTTPS server for the policy hosts of MTA-STS and for takers of reports.

usage: https_host.py JOB

JOB is a JSON object: "port"; "hosts", from host names to {"certificate", "key"} (PEM files), by which the name that a
client asks for is answered; "answers", a file of JSON, read for every request, from "host path" to {"status", "type",
"body", "location"}. What it has no answer for is 404. Prints one JSON line when it listens and one for each request:
"method", "host", "path", "type" and "body" (base64).
"""

import base64
import http.server
import json
import pathlib
import ssl
import sys
import threading

job = json.loads(sys.argv[1])
printing = threading.Lock()


def tell(fact):
    """Prints one line, whole."""
    with printing:
        print(json.dumps(fact), flush=True)


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        """Tells of the request and gives the answer that the file has for it."""
        host = self.headers["host"].split(":")[0]
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        tell({"method": self.command, "host": host, "path": self.path, "type": self.headers.get("content-type"),
              "body": base64.b64encode(body).decode()})
        found = json.loads(pathlib.Path(job["answers"]).read_text()).get(f"{host} {self.path}", {"status": 404})
        content = found.get("body", "").encode()
        self.send_response(found["status"])
        self.send_header("content-type", found.get("type", "text/plain"))
        self.send_header("content-length", str(len(content)))
        if "location" in found:
            self.send_header("location", found["location"])
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = answer

    def log_message(self, *_):
        """The requests have been told."""


def context_of(files):
    """Returns a context with one host's certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(files["certificate"], files["key"])
    return made


contexts = {name: context_of(files) for name, files in job["hosts"].items()}


def choose(socket, name, _context):
    """Shows the certificate of the host that the client asks for."""
    if name in contexts:
        socket.context = contexts[name]


first = next(iter(contexts.values()))
first.sni_callback = choose
server = http.server.ThreadingHTTPServer(("127.0.0.1", job["port"]), Handler)
server.socket = first.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
tell({"listening": server.server_address[1]})
server.serve_forever()
