"""
How long after a message arrives in the mailbox is it in PostgreSQL: in an idle system, and in a busy one?

The clock starts when the simulator has stored the message and ends when its row is written, so it holds the
notification, the webhook, the queue, the fetch and the save. The simulator adds no latency of its own. Busy is 50, and
100, new messages a second over 50 mailboxes of 50 people; all of it, simulator, storage and those who deliver included,
shares one machine and one worker process. Where that is too much, messages wait in the queue, and it shows.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg

from benchmarks.report import Row, write_report
from dev.graph_simulator.client import SimulatorAdmin
from dev.trial import ADDRESS, Trial

MESSAGES = 100
PAUSE_SECONDS = 0.25
GIVE_UP_SECONDS = 30.0
MAILBOXES = 50
PER_SECOND = (50, 100)
DELIVERERS = 8
SETTLING_SECONDS = 300.0
SUBJECT = "How long, then?"
QUIET = {"DELTA_SCHEDULE": "0 0 0 1 1 *"}  # so that it is the notification that brings the message


def measure(busy_seconds: float) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Trial(Path(folder), settings=QUIET) as trial:
        trial.simulator.admin.make_synthetic(ADDRESS, 50, folders=["inbox"], seed=1)
        trial.sign_up()
        trial.connect()
        trial.until_synced()
        trial.until("the subscription exists", lambda: bool(trial.simulator.admin.subscriptions()))
        with psycopg.connect(trial.urls.owner_url, autocommit=True) as conn:
            idle = _row("idle", [seconds_to_row(trial, conn) for _ in range(MESSAGES)], trial)
        addresses = trial.add_mailboxes(MAILBOXES, messages=20)
        busy = [
            _row(f"{rate}/s", _seconds_when_busy(trial, addresses, rate, busy_seconds), trial) for rate in PER_SECOND
        ]
    write_report("notification_to_row", [idle, *busy])


def _row(mode: str, seconds: Sequence[float], trial: Trial) -> Row:
    percentiles = statistics.quantiles(seconds, n=100)
    return {
        "mode": mode,
        "messages": float(len(seconds)),
        "p50 ms": percentiles[49] * 1000,
        "p95 ms": percentiles[94] * 1000,
        "p99 ms": percentiles[98] * 1000,
        "max ms": max(seconds) * 1000,
        "host RSS MiB": trial.host_memory_bytes() / 1024 / 1024,
    }


def seconds_to_row(trial: Trial, conn: psycopg.Connection[tuple[object, ...]]) -> float:
    time.sleep(PAUSE_SECONDS)  # idle in between, as a mailbox is
    delivered = trial.simulator.admin.deliver(ADDRESS, {"subject": "How long?"})
    started = time.perf_counter()
    while time.perf_counter() - started < GIVE_UP_SECONDS:
        row = conn.execute("SELECT 1 FROM message WHERE provider_message_id = %s", [delivered["immutableId"]])
        if row.fetchone():
            return time.perf_counter() - started
        time.sleep(0.002)
    raise TimeoutError(f"not in the database after {GIVE_UP_SECONDS} s; see {trial.log}")


def _seconds_when_busy(trial: Trial, addresses: Sequence[str], rate: int, seconds: float) -> list[float]:
    """Deliver at a steady rate, then compare with when the rows were written: the clocks are one machine's."""
    count = int(seconds * rate)
    subject = f"{SUBJECT} {rate}"
    starts = time.monotonic() + 1
    with ThreadPoolExecutor(DELIVERERS) as threads:
        shares = [
            threads.submit(_deliver, trial.simulator.admin, addresses, subject, _times(first, count, starts, rate))
            for first in range(DELIVERERS)
        ]
        delivered = {message_id: at for share in shares for message_id, at in share.result().items()}
    sql = "SELECT provider_message_id, extract(epoch FROM saved_at)::float FROM message WHERE subject = %s"
    trial.until("all are stored", lambda: len(trial.query(sql, subject)) == count, SETTLING_SECONDS)
    return [saved_at - delivered[message_id] for message_id, saved_at in trial.query(sql, subject)]


def _times(first: int, count: int, starts: float, rate: int) -> list[tuple[int, float]]:
    """Give one deliverer's share of the messages: their numbers, and when each is due."""
    return [(number, starts + number / rate) for number in range(first, count, DELIVERERS)]


def _deliver(
    admin: SimulatorAdmin, addresses: Sequence[str], subject: str, times: Sequence[tuple[int, float]]
) -> dict[str, float]:
    """Deliver some of the messages, each at its time; return when the mailbox had them, by immutable id."""
    delivered: dict[str, float] = {}
    for number, due in times:
        time.sleep(max(0.0, due - time.monotonic()))
        made = admin.deliver(addresses[number % len(addresses)], {"subject": subject})
        delivered[made["immutableId"]] = time.time()
    return delivered


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy-seconds", type=float, default=30)
    measure(parser.parse_args().busy_seconds)
