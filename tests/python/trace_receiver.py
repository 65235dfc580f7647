"""A collector of traces (OTLP over HTTP), which reads them with OpenTelemetry's own definitions.

usage: trace_receiver.py JOB

JOB is a JSON object: "port"; "manners", a file of JSON that is read for every request: "status". Prints one JSON line when
it listens and one for each request: "status" (as answered), "headers", "resource", and "spans", each with its ids in
hexadecimal, its times in nanoseconds and its attributes as an object.
"""

import http.server
import json
import pathlib
import sys
import threading

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

job = json.loads(sys.argv[1])
printing = threading.Lock()


def tell(fact):
    """Prints one line, whole."""
    with printing:
        print(json.dumps(fact), flush=True)


def plain(value):
    """Returns a value of an attribute as JSON has it."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None


def attributes(pairs):
    """Returns attributes as an object."""
    return {pair.key: plain(pair.value) for pair in pairs}


def span(one, scope):
    """Returns a span as JSON."""
    return {
        "trace": one.trace_id.hex(), "id": one.span_id.hex(), "parent": one.parent_span_id.hex(),
        "name": one.name, "kind": Span.SpanKind.Name(one.kind), "scope": scope,
        "start": one.start_time_unix_nano, "end": one.end_time_unix_nano,
        "attributes": attributes(one.attributes),
        "status": Status.StatusCode.Name(one.status.code), "said": one.status.message,
        "events": [{"name": event.name, "at": event.time_unix_nano, "attributes": attributes(event.attributes)}
                   for event in one.events],
        "links": [{"trace": link.trace_id.hex(), "id": link.span_id.hex(), "attributes": attributes(link.attributes)}
                  for link in one.links],
    }


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """Tells of the request and answers as it is told to."""
        body = self.rfile.read(int(self.headers["content-length"]))
        status = json.loads(pathlib.Path(job["manners"]).read_text())["status"]
        told = ExportTraceServiceRequest.FromString(body)
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(status)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        for of in told.resource_spans:
            spans = [span(one, scope.scope.name) for scope in of.scope_spans for one in scope.spans]
            tell({"status": status, "path": self.path, "resource": attributes(of.resource.attributes), "spans": spans,
                  "headers": {name.lower(): value for name, value in self.headers.items()}})
        if not told.resource_spans:
            tell({"status": status, "empty": MessageToDict(told)})

    def log_message(self, *_):
        """The requests have been told."""


server = http.server.ThreadingHTTPServer(("127.0.0.1", job["port"]), Handler)
tell({"listening": server.server_address[1]})
server.serve_forever()
