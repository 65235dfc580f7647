"""Does to a policy host what clients ought not to do.

usage: bad_policy_client.py JOB

JOB is a JSON object: "address", a list of IP address and port; "name", that of a policy host; "connections", how many one
address may have. Prints a JSON object: for each misdeed, the status that it was answered with, "closed" without an answer,
or the seconds until it was closed.
"""

import concurrent.futures
import json
import socket
import ssl
import sys
import time

job = json.loads(sys.argv[1])
PATH = "/.well-known/mta-sts.txt"
GOOD = f"GET {PATH} HTTP/1.1\r\nHost: {job['name']}\r\n\r\n".encode()


def plain(source="127.0.0.1"):
    """Connects, from an address of its own if wanted."""
    return socket.create_connection(job["address"], timeout=30, source_address=(source, 0))


def secured(name=job["name"], protocols=("http/1.1",), source="127.0.0.1"):
    """Connects with TLS, whatever the certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(list(protocols))
    return context.wrap_socket(plain(source), server_hostname=name)


def read(connection):
    """Reads to the end and returns the status, or "closed"."""
    answer = b""
    try:
        while piece := connection.recv(65536):
            answer += piece
    except OSError:
        pass
    words = answer.split(b"\r\n")[0].split()
    return int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/1.") else "closed"


def said(octets, **how):
    """Says this over TLS and returns what comes back."""
    try:
        with secured(**how) as connection:
            try:
                connection.sendall(octets)
            except OSError:
                pass
            return read(connection)
    except OSError:
        return "closed"


def said_plainly(octets):
    """The same without TLS."""
    with plain() as connection:
        connection.sendall(octets)
        return read(connection)


def until_closed(connection, words=b""):
    """Says one octet a second, if there are any, and returns how long the server puts up with it."""
    started = time.monotonic()
    connection.settimeout(1)
    while time.monotonic() - started < 30:
        try:
            connection.sendall(words[:1])
            words = words[1:]
            if not connection.recv(1):
                break
        except TimeoutError:
            pass
        except OSError:
            break
    return time.monotonic() - started


def crowd():
    """Takes every connection that one address may have; another address and then the same are served or not."""
    held = [plain("127.0.0.2") for _ in range(job["connections"])]
    time.sleep(0.3)
    told = {"others beside a crowd": said(GOOD), "one more of a crowd": said(GOOD, source="127.0.0.2")}
    for connection in held:
        connection.close()
    return told


field = b"X: " + b"y" * 60 + b"\r\n"
answers = {
    "well behaved": said(GOOD),
    "no name": said(GOOD, name=None),
    "a stranger's name": said(GOOD, name="www.example.net"),
    "another host": said(GOOD.replace(job["name"].encode(), b"www.example.net")),
    "no host": said(f"GET {PATH} HTTP/1.1\r\n\r\n".encode()),
    "two hosts": said(GOOD.replace(b"\r\n\r\n", f"\r\nHost: {job['name']}\r\n\r\n".encode())),
    "another path": said(GOOD.replace(PATH.encode(), b"/")),
    "post": said(GOOD.replace(b"GET", b"POST").replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\nhello")),
    "a challenge that nobody set": said(GOOD, protocols=["acme-tls/1"]),
    "http/2 only": said(GOOD, protocols=["h2"]),
    "a long head": said(GOOD[:-2] + field * 1000 + b"\r\n"),
    "a long target": said(GOOD.replace(PATH.encode(), b"/" + b"x" * 100_000)),
    "many fields": said(GOOD[:-2] + b"X: y\r\n" * 100 + b"\r\n"),
    "no http": said(b"\x00\xff" * 5000 + b"\r\n\r\n"),
    "no tls": said_plainly(GOOD),
    "broken tls": said_plainly(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" + b"\xff" * 508),
}
answers.update(crowd())
with concurrent.futures.ThreadPoolExecutor() as workers:
    slow = {
        "silent": workers.submit(until_closed, plain()),
        "slow tls": workers.submit(until_closed, plain(), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" + b"\x03" * 99),
        "silent in tls": workers.submit(until_closed, secured()),
        "slow head": workers.submit(until_closed, secured(), GOOD),
    }
    answers["others beside slow ones"] = said(GOOD)
    answers.update({name: waited.result() for name, waited in slow.items()})
print(json.dumps(answers))
