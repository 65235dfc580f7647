"""Makes a corpus of mail to be judged, with the DNS of its world, and says how others judge it.

usage: authentication_corpus.py make KEYS FOLDER
       authentication_corpus.py chains KEYS EML...

make: writes the messages into FOLDER and prints {"zone", "reverse", "cases"}: the records of the zones `example` and
2.0.192.in-addr.arpa, and for each message {"name", "file", "ip", "helo", "from", "found", "differs", "action"}. `found` is
what pyspf, dkimpy and authheaders find; `differs` is where we are to find something else, with the reason.
chains: prints for each message what dkimpy finds of its ARC chain.
"""

import base64
import hashlib
import json
import pathlib
import re
import sys
import time

import authheaders
import authheaders.dmarc_lookup
import dkim
import spf
from authres import AuthenticationResultsHeader  # dkimpy needs it for ARC and says so late
from dkim.canonicalization import CanonicalizationPolicy
from dkim.crypto import RSASSA_PKCS1_v1_5_sign, parse_pem_private_key
import nacl.signing
from email.utils import getaddresses
from publicsuffix2 import PublicSuffixList

assert AuthenticationResultsHeader
NOW = int(time.time())
HELO = "mail.good.example"
COVERED = (b"from", b"to", b"subject", b"date", b"message-id")
TEXT = "Hello  there, \r\n\r\n trailing space \t\r\nGr\u00fc\u00dfe\r\n\r\n\r\n".encode()


class World:
    """What the DNS says."""

    def __init__(self, keys):
        self.keys = keys
        self.records = {}
        # Set up well, at 192.0.2.1.
        self.add("good.example", "TXT", "v=spf1 ip4:192.0.2.1 ip6:2001:db8::/32 -all")
        self.add("_dmarc.good.example", "TXT", "v=DMARC1; p=reject; rua=mailto:d@good.example")
        self.add("mail.good.example", "A", "192.0.2.1")
        self.add("mail.good.example", "TXT", "v=spf1 a -all")
        self.add("1.2.0.192.in-addr.arpa", "PTR", "mail.good.example")
        self.add("2.2.0.192.in-addr.arpa", "PTR", "liar.example")
        self.add("liar.example", "A", "192.0.2.99")
        rsa, ed25519 = keys["rsa2048"], keys["ed25519"]["public"]
        for name, record in {
            "r1": f"v=DKIM1; k=rsa; p={rsa['public']}",
            "bare": f"p={rsa['public']}",
            "pkcs1": f"v=DKIM1; k=rsa; p={rsa['public_pkcs1']}",
            "e1": f"v=DKIM1; k=ed25519; p={ed25519}",
            "kilo": f"v=DKIM1; k=rsa; p={keys['rsa1024']['public']}",
            "short": f"v=DKIM1; k=rsa; p={keys['rsa512']['public']}",
            "revoked": "v=DKIM1; k=rsa; p=",
            "strict": f"v=DKIM1; k=rsa; t=s; p={rsa['public']}",
            "testing": f"v=DKIM1; k=rsa; t=y; p={rsa['public']}",
            "future": f"v=DKIM2; k=rsa; p={rsa['public']}",
            "foreign": f"v=DKIM1; k=rot13; p={rsa['public']}",
            "swapped": f"v=DKIM1; k=ed25519; p={rsa['public']}",
            "garbage": "v=DKIM1; k=rsa; p=!!!!",
            "notes": f"v=DKIM1; n=a note; k=rsa; x=y; p={rsa['public']};",
        }.items():
            self.add(f"{name}._domainkey.good.example", "TXT", record)
        self.add("r1._domainkey.list.example", "TXT", f"v=DKIM1; k=rsa; p={rsa['public']}")
        self.add("r1._domainkey.sub.good.example", "TXT", f"v=DKIM1; k=rsa; p={rsa['public']}")
        self.add("r1._domainkey.other.example", "TXT", f"v=DKIM1; k=rsa; p={rsa['public']}")
        self.add("list.example", "TXT", "v=spf1 ip4:192.0.2.7 -all")

    def add(self, name, kind, value):
        self.records.setdefault(name, {}).setdefault(kind, []).append(value)

    def of(self, name, kind):
        return self.records.get(name.rstrip(".").lower(), {}).get(kind, [])

    def zone(self, name):
        """The records of a zone, in the form of a zone file."""
        lines = []
        for owner, kinds in self.records.items():
            if not owner.endswith("." + name):
                continue
            for kind, values in kinds.items():
                lines += [f"{owner}. {kind} {self.value(kind, value)}" for value in values]
        return "\n".join(lines)

    @staticmethod
    def value(kind, value):
        if kind == "TXT":
            strings = [value[at : at + 255] for at in range(0, len(value), 255)] or [""]
            return " ".join('"' + string.replace('"', '\\"') + '"' for string in strings)
        if kind == "MX":
            return f"{value[0]} {value[1]}."
        return value + "." if kind == "PTR" else value


class Corpus:
    """Messages, and how others judge them."""

    def __init__(self, world, folder):
        self.world = world
        self.folder = pathlib.Path(folder)
        self.cases = []
        self.private = {
            name: parse_pem_private_key(key["private"].encode())
            for name, key in world.keys.items()
            if name.startswith("rsa")
        }
        self.ed25519 = nacl.signing.SigningKey(base64.b64decode(world.keys["ed25519"]["private"]))
        spf.DNSLookup = self.spf_lookup
        suffixes = PublicSuffixList(["com", "example"])
        authheaders.get_org_domain = authheaders.dmarc_lookup.get_org_domain = suffixes.get_public_suffix

    def spf_lookup(self, name, kind, _strict=True, timeout=0):
        if name.rstrip(".").endswith("broken.example"):
            raise spf.TempError("SERVFAIL")
        values = self.world.of(name, kind)
        if kind == "TXT":
            values = [(value.encode(),) for value in values]
        return [((name.rstrip("."), kind), value) for value in values]

    def key_lookup(self, name, timeout=0):
        name = name.decode() if isinstance(name, bytes) else name
        if name.rstrip(".").endswith("broken.example"):
            raise dkim.DnsTimeoutError("SERVFAIL")
        values = self.world.of(name, "TXT")
        return values[0].encode() if values else None

    def policy_lookup(self, name):
        values = [value for value in self.world.of(name, "TXT") if value.startswith("v=DMARC1")]
        return values[0] if len(values) == 1 else None

    def add(self, name, message, ip="192.0.2.1", helo=HELO, sender="ann@good.example", differs=None, action="take"):
        """Adds a message; `differs` has our results where they are not those of others, each with the reason."""
        file = self.folder / f"{name}.eml"
        file.write_bytes(message)
        self.cases.append(
            {
                "name": name,
                "file": str(file),
                "ip": ip,
                "helo": helo,
                "from": sender,
                "found": self.found(message, ip, helo, sender),
                "differs": differs or {},
                "action": action,
            }
        )

    def found(self, message, ip, helo, sender):
        of_sender = spf.check2(i=ip, s=sender, h=helo)[0]
        signatures = self.signatures(message)
        return {
            "spf": of_sender,
            "helo_spf": spf.check2(i=ip, s="", h=helo)[0],
            "dkim": [valid for valid, _ in signatures],
            "dmarc": self.dmarc(message, of_sender, sender or f"postmaster@{helo}", helo, signatures),
            "arc": chain(message, self.key_lookup),
        }

    def signatures(self, message):
        verifier = dkim.DKIM(message)
        count = sum(name.lower() == b"dkim-signature" for name, _ in verifier.headers)
        results = []
        for index in range(count):
            verifier = dkim.DKIM(message)
            try:
                valid = bool(verifier.verify(idx=index, dnsfunc=self.key_lookup))
                domain = verifier.signature_fields[b"d"].decode()
            except Exception:  # whatever it stumbles over, it does not pass
                valid, domain = False, ""
            results.append((valid, domain))
        return results

    def dmarc(self, message, of_sender, sender, helo, signatures):
        """By the first author; authheaders looks at one signature at a time."""
        fields = [value.decode(errors="replace") for name, value in dkim.rfc822_parse(message)[0] if name.lower() == b"from"]
        domain = getaddresses(fields[-1:])[0][1].rpartition("@")[2]
        found = set()
        for valid, signer in signatures or [(False, "")]:
            by_spf = authheaders.SPFAuthenticationResult(result=of_sender, smtp_mailfrom=sender, smtp_helo=helo)
            by_dkim = authheaders.DKIMAuthenticationResult(result="pass" if valid else "fail", header_d=signer.lower())
            found.add(authheaders.dmarc_per_from(domain, by_spf, by_dkim, dnsfunc=self.policy_lookup)[0])
        return "pass" if "pass" in found else found.pop()

    # Making messages.

    def signed(self, message, selector="r1", domain="good.example", key="rsa2048", c="relaxed/relaxed", covers=COVERED, **more):
        """The message with a signature on top; `more` are tags, None leaves one out."""
        policy = CanonicalizationPolicy.from_c_value(c.encode())
        headers, body = dkim.rfc822_parse(message)
        hashed = policy.canonicalize_body(body)[: int(more["l"]) if more.get("l") else None]
        algorithm = "ed25519-sha256" if key == "ed25519" else "rsa-sha256"
        tags = {
            "v": "1",
            "a": algorithm,
            "c": c,
            "d": domain,
            "s": selector,
            "t": str(NOW - 60),
            "h": b":".join(covers).decode(),
            "bh": base64.b64encode(hashlib.sha256(hashed).digest()).decode(),
        }
        between, without = more.pop("between", "; "), more.pop("without", ())
        tags |= more | {name: None for name in without}
        value = between.join(f"{name}={tag}" for name, tag in tags.items() if tag is not None) + between + "b="
        chosen = dkim.select_headers(policy.canonicalize_headers(headers), [name.strip().lower() for name in covers])
        field = policy.canonicalize_headers([(b"DKIM-Signature", b" " + value.encode() + b"\r\n")])[0]
        data = b"".join(name + b":" + text for name, text in chosen) + field[0] + b":" + field[1].rstrip(b"\r\n")
        if key == "ed25519":
            signature = self.ed25519.sign(hashlib.sha256(data).digest()).signature
        else:
            digest = hashlib.sha1(data) if tags["a"] == "rsa-sha1" else hashlib.sha256(data)
            signature = RSASSA_PKCS1_v1_5_sign(digest, self.private[key])
        return b"DKIM-Signature: " + value.encode() + base64.b64encode(signature) + b"\r\n" + message

    def library_signed(self, message, **more):
        pem = self.world.keys["rsa2048"]["private"].encode()
        return dkim.sign(message, b"r1", b"good.example", pem, **more) + message

    def sealed(self, message, cv="none", domain=b"list.example"):
        """The message with a set by dkimpy, which takes the chain's state from a field."""
        pem = self.world.keys["rsa2048"]["private"].encode()
        results = "spf=pass smtp.mailfrom=good.example; dmarc=pass header.from=good.example"
        if cv != "none":
            results += f"; arc={cv}"
        with_results = f"Authentication-Results: {domain.decode()}; {results}\r\n".encode() + message
        covers = [b"from", b"to", b"subject", b"date", b"message-id"]
        fields = dkim.arc_sign(with_results, b"r1", domain, pem, domain, include_headers=covers)
        assert fields, cv
        return b"".join(fields) + message


def chain(message, look_up):
    try:
        found, _, _ = dkim.arc_verify(message, dnsfunc=look_up)
    except Exception:  # it stumbles over what is malformed
        found = b"fail"
    # A chain that its newest seal calls broken has no state of its own to dkimpy; it is broken.
    return (found or b"fail").decode()


def plain(author="Ann <ann@good.example>", header="", body=TEXT):
    fields = (
        f"Received: from x by y; Sat, 21 Nov 2026 10:04:05 +0000\r\nFrom: {author}\r\nTo: Bob <bob@example.net>,\r\n"
        f" Carl <carl@example.net>\r\nSubject:  Two   spaces and \t a tab \r\n{header}"
        "Date: Sat, 21 Nov 2026 10:04:05 +0000\r\nMessage-ID: <1@good.example>\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    )
    return fields.encode() + b"\r\n" + body


def add_signatures(corpus):
    message = plain()
    signed, add = corpus.signed, corpus.add
    elsewhere = {"ip": "192.0.2.66", "helo": "unknown.example"}
    for c in ("relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple"):
        name = c.replace("/", "_")
        add(f"dkim_{name}", signed(message, c=c), **elsewhere)
        add(f"dkim_{name}_empty", signed(plain(body=b""), c=c), **elsewhere)
        add(f"dkim_{name}_blank", signed(plain(body=b"\r\n\r\n \r\n"), c=c), **elsewhere)
        add(f"dkim_{name}_library", corpus.library_signed(message, canonicalize=tuple(c.encode().split(b"/"))), **elsewhere)
        changed = signed(message, c=c).replace(b"there", b"where")
        add(f"dkim_{name}_changed", changed, **elsewhere, action="reject")
    add("dkim_refolded_relaxed", signed(message).replace(b",\r\n Carl", b", Carl"), **elsewhere)
    refolded = signed(message, c="simple/simple").replace(b",\r\n Carl", b", Carl")
    add("dkim_refolded_simple", refolded, **elsewhere, action="reject")
    add("dkim_default_forms", signed(message, c="simple/simple", without=("c",)), **elsewhere)
    add("dkim_half_form", signed(message, c="relaxed"), **elsewhere)
    add("dkim_long_line", signed(plain(body=b"x" * 990 + b"\r\n")), **elsewhere)
    add("dkim_high_octets", signed(plain(body=bytes(range(128, 256)) + b"\r\n")), **elsewhere)
    add("dkim_no_last_line_end", signed(plain(body=b"no end")), **elsewhere)
    add("dkim_odd_names", signed(message).replace(b"Subject:", b"sUbJeCt:"), **elsewhere)
    both = signed(signed(message, "e1", key="ed25519"))
    add("dkim_two_algorithms", both, **elsewhere)
    add("dkim_two_domains", signed(both, domain="list.example"), **elsewhere)
    add("dkim_one_of_two", signed(signed(message).replace(b"there", b"where"), "e1", key="ed25519"), **elsewhere)
    many = message
    for number in range(12):
        many = signed(many, i=f"n{number}@good.example")
    add("dkim_many", many, **elsewhere, differs={"dkim": [[True] * 10, "no more than ten are looked at"]})
    add_lengths(corpus, elsewhere)
    add_tags(corpus, elsewhere)
    add_keys(corpus, elsewhere)


def add_lengths(corpus, elsewhere):
    signed, add, message = corpus.signed, corpus.add, plain()
    length = len(CanonicalizationPolicy.from_c_value(b"relaxed/relaxed").canonicalize_body(TEXT))
    part = {"dkim": [[False], "a signature on a part of the body vouches for nothing that is added"],
            "dmarc": ["fail", "as DKIM"]}
    whole = signed(message, l=str(length))
    add("dkim_length_whole", whole, **elsewhere)
    simple = len(CanonicalizationPolicy.from_c_value(b"simple/simple").canonicalize_body(TEXT))
    add("dkim_length_whole_simple", signed(message, c="simple/simple", l=str(simple)), **elsewhere)
    add("dkim_length_then_more", whole + b"<added>\r\n", **elsewhere, differs=part, action="reject")
    add("dkim_length_part", signed(message, l="5"), **elsewhere, differs=part, action="reject")
    too_long = {"dkim": [[False], "it says that it covers more than there is (RFC 6376 section 3.5)"], "dmarc": ["fail", "as DKIM"]}
    add("dkim_length_too_long", signed(message, l=str(length + 1)), **elsewhere, differs=too_long, action="reject")
    beside = signed(signed(message, l="5"), "e1", key="ed25519")
    add("dkim_length_beside_another", beside, **elsewhere, differs={"dkim": [[True, False], "as above"]})


def add_tags(corpus, elsewhere):
    signed, add, message = corpus.signed, corpus.add, plain()
    refused = {**elsewhere, "action": "reject"}
    add("tag_oversigned", signed(message, covers=COVERED + (b"from", b"subject", b"reply-to")), **elsewhere)
    oversigned = signed(message, covers=COVERED + (b"subject",))
    add("tag_oversigned_and_added", b"Subject: other\r\n" + oversigned, **refused)
    add("tag_not_oversigned_and_added", b"Subject: other\r\n" + signed(message), **elsewhere)
    add("tag_second_from", b"From: Eve <eve@other.example>\r\n" + signed(message), **refused, differs={
        "dkim": [[True], "dkimpy signs one From more than there is; we refuse the message, for it has two authors"],
        "dmarc": ["none", "a message with two authors is refused before"]})
    add("tag_from_not_covered", signed(message, covers=(b"to", b"subject")), **refused, differs={
        "dkim": [[False], "From must be covered (RFC 6376 section 5.4); dkimpy does not look"], "dmarc": ["fail", "as DKIM"]})
    add("tag_no_version", signed(message, without=("v",)), **refused)
    add("tag_version_2", signed(message, v="2"), **refused)
    add("tag_expired", signed(message, t=str(NOW - 600), x=str(NOW - 300)), **refused, differs={
        "dkim": [[False], "it has expired; dkimpy does not look"], "dmarc": ["fail", "as DKIM"]})
    add("tag_not_expired", signed(message, x=str(NOW + 3600)), **elsewhere)
    add("tag_expires_before_it_begins", signed(message, t=str(NOW - 60), x=str(NOW - 90)), **refused)
    add("tag_from_tomorrow", signed(message, t=str(NOW + 86_400)), **elsewhere, differs={
        "dkim": [[True], "RFC 6376 section 3.5 lets a verifier ignore it or not; clocks are wrong more often than mail is"],
        "dmarc": ["pass", "as DKIM"]})
    add("tag_identity_beneath", signed(message, i="ann@sub.good.example"), **elsewhere)
    add("tag_identity_elsewhere", signed(message, i="ann@other.example"), **refused)
    add("tag_identity_suffix", signed(message, i="ann@evilgood.example"), **refused)
    add("tag_unknown", signed(message, zz="whatever", q="dns/txt"), **elsewhere)
    add("tag_folded", signed(message, between=";\r\n\t"), **elsewhere)
    add("tag_upper_case_domain", signed(message, domain="GOOD.example"), **elsewhere)
    add("tag_unknown_algorithm", signed(message, a="rsa-md5"), **refused)
    add("tag_sha1", signed(message, a="rsa-sha1"), **refused)
    add("tag_body_hash_garbage", signed(message, bh="!!!!"), **refused)
    add("tag_no_selector", signed(message, without=("s",)), **refused)
    add("tag_no_domain", signed(message, without=("d",)), **refused)
    add("tag_empty", b"DKIM-Signature: \r\n" + message, **refused)
    add("tag_garbage", b"DKIM-Signature: \xff\xfe;;;==;\r\n" + message, **refused)
    add("tag_garbage_beside_good", b"DKIM-Signature: v=1; b\r\n" + signed(message), **elsewhere)
    add("tag_signature_cut", re.sub(rb"(b=[A-Za-z0-9+/]{200})[^\r]*", rb"\1", signed(message)), **refused)


def add_keys(corpus, elsewhere):
    signed, add, message = corpus.signed, corpus.add, plain()
    refused = {**elsewhere, "action": "reject"}
    for selector in ("bare", "pkcs1", "testing", "notes"):
        add(f"key_{selector}", signed(message, selector), **elsewhere)
    add("key_kilo", signed(message, "kilo", key="rsa1024"), **elsewhere)
    add("key_short", signed(message, "short", key="rsa512"), **refused)
    for selector in ("revoked", "future", "foreign", "swapped", "garbage", "absent"):
        add(f"key_{selector}", signed(message, selector), **refused)
    add("key_strict", signed(message, "strict", i="ann@good.example"), **elsewhere)
    strict = signed(message, "strict", i="ann@sub.good.example")
    add("key_strict_beneath", strict, **refused, differs={
        "dkim": [[False], "t=s allows no domain beneath (RFC 6376 section 3.6.1); dkimpy does not look"],
        "dmarc": ["fail", "as DKIM"]})
    add("key_other", signed(message, "e1"), **refused)
    unanswered = signed(plain("a@other.example"), domain="broken.example")
    add("key_cannot_be_had", unanswered, **{**elsewhere, "action": "defer"}, sender="a@other.example")


def add_senders(corpus, world):
    records = {
        "pass": "v=spf1 ip4:192.0.2.0/24 -all",
        "fail": "v=spf1 -all",
        "softfail": "v=spf1 ~all",
        "neutral": "v=spf1 ?all",
        "nothing": "v=spf1",
        "include": "v=spf1 include:pass.spf.example -all",
        "include-fails": "v=spf1 include:fail.spf.example +all",
        "include-absent": "v=spf1 include:absent.spf.example -all",
        "include-broken": "v=spf1 include:x.broken.example -all",
        "redirect": "v=spf1 redirect=pass.spf.example",
        "redirect-absent": "v=spf1 redirect=absent.spf.example",
        "a": "v=spf1 a:mail.good.example -all",
        "a-range": "v=spf1 a:liar.example/24 -all",
        "mx": "v=spf1 mx -all",
        "ptr": "v=spf1 ptr:good.example -all",
        "exists": "v=spf1 exists:%{ir}.%{l}.allowed.example -all",
        "exists-not": "v=spf1 exists:%{i}.no.example ~all",
        "macros": "v=spf1 include:%{d2}.macro.example -all",
        "syntax": "v=spf1 ip4:300.1.2.3 -all",
        "syntax-after": "v=spf1 ip4:192.0.2.1 nonsense -all",
        "unknown-modifier": "v=spf1 foo=bar ip4:192.0.2.1 -all",
        "version": "v=spf10 +all",
        "upper": "V=SPF1 IP4:192.0.2.1 -ALL",
        "many": "v=spf1 " + " ".join(f"a:n{n}.good.example" for n in range(11)) + " +all",
        "loop": "v=spf1 include:loop.spf.example -all",
        "long": "v=spf1 " + "ip4:198.51.100.1 " * 40 + "ip4:192.0.2.1 -all",
    }
    for name, record in records.items():
        world.add(f"{name}.spf.example", "TXT", record)
    for number in range(11):
        world.add(f"n{number}.good.example", "A", "198.51.100.1")
    world.add("two.spf.example", "TXT", "v=spf1 +all")
    world.add("two.spf.example", "TXT", "v=spf1 -all")
    world.add("text.spf.example", "TXT", "not a policy")
    world.add("text.spf.example", "TXT", "v=spf1 +all")
    world.add("mx.spf.example", "MX", (10, "mail.good.example"))
    world.add("1.2.0.192.a.allowed.example", "A", "127.0.0.2")
    world.add("spf.example.macro.example", "TXT", "v=spf1 ip4:192.0.2.1 -all")
    passing = {"pass", "include", "redirect", "a", "a-range", "mx", "ptr", "exists", "macros", "unknown-modifier", "upper", "long", "text"}
    passing.add("include-fails")
    deferred = {"include-broken", "broken"}
    for name in [*records, "two", "text", "absent"]:
        action = "take" if name in passing else "defer" if name in deferred else "reject"
        domain = f"{name}.spf.example"
        corpus.add(f"spf_{name}", plain(f"a@{domain}"), sender=f"a@{domain}", helo="unknown.example", action=action)
    corpus.add("spf_broken", plain("a@broken.example"), sender="a@broken.example", helo="unknown.example", action="defer",
        differs={"dmarc": ["temperror", "authheaders takes what cannot be had for what is not there"]})
    corpus.add("spf_ipv6", plain(), ip="2001:db8::7", helo="unknown.example")
    corpus.add("spf_mapped", plain(), ip="::ffff:192.0.2.1", helo="unknown.example")
    corpus.add("spf_null_sender", plain("a@mail.good.example"), sender="")
    corpus.add("spf_null_sender_literal", plain("a@mail.good.example"), sender="", helo="[192.0.2.1]", action="reject")


def add_policies(corpus, world):
    policies = {
        "reject": "v=DMARC1; p=reject",
        "quarantine": "v=DMARC1; p=quarantine",
        "nothing": "v=DMARC1; p=none",
        "strict": "v=DMARC1; p=reject; aspf=s; adkim=s",
        "beneath": "v=DMARC1; p=none; sp=reject",
        "test": "v=DMARC1; p=reject; pct=0",
        "late": "p=reject; v=DMARC1",
    }
    for name, record in policies.items():
        world.add(f"_dmarc.{name}p.example", "TXT", record)
        world.add(f"sub.{name}p.example", "A", "192.0.2.1")
        for sender in (f"{name}p.example", f"sub.{name}p.example"):
            world.add(sender, "TXT", "v=spf1 ip4:192.0.2.1 -all")
    world.add("_dmarc.twop.example", "TXT", "v=DMARC1; p=reject")
    world.add("_dmarc.twop.example", "TXT", "v=DMARC1; p=none")
    refusing = {"reject", "strict"}
    for name in [*policies, "two", "absent"]:
        domain = f"{name}p.example"
        # SPF passes for another domain, so that the message is answered for.
        unaligned = "reject" if name in refusing else "quarantine" if name in ("quarantine", "test") else "take"
        corpus.add(f"dmarc_{name}_unaligned", plain(f"a@{domain}"), action=unaligned)
        if name not in ("two", "absent"):
            corpus.add(f"dmarc_{name}_aligned", plain(f"a@{domain}"), sender=f"b@{domain}")
            action = "reject" if name == "strict" else "take"
            corpus.add(f"dmarc_{name}_from_beneath", plain(f"a@sub.{domain}"), sender=f"b@{domain}", action=action)
            corpus.add(f"dmarc_{name}_sender_beneath", plain(f"a@{domain}"), sender=f"b@sub.{domain}", action=action)
    corpus.add("dmarc_beneath", plain("a@sub.beneathp.example"), action="reject")
    signed = corpus.signed(plain("a@sub.good.example"), domain="good.example")
    corpus.add("dmarc_dkim_above", signed, ip="192.0.2.66", helo="unknown.example")
    two = {"dmarc": ["none", "a message from several domains is refused before its policies are looked up"]}
    corpus.add("dmarc_two_authors", plain("a@good.example, b@other.example"), differs=two, action="reject")
    corpus.add("dmarc_two_of_one_domain", plain("a@good.example, b@good.example"))
    corpus.add("dmarc_name_like_address", plain('"eve@other.example" <a@good.example>'))


def add_chains(corpus):
    sealed, message = corpus.sealed, corpus.signed(plain())
    via = {"ip": "192.0.2.7", "helo": "unknown.example", "sender": "list@list.example"}
    one = sealed(message)
    two = sealed(one, "pass", b"other.example")
    three = sealed(two, "pass")
    for name, chained in (("one", one), ("two", two), ("three", three)):
        corpus.add(f"arc_{name}", chained, **via)
    rewritten = one.replace(b"there", b"where")
    refused = {**via, "action": "reject"}
    corpus.add("arc_body_changed", rewritten, **refused)
    corpus.add("arc_header_changed", two.replace(b"Two ", b"Too "), **refused)
    corpus.add("arc_results_changed", two.replace(b"i=1; list.example", b"i=1; fist.example"), **via)
    corpus.add("arc_changed_between", sealed(rewritten, "pass", b"other.example"), **refused)
    corpus.add("arc_closed", sealed(rewritten, "fail", b"other.example"), **refused)
    corpus.add("arc_after_closed", sealed(sealed(rewritten, "fail", b"other.example"), "pass"), **refused)
    without = re.sub(rb"ARC-Authentication-Results: i=1;.*?\r\n(?![ \t])", b"", two, flags=re.S)
    corpus.add("arc_results_missing", without, **via)
    corpus.add("arc_only_results", b"ARC-Authentication-Results: i=1; x; spf=pass\r\n" + message, **via)
    twice = re.match(rb"ARC-Seal:.*?\r\n(?![ \t])", one, flags=re.S).group(0)
    corpus.add("arc_seal_twice", twice + one, **via)
    corpus.add("arc_begins_with_two", re.sub(rb"i=1;", b"i=2;", one), **via)
    corpus.add("arc_first_says_pass", one.replace(b"cv=none", b"cv=pass"), **via)
    corpus.add("arc_garbage", b"ARC-Seal: \xff;;=\r\n" + one, **via, differs={
        "arc": ["fail", "a field that does not read makes the chain invalid (RFC 8617 section 5.2); dkimpy leaves it out"]})


def make(keys, folder):
    world = World(json.loads(pathlib.Path(keys).read_text()))
    corpus = Corpus(world, folder)
    corpus.add("plain", plain())
    corpus.add("nothing", plain(), ip="192.0.2.66", helo="unknown.example", action="reject")
    corpus.add("name_of_another", plain(), ip="192.0.2.2", action="reject")
    add_signatures(corpus)
    add_senders(corpus, world)
    add_policies(corpus, world)
    add_chains(corpus)
    json.dump({"zone": world.zone("example"), "reverse": world.zone("2.0.192.in-addr.arpa"), "cases": corpus.cases}, sys.stdout)


def chains(keys, files):
    world = World(json.loads(pathlib.Path(keys).read_text()))
    corpus = Corpus(world, "/nowhere")
    json.dump([chain(pathlib.Path(file).read_bytes(), corpus.key_lookup) for file in files], sys.stdout)


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(*sys.argv[2:])
    else:
        chains(sys.argv[2], sys.argv[3:])
