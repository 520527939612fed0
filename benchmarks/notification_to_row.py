"""
How long after a message arrives in the mailbox is it in PostgreSQL?

The clock starts when the simulator has stored the message and ends when the row is committed, so it holds the
notification, the webhook, the queue, the fetch and the save. The simulator adds no latency of its own.
"""

import statistics
import tempfile
import time
from pathlib import Path

import psycopg

from benchmarks.report import write_report
from dev.trial import ADDRESS, Trial

MESSAGES = 100
PAUSE_SECONDS = 0.25
GIVE_UP_SECONDS = 30.0


def measure() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Trial(Path(folder), settings=QUIET) as trial:
        trial.simulator.admin.make_synthetic(ADDRESS, 50, folders=["inbox"], seed=1)
        trial.sign_up()
        trial.connect()
        trial.until_synced()
        trial.until("the subscription exists", lambda: bool(trial.simulator.admin.subscriptions()))
        with psycopg.connect(trial.urls.owner_url, autocommit=True) as conn:
            seconds = sorted(_seconds_to_row(trial, conn) for _ in range(MESSAGES))
        memory = trial.host_memory_bytes() / 1024 / 1024
    percentiles = statistics.quantiles(seconds, n=100)
    row = {
        "messages": float(MESSAGES),
        "p50 ms": percentiles[49] * 1000,
        "p95 ms": percentiles[94] * 1000,
        "p99 ms": percentiles[98] * 1000,
        "max ms": seconds[-1] * 1000,
        "host RSS MiB": memory,
    }
    write_report("notification_to_row", [row])


QUIET = {"DELTA_SCHEDULE": "0 0 0 1 1 *"}  # so that it is the notification that brings the message


def _seconds_to_row(trial: Trial, conn: psycopg.Connection[tuple[object, ...]]) -> float:
    time.sleep(PAUSE_SECONDS)  # idle in between, as a mailbox is
    delivered = trial.simulator.admin.deliver(ADDRESS, {"subject": "How long?"})
    started = time.perf_counter()
    while time.perf_counter() - started < GIVE_UP_SECONDS:
        row = conn.execute("SELECT 1 FROM message WHERE provider_message_id = %s", [delivered["immutableId"]])
        if row.fetchone():
            return time.perf_counter() - started
        time.sleep(0.002)
    raise TimeoutError(f"not in the database after {GIVE_UP_SECONDS} s; see {trial.log}")


if __name__ == "__main__":
    measure()
