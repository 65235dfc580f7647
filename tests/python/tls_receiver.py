"""A mail server that takes everything and does with TLS as it is told.

usage: tls_receiver.py JOB

JOB is a JSON object: "address", "port"; "certificate" and "key" (PEM files; without them STARTTLS is not offered);
"requiretls" (whether REQUIRETLS is offered under TLS); "newest" ("TLSv1_2" to offer nothing newer); "broken" (whether
the connection is closed where the handshake should begin). Prints one JSON line when it listens and one for each
message: "mail" and "rcpt" (the commands), "tls" (the protocol, or null), "resumed", "sni" and "message".
"""

import json
import socketserver
import ssl
import sys
import threading

job = json.loads(sys.argv[1])
printing = threading.Lock()
names = threading.local()


def tell(fact):
    """Prints one line, whole."""
    with printing:
        print(json.dumps(fact), flush=True)


def tls_context():
    """Returns the context of all sessions, so that they can be resumed; None without a certificate."""
    if "certificate" not in job:
        return None
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(job["certificate"], job["key"])
    if "newest" in job:
        made.maximum_version = ssl.TLSVersion[job["newest"]]

    def note(_socket, name, _context):
        names.asked = name

    made.sni_callback = note
    return made


context = tls_context()


class Session(socketserver.StreamRequestHandler):
    """One client."""

    def handle(self):
        """Holds the dialogue until the client goes."""
        self.tls, self.resumed = None, False
        names.asked = None
        self.say("220 receiver.example ESMTP")
        while line := self.rfile.readline():
            command = line.decode("latin-1").strip()
            if self.obey(command) is False:
                return

    def say(self, line):
        """Sends one line."""
        self.wfile.write(f"{line}\r\n".encode())
        self.wfile.flush()

    def obey(self, command):
        """Carries out one command; False ends the session."""
        verb = command.split(" ")[0].split(":")[0].upper()
        if verb == "EHLO":
            self.hello()
        elif verb == "STARTTLS" and context:
            return self.start_tls()
        elif verb == "DATA":
            self.data()
        elif verb == "QUIT":
            self.say("221 2.0.0 bye")
            return False
        else:
            if verb == "MAIL":
                self.mail, self.rcpt = command, []
            if verb == "RCPT":
                self.rcpt.append(command)
            self.say("250 2.0.0 ok")
        return True

    def hello(self):
        """Answers EHLO."""
        extensions = ["8BITMIME", "PIPELINING"]
        if context and not self.tls:
            extensions.append("STARTTLS")
        if self.tls and job.get("requiretls"):
            extensions.append("REQUIRETLS")
        for line in ["receiver.example", *extensions]:
            last = line == extensions[-1]
            self.say(f"250{' ' if last else '-'}{line}")

    def start_tls(self):
        """Begins TLS; False if there is none."""
        self.say("220 2.0.0 go ahead")
        if job.get("broken"):
            return False
        try:
            self.connection = context.wrap_socket(self.connection, server_side=True)
        except (ssl.SSLError, OSError):
            return False
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
        self.tls, self.resumed = self.connection.version(), self.connection.session_reused
        return True

    def data(self):
        """Takes a message."""
        self.say("354 go ahead")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        message = b"".join(lines).decode("latin-1")
        tell({"mail": self.mail, "rcpt": self.rcpt, "tls": self.tls, "resumed": self.resumed,
              "sni": names.asked, "message": message})
        self.say("250 2.0.0 taken")


class Server(socketserver.ThreadingTCPServer):
    """One thread a client."""

    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that goes in the middle is none of our concern."""


with Server((job["address"], job["port"]), Session) as server:
    tell({"listening": server.server_address[1]})
    server.serve_forever()
