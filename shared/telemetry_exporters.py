"""OpenTelemetry's SDK and the exporters that the settings name. Importing this takes most of a second."""

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Self

from opentelemetry import context, trace
from opentelemetry.metrics import Counter, Histogram
from opentelemetry.metrics import _Gauge as Gauge
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.errors import MailError
from shared.settings import Settings
from shared.telemetry import METRICS, Facts, Kind, Metric, Span
from shared.version import VERSION

SERVICE: Final = "email-core-system"
SCOPE: Final = "mail"
NOISY_LOGGERS: Final = ("azure.core.pipeline.policies.http_logging_policy", "azure.monitor.opentelemetry.exporter")
SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
KINDS: Final = {
    Kind.INTERNAL: trace.SpanKind.INTERNAL,
    Kind.SERVER: trace.SpanKind.SERVER,
    Kind.CLIENT: trace.SpanKind.CLIENT,
    Kind.PRODUCER: trace.SpanKind.PRODUCER,
    Kind.CONSUMER: trace.SpanKind.CONSUMER,
}
TRACEPARENT: Final = TraceContextTextMapPropagator()


def open_exporters(settings: Settings) -> "Exporters":
    for name in NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    resource = Resource.create({"service.name": SERVICE, "service.version": VERSION})
    sampler = ParentBased(root=TraceIdRatioBased(settings.trace_sample_ratio))
    tracers = TracerProvider(resource=resource, sampler=sampler)
    for exporter in _span_exporters(settings):
        tracers.add_span_processor(BatchSpanProcessor(exporter))
    return Exporters(tracers, MeterProvider(resource=resource, metric_readers=_metric_readers(settings)))


def _span_exporters(settings: Settings) -> list[SpanExporter]:
    exporters: list[SpanExporter] = []
    if endpoint := settings.otel_exporter_otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - one of two

        exporters.append(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces"))
    if connection := settings.applicationinsights_connection_string:
        from azure.monitor.opentelemetry.exporter import AzureMonitorTraceExporter  # noqa: PLC0415 - one of two

        exporters.append(AzureMonitorTraceExporter(connection_string=connection, disable_offline_storage=True))
    return exporters


def _metric_readers(settings: Settings) -> Sequence[MetricReader]:
    every = settings.metric_interval_seconds * 1000
    readers: list[MetricReader] = []
    if endpoint := settings.otel_exporter_otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415 - as above

        exporter = OTLPMetricExporter(endpoint=f"{endpoint}/v1/metrics")
        readers.append(PeriodicExportingMetricReader(exporter, export_interval_millis=every))
    if connection := settings.applicationinsights_connection_string:
        from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter  # noqa: PLC0415 - as above

        to_azure = AzureMonitorMetricExporter(connection_string=connection, disable_offline_storage=True)
        readers.append(PeriodicExportingMetricReader(to_azure, export_interval_millis=every))
    return readers


class Exporters:
    def __init__(self, tracers: TracerProvider, meters: MeterProvider) -> None:
        self._tracers = tracers
        self._meters = meters
        self._tracer = tracers.get_tracer(SCOPE, VERSION)
        meter = meters.get_meter(SCOPE, VERSION)
        self._counters: dict[str, Counter] = {
            m.name: meter.create_counter(m.name, m.unit, m.meaning) for m in METRICS if m.instrument == "counter"
        }
        self._gauges: dict[str, Gauge] = {
            m.name: meter.create_gauge(m.name, m.unit, m.meaning) for m in METRICS if m.instrument == "gauge"
        }
        self._histograms: dict[str, Histogram] = {
            m.name: meter.create_histogram(m.name, m.unit, m.meaning, explicit_bucket_boundaries_advisory=list(SECONDS))
            for m in METRICS
            if m.instrument == "histogram"
        }

    def span(
        self, name: str, kind: Kind, facts: Facts, *, parent: str | None, link: str | None, is_current: bool
    ) -> AbstractContextManager[Span]:
        above = None if parent is None else _context_from(parent)
        links = [trace.Link(_span_context_from(link))] if link else []
        span = self._tracer.start_span(
            name, context=above, kind=KINDS[kind], attributes=dict(facts), links=links, record_exception=False
        )
        return OpenSpan(span, is_current=is_current)

    def context(self) -> str | None:
        carrier: dict[str, str] = {}
        TRACEPARENT.inject(carrier)
        return carrier.get("traceparent")

    def record(self, metric: Metric, value: float, facts: Facts) -> None:
        if metric.instrument == "counter":
            self._counters[metric.name].add(value, facts)
        elif metric.instrument == "gauge":
            self._gauges[metric.name].set(value, facts)
        else:
            self._histograms[metric.name].record(value, facts)

    def close(self) -> None:
        self._tracers.shutdown()
        self._meters.shutdown()


class OpenSpan:
    """A span that ends with its block. Of an error it tells the name: what an error says may quote mail."""

    def __init__(self, span: trace.Span, *, is_current: bool) -> None:
        self._span = span
        self._token = context.attach(trace.set_span_in_context(span)) if is_current else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, where: TracebackType | None
    ) -> None:
        if kind:
            self._span.set_status(trace.StatusCode.ERROR)
            self._span.set_attribute("error.type", kind.code if issubclass(kind, MailError) else kind.__name__)
        self._span.end()
        if self._token:
            context.detach(self._token)

    def note(self, facts: Facts) -> None:
        self._span.set_attributes(dict(facts))


def _context_from(traceparent: str) -> context.Context:
    """Read what a job carries; what is empty or malformed begins a trace."""
    return TRACEPARENT.extract({"traceparent": traceparent}, context=context.Context())


def _span_context_from(traceparent: str) -> trace.SpanContext:
    return trace.get_current_span(_context_from(traceparent)).get_span_context()
