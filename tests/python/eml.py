"""Reading the files of received messages that the sandbox keeps."""

import pathlib

ENVELOPE_PREFIX = b"X-Sandbox-"


def read(path):
    """Returns the message as it was received, without the lines that the sandbox puts above it."""
    content = pathlib.Path(path).read_bytes()
    while content.startswith(ENVELOPE_PREFIX):
        content = content.partition(b"\n")[2]
    return content
