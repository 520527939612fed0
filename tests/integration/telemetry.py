"""A collector that takes OTLP over HTTP and keeps what it is sent."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

HOST: Final = "127.0.0.1"


class Collector(ThreadingHTTPServer):
    """`bodies` has each request's bytes, decompressed: what left the process, whole."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((HOST, 0), _Taking)
        self.bodies: list[tuple[str, bytes]] = []

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.server_port}"

    def spans(self) -> list[Span]:
        return [
            span
            for path, body in list(self.bodies)
            if path == "/v1/traces"
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def figures(self) -> dict[str, set[str]]:
        """Name each figure, with the facts that it was told apart by."""
        found: dict[str, set[str]] = {}
        for path, body in list(self.bodies):
            if path != "/v1/metrics":
                continue
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        points = [*metric.sum.data_points, *metric.gauge.data_points, *metric.histogram.data_points]
                        keys = {attribute.key for point in points for attribute in point.attributes}
                        found.setdefault(metric.name, set()).update(keys)
        return found


class _Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append((self.path, gzip.decompress(body) if self.headers["Content-Encoding"] else body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextmanager
def running_collector() -> Iterator[Collector]:
    with Collector() as collector:
        serving = Thread(target=collector.serve_forever, daemon=True)
        serving.start()
        yield collector
        collector.shutdown()
        serving.join()
