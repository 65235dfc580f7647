"""Sends mail with the published `cloudflare` SDK.

usage: sdk_send.py BASE_URL TOKEN ACCOUNT_ID CASE

CASE is `everything`, `plain`, `raw` or `wrong_token`. Prints the SDK's own model of the answer as JSON, for
`wrong_token` {"error": class name, "status", "codes"}.
"""

import base64
import json
import sys

import cloudflare

RAW = (
    "From: Sender <sender@example.com>\r\nTo: raw@example.net\r\nSubject: raw by SDK\r\n"
    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGr\u00fc\u00dfe\r\n.\r\n"
)


def plain(client, account_id):
    """Sends the least that is a message."""
    return client.email_sending.send(
        account_id=account_id,
        from_="sender@example.com",
        to="plain@example.net",
        subject="plain by SDK",
        text="Hello",
    )


def everything(client, account_id):
    """Sends a message that uses every field."""
    return client.email_sending.send(
        account_id=account_id,
        from_={"address": "sender@example.com", "name": "J\u00fcrgen Sender"},
        to=["one@example.net", {"address": "two@example.net", "name": "Two, Number"}],
        cc={"address": "three@example.net", "name": None},
        bcc=["four@example.net"],
        reply_to={"address": "answers@example.com", "name": "Answers"},
        subject="everything by SDK \u2713",
        text="Text",
        html='<p>HTML</p><img src="cid:logo">',
        headers={"X-Campaign-ID": "autumn", "List-Unsubscribe": "<https://example.com/u>"},
        attachments=[
            {
                "content": base64.b64encode(bytes(range(256))).decode(),
                "filename": "bytes.bin",
                "type": "application/octet-stream",
                "disposition": "attachment",
            },
            {
                "content": base64.b64encode(b"not really a picture").decode(),
                "content_id": "logo",
                "filename": "logo.png",
                "type": "image/png",
                "disposition": "inline",
            },
        ],
    )


def raw(client, account_id):
    """Sends a finished message."""
    return client.email_sending.send_raw(
        account_id=account_id, from_="sender@example.com", recipients=["raw@example.net"], mime_message=RAW
    )


def main():
    base_url, token, account_id, case = sys.argv[1:]
    if case == "wrong_token":
        client = cloudflare.Cloudflare(api_token=f"{token}x", base_url=base_url, max_retries=0)
        try:
            plain(client, account_id)
        except cloudflare.APIStatusError as error:
            codes = [entry["code"] for entry in error.body["errors"]]
            json.dump({"error": type(error).__name__, "status": error.status_code, "codes": codes}, sys.stdout)
        return
    client = cloudflare.Cloudflare(api_token=token, base_url=base_url, max_retries=0)
    answer = {"plain": plain, "everything": everything, "raw": raw}[case](client, account_id)
    print(answer.to_json())


if __name__ == "__main__":
    main()
