"""What leaves the process for operators: whole traces, and never mail."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from dev.trial import ADDRESS, EMAIL, Trial, TrialFailed
from shared.providers.graph.addresses import segment_from
from shared.telemetry import METRICS
from tests.integration.telemetry import Collector, running_collector

ROOT: Final = Path(__file__).parents[2]
MARKER: Final = "Quetzalcoatlus"
SETTINGS: Final = {
    "TRACE_SAMPLE_RATIO": "1",
    "METRIC_INTERVAL_SECONDS": "1",
    "OTEL_BSP_SCHEDULE_DELAY": "100",
    "DELTA_SCHEDULE": "0 0 0 1 1 *",
}


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with running_collector() as running:
        yield running


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Trial]:
    """A live mailbox in a system that somebody watches."""
    settings = {**SETTINGS, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}
    with Trial(tmp_path_factory.mktemp("trial"), settings=settings) as trial:
        trial.sign_up()
        trial.simulator.admin.make_synthetic(ADDRESS, 20, folders=["inbox"], seed=1)
        trial.connect()
        trial.until_synced()
        trial.until("the subscription exists", lambda: trial.query("SELECT count(*) FROM subscription") == [(1,)])
        yield trial


@pytest.fixture(scope="module")
def trace(watched: Trial, collector: Collector) -> list[Span]:
    """The spans of one message's way from its notification to its row."""
    told = {"subject": MARKER, "body": {"contentType": "text", "content": MARKER}}
    for _ in range(5):  # delta may be faster than a notification; then there was nothing left to save
        watched.simulator.admin.deliver(ADDRESS, told)
        with suppress(TrialFailed):
            watched.until("its trace is complete", lambda: bool(way_of(collector.spans())), 4)
            break
    return way_of(collector.spans())


def way_of(spans: list[Span]) -> list[Span]:
    """The spans of the trace that begins with a notification and ends with an announced row; empty if there is none."""
    by_trace: dict[bytes, list[Span]] = {}
    for span in spans:
        by_trace.setdefault(span.trace_id, []).append(span)
    wanted = {"receive_notifications", "run fetch_message.v1", "save", "announce"}
    return next((each for each in by_trace.values() if wanted <= {span.name for span in each}), [])


def test_one_trace_follows_a_message_from_its_notification_to_its_row(trace: list[Span]) -> None:
    names = {span.span_id: span.name for span in trace}
    nested = {(names.get(span.parent_span_id, ""), span.name) for span in trace}
    run = "run fetch_message.v1"
    assert {
        ("", "receive_notifications"),
        ("receive_notifications", "send fetch_message.v1"),
        ("send fetch_message.v1", run),
        (run, "GET me/messages/{id}"),
        (run, "save"),
        (run, "announce"),
    } <= nested


def test_every_span_says_which_side_it_is_and_what_came_of_it(trace: list[Span]) -> None:
    kinds = {span.name: Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_") for span in trace}
    assert kinds["receive_notifications"] == "SERVER"
    assert kinds["send fetch_message.v1"] == kinds["announce"] == "PRODUCER"
    assert kinds["run fetch_message.v1"] == "CONSUMER"
    assert kinds["GET me/messages/{id}"] == "CLIENT"
    assert kinds["save"] == "INTERNAL"
    facts = {span.name: {fact.key: fact.value for fact in span.attributes} for span in trace}
    assert facts["receive_notifications"]["http.response.status_code"].int_value == 202
    assert facts["GET me/messages/{id}"]["http.response.status_code"].int_value == 200
    assert facts["save"]["mail.rows"].int_value == 1


def test_a_stranger_decides_no_trace(watched: Trial, collector: Collector) -> None:
    theirs = "0123456789abcdef0123456789abcdef"
    watched.api.get("/health", headers={"traceparent": f"00-{theirs}-0123456789abcdef-01"})

    def linked() -> list[Span]:
        return [span for span in collector.spans() for link in span.links if link.trace_id.hex() == theirs]

    watched.until("the request's span is there", lambda: bool(linked()), 20)
    assert theirs not in {span.trace_id.hex() for span in collector.spans()}


def test_no_mail_and_no_address_leaves_the_process(trace: list[Span], watched: Trial, collector: Collector) -> None:
    secrets = {MARKER, ADDRESS, EMAIL, watched.simulator.client_secret}
    ids = {row[0] for row in watched.query("SELECT provider_message_id FROM message")}
    ids |= {segment_from(each) for each in ids}
    links = {row[0] for row in watched.query("SELECT provider_subscription_id FROM subscription")}
    exported = b"".join(body for _, body in collector.bodies)
    assert trace
    assert len(exported) > 10_000
    assert {each for each in secrets | ids | links if each.encode() in exported} == set()


def test_figures_are_those_that_are_documented_and_told_apart_by_few_words(
    trace: list[Span], watched: Trial, collector: Collector
) -> None:
    expected = {
        *("mail.job.duration", "mail.provider.request.duration", "mail.accounts", "mail.accounts.in_trouble"),
        *("mail.notification.lag", "mail.notification.late", "mail.modification.lag"),
        *("mail.queue.messages", "mail.queue.waiting", "mail.queue.age"),
    }
    watched.until("figures came", lambda: expected <= collector.figures().keys(), 20)
    assert collector.figures().keys() <= {metric.name for metric in METRICS}
    told_apart_by = set().union(*collector.figures().values())
    assert told_apart_by <= {
        *("http.request.method", "http.response.status_code", "http.route"),
        *("kind", "outcome", "error_code", "queue", "state", "problem"),
    }


def test_where_nobody_watches_nothing_is_loaded() -> None:
    script = """
import asyncio, sys
import function_app
from shared.telemetry import NOTIFICATION_LAG, is_watched, job_span, open_telemetry, record, sent_context, span
from shared.settings import settings
open_telemetry(settings())
with job_span("sync_lane.v1", None, None), span("save") as saving:
    saving.note({"mail.rows": 1})
record(NOTIFICATION_LAG, 1.0)
assert sent_context() is None and not is_watched()
print(sorted(name for name in sys.modules if name.startswith("opentelemetry") or name.startswith("azure.monitor")))
"""
    assert run_alone(script, {}) == "[]"


def test_an_instance_that_does_not_watch_yet_passes_the_trace_on() -> None:
    script = """
from shared.telemetry import job_span, sent_context
with job_span("sync_lane.v1", None, "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"):
    print(sent_context())
"""
    assert run_alone(script, {}) == "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"


def test_azure_monitor_is_loaded_when_its_connection_is_named() -> None:
    script = """
from shared import telemetry
from shared.settings import settings
telemetry.open_telemetry(settings())
telemetry.record(telemetry.JOBS_POISONED)
telemetry._telemetry.loading.join()
with telemetry.job_span("sync_lane.v1", None, None):
    print(type(telemetry._telemetry.exporting).__name__, len(telemetry.sent_context()))
telemetry.close_telemetry()
"""
    connection = "InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=http://127.0.0.1:9/"
    quiet = {"APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true", "TRACE_SAMPLE_RATIO": "0"}
    assert run_alone(script, {**quiet, "APPLICATIONINSIGHTS_CONNECTION_STRING": connection}) == "Exporters 55"


def run_alone(script: str, settings: dict[str, str]) -> str:
    """Run a script in a process of its own, as a worker with some settings; return what it prints."""
    ring = '{"first": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}'
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
        "MICROSOFT_CLIENT_ID": "client",
        "MICROSOFT_CLIENT_SECRET": "none",
        "PUBLIC_BASE_URL": "https://mail.example",
        "WEB_BASE_URL": "https://mail.example",
        "JWT_SIGNING_KEYS": ring,
        "TOKEN_ENCRYPTION_KEYS": ring,
        "AUDIT_SIGNING_KEYS": ring,
        "WEBHOOK_KEY": "x" * 32,
        **settings,
    }
    done = subprocess.run(  # noqa: S603 - this Python, our own script
        [sys.executable, "-c", script], cwd=ROOT, env=environment, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
