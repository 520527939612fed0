"""
How fast is a first sync, and at what cost in CPU, beside other ways to bring a mailbox into PostgreSQL?

Ours goes through the real host, queues, triggers and database. The others (benchmarks/contestants/) write into the same
PostgreSQL and read from the same stand-in of Graph, which answers late by `--latency-ms`, and by `--per-message-ms` for
each message of an answer, and refuses a fifth request at a time. What cannot be quick is given fewer messages. CPU is
that of client and PostgreSQL, for 1,000 messages; writing search vectors, which no other does, is left out of it.
"""

import argparse
import dataclasses
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import psycopg

from benchmarks.contestants.task import FOLDERS, Outcome, Task
from benchmarks.report import Row, write_report
from dev.graph_simulator.sign_in import sign_in
from dev.trial import ROOT, Trial

OURS = "ours"
REFERENCE = "reference"
CONTESTANTS = (OURS, REFERENCE, "serial", "job_per_message")
SLOW = "job_per_message"
SLOW_SHARE = 20  # of whose messages the slow get one
BODY_BYTES = 20_000
SYNC_SECONDS = 1800
QUIET = {
    "DELTA_SCHEDULE": "0 0 0 1 1 *",
    "RENEWAL_SCHEDULE": "0 0 0 1 1 *",
    "AUDIT_SCHEDULE": "0 0 0 1 1 *",
    "SWEEP_SCHEDULE": "0 0 0 1 1 *",
}
SETTINGS = {**QUIET, "LANE_SECONDS": "45", "SYNC_LISTING_MESSAGES": "1000"}


@dataclasses.dataclass(frozen=True, slots=True)
class Measured:
    rate: float  # messages a second
    client_cpu: float  # seconds for 1,000 messages
    database_cpu: float


def measure(wanted: argparse.Namespace) -> list[Row]:
    results: dict[str, list[Measured]] = {name: [] for name in wanted.contestants}
    settings = {**SETTINGS, "SYNC_PAGE_MESSAGES": str(wanted.page)}
    for _ in range(wanted.repeats):
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as folder,
            Trial(Path(folder), settings=settings, hosts=wanted.hosts) as trial,
        ):
            trial.sign_up()
            for name in wanted.contestants:
                results[name].append(_contest(trial, name, wanted))
    return _rows(results, wanted)


def _contest(trial: Trial, name: str, wanted: argparse.Namespace) -> Measured:
    messages = wanted.messages // SLOW_SHARE if name == SLOW else wanted.messages
    address = f"{name.replace('_', '-')}@contoso.example"
    admin = trial.simulator.admin
    admin.create_user(address)
    admin.latency(0)
    admin.make_synthetic(address, messages, folders=list(FOLDERS), body_bytes=BODY_BYTES, as_letters=True, seed=4)
    admin.latency(wanted.latency_ms, wanted.per_message_ms)
    if name == OURS:
        return _ours(trial, address, messages)
    return _other(trial, name, address, messages, wanted.page)


def _ours(trial: Trial, address: str, messages: int) -> Measured:
    hosts, database = [host.pid for host in trial.hosts], trial.postgres.pid
    client_before, database_before = sum(map(_cpu_seconds, hosts)), _cpu_seconds(database)
    trial.connect(address)
    seconds = _until_synced(trial)
    client, stored = sum(map(_cpu_seconds, hosts)) - client_before, _cpu_seconds(database) - database_before
    trial.until("all can be searched", lambda: trial.query("SELECT count(*) FROM search_backlog") == [(0,)], 600)
    if not (proof := trial.prove(address)).holds:
        raise SystemExit(f"the mirror is not right: {proof}")
    return Measured(messages / seconds, client / messages * 1000, stored / messages * 1000)


def _until_synced(trial: Trial) -> float:
    """Wait without much ado: asking costs CPU too."""
    sql = "SELECT count(*) FROM sync_run WHERE account_id = %s AND state = 'completed'"
    started = time.monotonic()
    with psycopg.connect(trial.urls.owner_url, autocommit=True) as conn:
        while conn.execute(sql, [trial.account_id]).fetchone() != (1,):
            if time.monotonic() - started > SYNC_SECONDS:
                raise SystemExit("the first sync did not end")
            time.sleep(0.05)
    return time.monotonic() - started


def _other(trial: Trial, name: str, address: str, messages: int, page: int) -> Measured:
    token = sign_in(trial.simulator, address).access_token
    task = Task(
        graph=trial.simulator.graph_base_url,
        ca=trial.simulator.ca_file,
        token=token,
        database=trial.urls.owner_url,
        page=page,
        queues=trial.azurite.connection_string,
    )
    command = [sys.executable, "-m", f"benchmarks.contestants.{name}", json.dumps(dataclasses.asdict(task))]
    before = _cpu_seconds(trial.postgres.pid)
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - the words above
    stored = _cpu_seconds(trial.postgres.pid) - before
    outcome = Outcome.from_line(done.stdout)
    if outcome.messages != messages:
        raise SystemExit(f"{name} saved {outcome.messages} of {messages} messages")
    return Measured(messages / outcome.seconds, outcome.cpu_seconds / messages * 1000, stored / messages * 1000)


def _cpu_seconds(pid: int) -> float:
    """Sum what a process, its children and those of them that have ended have used."""
    process = psutil.Process(pid)
    ended = process.cpu_times()
    living = [member.cpu_times() for member in (process, *process.children(recursive=True))]
    return float(sum(each.user + each.system for each in living) + ended.children_user + ended.children_system)


def _rows(results: dict[str, list[Measured]], wanted: argparse.Namespace) -> list[Row]:
    ours = results.get(OURS) or next(iter(results.values()))
    return [
        {
            "latency": f"{wanted.latency_ms:.0f} ms + {wanted.per_message_ms:.0f} per message",
            "contestant": name,
            "messages/s": _median(runs, lambda run: run.rate),
            "ours to it": _median(ours, lambda run: run.rate) / _median(runs, lambda run: run.rate),
            "client CPU s": _median(runs, lambda run: run.client_cpu),
            "database CPU s": _median(runs, lambda run: run.database_cpu),
        }
        for name, runs in results.items()
    ]


def _median(runs: Sequence[Measured], value: Callable[[Measured], float]) -> float:
    return statistics.median(value(run) for run in runs)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--latency-ms", type=float, default=150)
    parser.add_argument("--per-message-ms", type=float, default=0)
    parser.add_argument("--page", type=int, default=250, help="messages in a page, of those who choose")
    parser.add_argument("--hosts", type=int, default=2, help="instances of ours")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--contestants", nargs="*", default=CONTESTANTS, choices=CONTESTANTS)
    return parser.parse_args()


if __name__ == "__main__":
    began = time.monotonic()
    write_report("first_sync", measure(arguments()))
    print(f"{time.monotonic() - began:.0f} s")
