"""Brings reports on a domain as their senders do: DMARC and TLS, packed in all ways, and what is none.

usage: bring_reports.py HOST PORT ADDRESS DOMAIN

ADDRESS takes the reports, which are about yesterday. Prints the code of the answer to each, by its name.
"""

import gzip
import io
import json
import smtplib
import sys
import time
import zipfile
from email.message import EmailMessage
from email.policy import SMTP

DAY = 86_400
BEGIN = int(time.time()) // DAY * DAY - DAY


def aggregate(organization, report_id, domain, rows):
    """A DMARC report; a row is the address, its count, results of DKIM and SPF, what was done, and who signed."""
    records = "".join(
        f"<record><row><source_ip>{ip}</source_ip><count>{count}</count><policy_evaluated>"
        f"<disposition>{done}</disposition><dkim>{dkim}</dkim><spf>{spf}</spf></policy_evaluated></row>"
        f"<identifiers><header_from>{domain}</header_from></identifiers><auth_results><dkim><domain>{signer}</domain>"
        f"<selector>s</selector><result>pass</result></dkim></auth_results></record>"
        for ip, count, dkim, spf, done, signer in rows
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><feedback><report_metadata><org_name>{organization}</org_name>'
        f"<email>dmarc@{organization}</email><report_id>{report_id}</report_id><date_range><begin>{BEGIN}</begin>"
        f"<end>{BEGIN + DAY - 1}</end></date_range></report_metadata><policy_published><domain>{domain}</domain>"
        f"<p>reject</p></policy_published>{records}</feedback>"
    ).encode()


def tls(domain):
    """A TLS report."""
    at = lambda seconds: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    summary = {"total-successful-session-count": 40, "total-failure-session-count": 2}
    policy = {"policy-type": "sts", "policy-string": ["version: STSv1"], "policy-domain": domain}
    details = [{"result-type": "certificate-expired", "failed-session-count": 2}]
    report = {
        "organization-name": "tls.test",
        "date-range": {"start-datetime": at(BEGIN), "end-datetime": at(BEGIN + DAY - 1)},
        "contact-info": "tls@tls.test",
        "report-id": "t1",
        "policies": [{"policy": policy, "summary": summary, "failure-details": details}],
    }
    return json.dumps(report).encode()


def zipped(content):
    """An archive with the content as its only file."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr("report.xml", content)
    return archive.getvalue()


def mail(address, kind, name, content):
    """A mail with a file."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "reports@receiver.test", address, "Report Domain: x"
    message.set_content("The report is attached.\n")
    message.add_attachment(content, maintype="application", subtype=kind, filename=name)
    return message


def main(host, port, address, domain):
    """Brings them all on one connection."""
    one = aggregate("one.test", "1", domain, [("192.0.2.1", 10, "pass", "pass", "none", "mailer.test")])
    two = aggregate(
        "two.test",
        "1",
        domain,
        [("192.0.2.1", 5, "pass", "fail", "none", domain), ("198.51.100.9", 2, "fail", "fail", "reject", "x.test")],
    )
    foreign = aggregate("two.test", "2", "foreign.test", [("192.0.2.1", 1000, "pass", "pass", "none", "x.test")])
    bomb = gzip.compress(b"<feedback>" + b" " * (64 << 20))
    files = {
        "gzip": ("gzip", "r.xml.gz", gzip.compress(one)),
        "again": ("gzip", "r.xml.gz", gzip.compress(one)),
        "zip": ("zip", "r.zip", zipped(two)),
        "tls": ("tlsrpt+gzip", "r.json.gz", gzip.compress(tls(domain))),
        "foreign": ("gzip", "r.xml.gz", gzip.compress(foreign)),
        "bomb": ("gzip", "r.xml.gz", bomb),
        "cut": ("zip", "r.zip", zipped(two)[:-40]),
    }
    codes = {}
    with smtplib.SMTP(host, int(port), timeout=30) as client:
        for name, (kind, file_name, content) in files.items():
            client.ehlo_or_helo_if_needed()
            client.mail("")
            client.rcpt(address)
            codes[name] = client.data(mail(address, kind, file_name, content).as_bytes(policy=SMTP))[0]
    json.dump(codes, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
