"""
What a first sync must reach, measured once on this machine: a line for each figure, and status 1 when one falls short.

Rates compare with other ways to bring the same mail into the same PostgreSQL, so that a slow machine is slow for all.
"""

import math
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.contests import (
    NEVER,
    OURS,
    REFERENCE,
    Contest,
    Measured,
    contest_system,
    index,
    make_mailbox,
    prove,
    run_contestant,
    run_ours,
    sync_again,
    wal_bytes,
)
from benchmarks.cost import Work, keep_work, loaded_mailbox_month, million_messages
from benchmarks.notification_to_row import seconds_to_row
from benchmarks.report import Row, write_report
from dev.trial import ADDRESS, Trial

MEGABYTE = 1024 * 1024
FAULT_SHARE = 0.05  # of each of two kinds
FAULT_SECONDS = 2
LIVE_MESSAGES = 60


@dataclass(frozen=True, slots=True)
class Figure:
    what: str
    value: float
    bound: float
    is_least: bool

    @property
    def holds(self) -> bool:
        return self.value >= self.bound if self.is_least else self.value <= self.bound


class Gate:
    """Prints each figure as it comes."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []

    def at_least(self, what: str, value: float, bound: float) -> None:
        self._tell(Figure(what, value, bound, is_least=True))

    def at_most(self, what: str, value: float, bound: float) -> None:
        self._tell(Figure(what, value, bound, is_least=False))

    def _tell(self, figure: Figure) -> None:
        self.figures.append(figure)
        wanted = f"{'at least' if figure.is_least else 'at most'} {figure.bound:g}"
        mark = "ok  " if figure.holds else "SHORT"
        print(f"{mark:5} {figure.what:72} {figure.value:10.3g}   {wanted}", flush=True)


def measure() -> list[Figure]:
    gate = Gate()
    far = _at_150_ms(gate)
    _beside_peers(gate, far)
    _with_faults(gate, far)
    work = _with_slow_messages(gate)
    keep_work(work)
    _at_0_ms(gate)
    _live(gate)
    gate.at_most("variable cost of a million messages, $", million_messages(work), 0.25)
    gate.at_most("a mailbox of 20,000 among 1,000, $ a month", loaded_mailbox_month(work), 0.25)
    return gate.figures


def _at_150_ms(gate: Gate) -> Measured:
    contest = Contest()
    with contest_system() as trial:
        address, messages = make_mailbox(trial, OURS, contest)
        wal = wal_bytes(trial)
        ours = run_ours(trial, address, messages)
        first_wal = wal_bytes(trial) - wal
        usage = trial.simulator.admin.usage(address)
        reference = run_contestant(trial, REFERENCE, contest)
        gate.at_least("150 ms: rate to the reference's", ours.rate / reference.rate, 0.85)
        gate.at_most("Graph requests for 100 messages", usage["requests"] / messages * 100, 1.3)
        gate.at_most("queue messages for 1,000 messages", ours.queue_messages / messages * 1000, 12)
        gate.at_most("requests answered 429", sum(usage["throttled"].values()), 0)
        gate.at_most("requests in flight", usage["peakConcurrency"], 4)
        index(trial)
        wal = wal_bytes(trial)
        again = sync_again(trial, messages)
        gate.at_least("sync of the unchanged mailbox: speed to the first's", ours.seconds / again, 1.3)
        gate.at_most("sync of the unchanged mailbox: WAL to the first's", (wal_bytes(trial) - wal) / first_wal, 0.15)
        gate.at_most("memory of an instance, MB", ours.memory_bytes / MEGABYTE, 300)
        prove(trial, address)
    return ours


def _beside_peers(gate: Gate, ours: Measured) -> None:
    contest = Contest()
    least = {"o365": 10, "msgraph_sdk": 15, "serial": 5, "job_per_message": 50}
    with contest_system() as trial:
        for name, bound in least.items():
            peer = run_contestant(trial, name, contest)
            gate.at_least(f"150 ms: rate to that of {name} ({peer.rate:.0f}/s)", ours.rate / peer.rate, bound)


def _with_faults(gate: Gate, undisturbed: Measured) -> None:
    contest = Contest()
    with contest_system(SWEEP_SCHEDULE="*/10 * * * * *") as trial:
        address, messages = make_mailbox(trial, OURS, contest)
        for number, action in enumerate(("throttled", "unavailable")):
            rule = {"share": FAULT_SHARE, "seed": number, "retry_after_seconds": FAULT_SECONDS, "path": "messages"}
            trial.simulator.admin.fault(action, **rule)
        ours = run_ours(trial, address, messages)
        trial.simulator.admin.clear_faults()
        prove(trial, address)
    rate = messages / (ours.seconds - ours.held_back_seconds)
    gate.at_least("150 ms, 10 % refused: rate net of Retry-After to undisturbed", rate / undisturbed.rate, 0.8)


def _with_slow_messages(gate: Gate) -> Work:
    contest = Contest(per_message_ms=2)
    with contest_system(SWEEP_SCHEDULE="*/2 * * * * *") as trial:
        address, messages = make_mailbox(trial, OURS, contest)
        searched = run_ours(trial, address, messages)
        indexing = index(trial)
        prove(trial, address)
    with contest_system() as trial:
        ours = run_contestant(trial, OURS, contest)
        reference = run_contestant(trial, REFERENCE, contest)
    gate.at_least("150 ms + 2 ms a message: rate to the reference's", ours.rate / reference.rate, 0.85)
    gate.at_most("150 ms + 2 ms a message: first 200 can be read after, s", ours.first_seconds, 3)
    gate.at_most("search complete after the sync, as a share of it", indexing / searched.seconds, 0.5)
    return Work(
        messages=messages,
        sync_seconds=ours.seconds,
        index_seconds=searched.seconds + indexing - ours.seconds,
        queue_messages=ours.queue_messages,
        client_cpu_seconds=ours.client_cpu_seconds,
        database_cpu_seconds=ours.database_cpu_seconds,
        memory_bytes=ours.memory_bytes,
    )


def _at_0_ms(gate: Gate) -> None:
    contest = Contest(latency_ms=0)
    with contest_system() as trial:
        ours = run_contestant(trial, OURS, contest)
        reference = run_contestant(trial, REFERENCE, contest)
    spent = ours.client_cpu + ours.database_cpu
    gate.at_least("0 ms: rate to the reference's", ours.rate / reference.rate, 0.5)
    gate.at_most("CPU to the reference's", spent / (reference.client_cpu + reference.database_cpu), 2)


def _live(gate: Gate) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="gate-") as folder,
        Trial(Path(folder), settings={"DELTA_SCHEDULE": NEVER}) as trial,
    ):
        trial.simulator.admin.make_synthetic(ADDRESS, 50, folders=["inbox"], seed=1)
        trial.sign_up()
        trial.connect()
        trial.until_synced()
        trial.until("the subscription exists", lambda: bool(trial.simulator.admin.subscriptions()))
        with psycopg.connect(trial.urls.owner_url, autocommit=True) as conn:
            seconds = [seconds_to_row(trial, conn) for _ in range(LIVE_MESSAGES)]
    gate.at_most("notification to row, p50, ms", statistics.median(seconds) * 1000, 100)


def rows_of(figures: list[Figure]) -> list[Row]:
    told: list[Mapping[str, str | float]] = [
        {
            "figure": each.what,
            "value": each.value,
            "bound": f"{'≥' if each.is_least else '≤'} {each.bound:g}",
            "holds": "yes" if each.holds else "no",
        }
        for each in figures
        if math.isfinite(each.value)
    ]
    return told


if __name__ == "__main__":
    measured = measure()
    print()
    write_report("gate", rows_of(measured))
    sys.exit(not all(figure.holds for figure in measured))
