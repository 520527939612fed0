"""
What operators see of a running system: spans that follow a message from its notification to its row, and figures.

Without an exporter in the settings all of this is next to free: nothing is loaded, and each verb returns at once. With
one, the SDK is loaded by a thread of its own, since that takes most of a second. Spans of that second are lost, but
jobs pass on what they were sent with, so the trace around them stays whole; figures are kept and recorded afterwards.

Facts say what happened, never to whom or with what: no subject, address, body, token, provider's id or URL with an id.
Ids of our own are allowed in spans; figures have only words of which there are few.
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Final, Literal, Protocol
from uuid import UUID

from shared.settings import Settings

log = logging.getLogger(__name__)

Facts = Mapping[str, str | int | float | bool]
PENDING_MOST: Final = 10_000
LOADING_SECONDS: Final = 30.0
LATE_SECONDS: Final = 30.0


class Kind(Enum):
    """Which side of a call a span is, as OpenTelemetry has it."""

    INTERNAL = auto()
    SERVER = auto()
    CLIENT = auto()
    PRODUCER = auto()
    CONSUMER = auto()


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    instrument: Literal["counter", "histogram", "gauge"]
    unit: str
    meaning: str


NOTIFICATION_LAG: Final = Metric("mail.notification.lag", "histogram", "s", "from a notification to the message's row")
NOTIFICATIONS_LATE: Final = Metric("mail.notification.late", "counter", "{message}", "rows 30 s after their notice")
MODIFICATION_LAG: Final = Metric("mail.modification.lag", "histogram", "s", "from the provider's change to our row")
JOB_DURATION: Final = Metric("mail.job.duration", "histogram", "s", "jobs run, by kind and outcome")
JOBS_RETRIED: Final = Metric("mail.jobs.retried", "counter", "{job}", "jobs put back, by kind and error code")
JOBS_POISONED: Final = Metric("mail.jobs.poisoned", "counter", "{job}", "jobs that failed for good, by queue and kind")
REQUEST_DURATION: Final = Metric(
    "mail.provider.request.duration", "histogram", "s", "requests to the provider, by method, route and status"
)
THROTTLED_SECONDS: Final = Metric("mail.throttled.seconds", "histogram", "s", "waits that throttling asked for")
RENEWALS: Final = Metric("mail.renewals", "counter", "{subscription}", "subscriptions seen to, by outcome")
CHANGES_UNANNOUNCED: Final = Metric("mail.changes.unannounced", "counter", "{change}", "found by delta alone")
AUDITS: Final = Metric("mail.audits", "counter", "{audit}", "audits ended, by state")
AUDIT_DIFFERENCES: Final = Metric("mail.audit.differences", "counter", "{message}", "differences that audits found")
AUDIT_REPAIRS: Final = Metric("mail.audit.repaired", "counter", "{message}", "differences that audits repaired")
QUEUE_MESSAGES: Final = Metric("mail.queue.messages", "gauge", "{job}", "jobs in a queue, those for later included")
QUEUE_WAITING: Final = Metric("mail.queue.waiting", "gauge", "{job}", "jobs in a queue that could run now, up to 32")
QUEUE_AGE: Final = Metric("mail.queue.age", "gauge", "s", "age of the oldest job that could run now")
ACCOUNTS: Final = Metric("mail.accounts", "gauge", "{account}", "accounts by state")
ACCOUNTS_IN_TROUBLE: Final = Metric("mail.accounts.in_trouble", "gauge", "{account}", "accounts by problem")

METRICS: Final = tuple(value for value in dict(globals()).values() if isinstance(value, Metric))


class Span(Protocol):
    def note(self, facts: Facts) -> None:
        """Add what became known."""
        ...


class Exporting(Protocol):
    """What is there once an exporter is loaded."""

    def span(
        self, name: str, kind: Kind, facts: Facts, *, parent: str | None, link: str | None, is_current: bool
    ) -> AbstractContextManager[Span]:
        """`parent`: None continues what the code around it opened; "" begins a trace."""
        ...

    def context(self) -> str | None: ...

    def record(self, metric: Metric, value: float, facts: Facts) -> None: ...

    def close(self) -> None: ...


class _Nothing:
    def note(self, facts: Facts) -> None: ...


_NOTHING: Final = nullcontext(_Nothing())
_passed_on: ContextVar[str | None] = ContextVar("passed_on", default=None)


class _Telemetry:
    """One for the process, as the SDK's own providers are."""

    def __init__(self) -> None:
        self.exporting: Exporting | None = None
        self.pending: list[tuple[Metric, float, Facts]] | None = None  # None: nobody wants figures, or they flow
        self.loading: threading.Thread | None = None
        self.lock = threading.Lock()


_telemetry: Final = _Telemetry()


def open_telemetry(settings: Settings) -> None:
    """Have exporters loaded that the settings name, in the background; once per process."""
    wanted = settings.otel_exporter_otlp_endpoint or settings.applicationinsights_connection_string
    if not wanted or _telemetry.loading:
        return
    _telemetry.pending = []
    _telemetry.loading = threading.Thread(target=_load, args=(settings,), name="telemetry", daemon=True)
    _telemetry.loading.start()


def close_telemetry() -> None:
    """Send what is left. A worker that ends by itself does so without being asked."""
    loading, _telemetry.loading = _telemetry.loading, None
    if loading:
        loading.join(LOADING_SECONDS)
    exporting, _telemetry.exporting = _telemetry.exporting, None
    if exporting:
        exporting.close()


def _load(settings: Settings) -> None:
    try:
        from shared.telemetry_exporters import open_exporters  # noqa: PLC0415 - the SDK: loaded here and nowhere else

        exporting = open_exporters(settings)
    except Exception:  # mail is not held up by what watches it
        log.exception("telemetry could not be opened")
        _telemetry.pending = None
        return
    with _telemetry.lock:
        kept, _telemetry.pending = _telemetry.pending or [], None
        _telemetry.exporting = exporting
    for metric, value, facts in kept:
        exporting.record(metric, value, facts)


def is_watched() -> bool:
    """Tell whether somebody wants figures; what costs a request to learn is then worth it."""
    return _telemetry.exporting is not None or _telemetry.pending is not None


# Spans


def span(
    name: str, kind: Kind = Kind.INTERNAL, facts: Facts | None = None, *, is_current: bool = True
) -> AbstractContextManager[Span]:
    """
    Open a span below the one that is open here; it ends with the block, and tells the error that ended it by its name.

    A span that is not current has no spans below it: for what is open across an async generator's `yield`.
    """
    if exporting := _telemetry.exporting:
        return exporting.span(name, kind, facts or {}, parent=None, link=None, is_current=is_current)
    return _NOTHING


def request_span(name: str, facts: Facts, *, theirs: str | None) -> AbstractContextManager[Span]:
    """
    Open the span that begins a trace with an inbound request.

    The caller's own `traceparent` is linked and not continued: strangers decide neither our ids nor what we sample.
    """
    if exporting := _telemetry.exporting:
        return exporting.span(name, Kind.SERVER, facts, parent="", link=theirs, is_current=True)
    return _NOTHING


@contextmanager
def job_span(kind: str, account_id: UUID | None, traceparent: str | None) -> Iterator[Span]:
    """Open the span of a job's run, below what sent the job, and record how long it takes and how it ends."""
    started, outcome = time.monotonic(), "failed"
    token = _passed_on.set(traceparent)
    facts = {"mail.job": kind} | ({"mail.account_id": str(account_id)} if account_id else {})
    try:
        with _run_of(f"run {kind}", facts, traceparent) as opened:
            yield opened
        outcome = "done"
    finally:
        _passed_on.reset(token)
        record(JOB_DURATION, time.monotonic() - started, {"kind": kind, "outcome": outcome})


def _run_of(name: str, facts: Facts, traceparent: str | None) -> AbstractContextManager[Span]:
    if exporting := _telemetry.exporting:
        return exporting.span(name, Kind.CONSUMER, facts, parent=traceparent or "", link=None, is_current=True)
    return _NOTHING


def sent_context() -> str | None:
    """Give what a job carries so that its run continues this trace, as W3C Trace Context writes it."""
    if exporting := _telemetry.exporting:
        return exporting.context() or _passed_on.get()
    return _passed_on.get()


# Figures


def record_lag(noticed_at: datetime | None, modified_at: datetime | None) -> None:
    """Record that a message's row is there: how long after its notice, and after the provider's change, if known."""
    if noticed_at:
        seconds = _seconds_since(noticed_at)
        record(NOTIFICATION_LAG, seconds)
        record(NOTIFICATIONS_LATE, 1 if seconds > LATE_SECONDS else 0)
    if modified_at:
        record(MODIFICATION_LAG, _seconds_since(modified_at))


def _seconds_since(moment: datetime) -> float:
    return max(0.0, (datetime.now(UTC) - moment).total_seconds())


def record(metric: Metric, value: float = 1, facts: Facts | None = None) -> None:
    """Count, measure or set, as the metric's instrument has it."""
    if exporting := _telemetry.exporting:
        exporting.record(metric, value, facts or {})
    elif _telemetry.pending is not None:
        with _telemetry.lock:
            if _telemetry.pending is not None and len(_telemetry.pending) < PENDING_MOST:
                _telemetry.pending.append((metric, value, facts or {}))
