"""Relays mail with Python's smtplib, a client that nobody here wrote.

usage: relay.py HOST PORT CASE

CASE is `plain`, `eight_bit`, `utf8_address`, `many` or `too_big`. Prints {"extensions": [...], "refused":
code or null}.
"""

import json
import smtplib
import sys

SENDER = "sender@example.com"


def message(recipient, body, subject="by smtplib"):
    """Returns a message as bytes."""
    head = f"From: {SENDER}\r\nTo: {recipient}\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
    kind = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    return (head + kind + body).encode()


def plain(client):
    """One recipient, with lines that begin with dots."""
    client.sendmail(SENDER, ["plain@example.net"], message("plain@example.net", ".\r\n..\r\n.dot\r\nend\r\n"))


def eight_bit(client):
    """A body of eight-bit characters (RFC 6152)."""
    text = message("eight@example.net", "Gr\u00fc\u00dfe \u4f60\u597d\r\n")
    client.sendmail(SENDER, ["eight@example.net"], text, mail_options=["BODY=8BITMIME"])


def utf8_address(client):
    """An address of non-ASCII characters (RFC 6531)."""
    recipient = "\u043f\u043e\u0447\u0442\u0430@example.net"
    client.sendmail(SENDER, [recipient], message(recipient, "Hello\r\n"), mail_options=["SMTPUTF8", "BODY=8BITMIME"])


def many(client):
    """Fifty messages and one with fifty recipients on one connection."""
    for number in range(50):
        recipient = f"one{number}@example.net"
        client.sendmail(SENDER, [recipient], message(recipient, f"number {number}\r\n"))
    recipients = [f"all{number}@example.net" for number in range(50)]
    client.sendmail(SENDER, recipients, message("everyone@example.net", "all\r\n"))


def too_big(client):
    """A message whose announced size (RFC 1870) is past any limit; refused at MAIL."""
    code, text = client.mail(SENDER, ["SIZE=999999999999"])
    if code != 250:
        raise smtplib.SMTPResponseException(code, text)


def main():
    host, port, case = sys.argv[1:]
    cases = {"plain": plain, "eight_bit": eight_bit, "utf8_address": utf8_address, "many": many, "too_big": too_big}
    refused = None
    with smtplib.SMTP(host, int(port), local_hostname="client.example.com", timeout=30) as client:
        client.ehlo()
        try:
            cases[case](client)
        except smtplib.SMTPResponseException as error:
            refused = error.smtp_code
        except smtplib.SMTPRecipientsRefused as error:
            refused = next(iter(error.recipients.values()))[0]
        extensions = sorted(client.esmtp_features)
    json.dump({"extensions": extensions, "refused": refused}, sys.stdout)


if __name__ == "__main__":
    main()
