"""One first sync, ours or a contestant's, and what it cost."""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg

from benchmarks.contestants.task import FOLDERS, Outcome, Task
from dev.graph_simulator.sign_in import sign_in
from dev.postgres.binaries import system_programs_with_lz4
from dev.trial import ROOT, Trial

OURS: Final = "ours"
REFERENCE: Final = "reference"
PEERS: Final = ("o365", "msgraph_sdk")
PEERS_PYTHON: Final = ROOT / ".local" / "peers" / "bin" / "python"
SHARES: Final = {"serial": 4, "o365": 10, "msgraph_sdk": 20, "job_per_message": 40}
"""The slow get one in so many messages."""
OWN_PAGES: Final = {"serial": 100}  # others either choose their own or take the one of the contest
BODY_BYTES: Final = 20_000
FIRST: Final = 200
INSTANCES: Final = 1  # which takes all lanes of a mailbox, as in Azure
WARM_UP_MESSAGES: Final = 1000
LONGEST_SECONDS: Final = 1800.0
NEVER: Final = "0 0 0 1 1 *"
QUIET: Final = {"DELTA_SCHEDULE": NEVER, "RENEWAL_SCHEDULE": NEVER, "AUDIT_SCHEDULE": NEVER, "SWEEP_SCHEDULE": NEVER}
LOOKS: Final = "00:00:00.25"  # at a queue that was empty
SETTINGS: Final = {
    **QUIET,
    "LANE_SECONDS": "45",
    "SYNC_LISTING_MESSAGES": "1000",
    "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": LOOKS,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Contest:
    messages: int = 20_000
    latency_ms: float = 150
    per_message_ms: float = 0
    page: int = 250


@dataclasses.dataclass(frozen=True, slots=True)
class Measured:
    messages: int
    seconds: float
    client_cpu_seconds: float
    database_cpu_seconds: float
    first_seconds: float = 0.0  # until the first 200 could be read through the API
    held_back_seconds: float = 0.0  # in which the provider wanted no request
    memory_bytes: int = 0  # of the largest host, at its largest
    queue_messages: int = 0

    @property
    def rate(self) -> float:
        return self.messages / self.seconds

    @property
    def client_cpu(self) -> float:
        """Seconds for 1,000 messages."""
        return self.client_cpu_seconds / self.messages * 1000

    @property
    def database_cpu(self) -> float:
        return self.database_cpu_seconds / self.messages * 1000


@contextmanager
def contest_system(page: int = 250, *, hosts: int = INSTANCES, **settings: str) -> Iterator[Trial]:
    """
    Start a system that has been at work, with one user.

    PostgreSQL is the one that $PG_BIN chooses, else one of this machine that packs with lz4, else the packaged one.
    """
    if not os.environ.get("PG_BIN") and (programs := system_programs_with_lz4()):
        os.environ["PG_BIN"] = str(programs.folder)
    with (
        tempfile.TemporaryDirectory(prefix="contest-") as folder,
        Trial(Path(folder), settings={**SETTINGS, "SYNC_PAGE_MESSAGES": str(page), **settings}, hosts=hosts) as trial,
    ):
        trial.sign_up()
        warm_up(trial)
        yield trial


def warm_up(trial: Trial) -> None:
    """Make it a system that has been at work: its code loaded, its connections open, its tables analysed."""
    address = "warm-up@contoso.example"
    trial.simulator.admin.create_user(address)
    trial.simulator.admin.make_synthetic(address, WARM_UP_MESSAGES, folders=list(FOLDERS), as_letters=True, seed=1)
    with trial.somebody("warm-up@contoso.example") as person:
        person.sign_up()
        person.connect(address)
    live = "SELECT count(*) FROM account WHERE state = 'live'"
    trial.until("the first mailbox is live", lambda: trial.query(live) == [(1,)], 60)
    index(trial)
    settle(trial)


def settle(trial: Trial) -> None:
    """Have PostgreSQL do now what it would else do while the next one is measured."""
    with psycopg.connect(trial.postgres.url, dbname="mail", autocommit=True) as conn:
        conn.execute("VACUUM ANALYZE")
        conn.execute("CHECKPOINT")


def make_mailbox(trial: Trial, name: str, contest: Contest) -> tuple[str, int]:
    """Make the mailbox that a contestant is to bring over; return its address, and of how many messages it is."""
    messages = contest.messages // SHARES.get(name, 1)
    address = f"{name.replace('_', '-')}@contoso.example"
    admin = trial.simulator.admin
    admin.create_user(address)
    admin.latency(0)
    admin.make_synthetic(address, messages, folders=list(FOLDERS), body_bytes=BODY_BYTES, as_letters=True, seed=4)
    admin.latency(contest.latency_ms, contest.per_message_ms)
    return address, messages


def run_contestant(trial: Trial, name: str, contest: Contest) -> Measured:
    """Raise SystemExit when what arrived is not what was there."""
    address, messages = make_mailbox(trial, name, contest)
    index(trial)
    settle(trial)
    return run_ours(trial, address, messages) if name == OURS else _run_other(trial, name, address, messages, contest)


def run_ours(trial: Trial, address: str, messages: int) -> Measured:
    """Connect the mailbox and wait until it is live; search is left to whoever wants it."""
    cpu, stored = _hosts_cpu(trial), cpu_seconds(trial.postgres.pid)
    queued = _queue_messages(trial)
    trial.connect(address)
    measured = _watch(trial, messages)
    return dataclasses.replace(
        measured,
        client_cpu_seconds=_hosts_cpu(trial) - cpu,
        database_cpu_seconds=cpu_seconds(trial.postgres.pid) - stored,
        queue_messages=_queue_messages(trial) - queued,
    )


def sync_again(trial: Trial, messages: int) -> float:
    """Enumerate and fetch a whole mailbox that is stored already; return the seconds that this took."""
    trial.api.post(f"/accounts/{trial.account_id}/sync").raise_for_status()
    return _watch(trial, messages, runs=2).seconds


def index(trial: Trial) -> float:
    """Wait until all messages can be found by their words; return the seconds."""
    return trial.until("all can be searched", lambda: trial.query("SELECT count(*) FROM search_backlog") == [(0,)], 600)


def prove(trial: Trial, address: str) -> None:
    if not (proof := trial.prove(address)).holds:
        raise SystemExit(f"the mirror is not right: {proof}")


def wal_bytes(trial: Trial) -> int:
    return int(trial.query("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")[0][0])


def _watch(trial: Trial, messages: int, *, runs: int = 1) -> Measured:
    """Wait for the end of a run, without much ado: asking costs CPU too."""
    sql = """
        SELECT (SELECT count(*) FROM sync_run WHERE account_id = %(id)s AND state = 'completed'),
               (SELECT not_before > clock_timestamp() FROM request_pace WHERE account_id = %(id)s)
    """
    started = seen = time.monotonic()
    first = held = 0.0
    memory = 0
    with psycopg.connect(trial.urls.owner_url, autocommit=True) as conn:
        while (row := _one(conn, sql, trial.account_id))[0] < runs:
            now = time.monotonic()
            held += now - seen if row[1] else 0.0
            seen = now
            if now - started > LONGEST_SECONDS:
                raise SystemExit("the sync did not end")
            if not first and _readable(trial) >= min(FIRST, messages):
                first = time.monotonic() - started
            memory = max(memory, trial.host_memory_bytes())
            time.sleep(0.05)
    return Measured(messages, time.monotonic() - started, 0, 0, first, held, memory)


def _one(conn: psycopg.Connection[tuple[Any, ...]], sql: Any, account_id: str) -> tuple[Any, ...]:  # noqa: ANN401 - a literal of this file
    row = conn.execute(sql, {"id": account_id}).fetchone()
    if row is None:
        raise LookupError("no row")
    return row


def _readable(trial: Trial) -> int:
    answer = trial.api.get("/messages", params={"account_id": trial.account_id, "limit": FIRST})
    return len(answer.raise_for_status().json()["items"])


def _run_other(trial: Trial, name: str, address: str, messages: int, contest: Contest) -> Measured:
    task = Task(
        graph=trial.simulator.graph_base_url,
        ca=trial.simulator.ca_file,
        token=sign_in(trial.simulator, address).access_token,
        database=trial.urls.owner_url,
        page=OWN_PAGES.get(name, contest.page),
        queues=trial.azurite.connection_string,
    )
    python = PEERS_PYTHON if name in PEERS else sys.executable
    command = [python, "-m", f"benchmarks.contestants.{name}", json.dumps(dataclasses.asdict(task))]
    before = cpu_seconds(trial.postgres.pid)
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - the words above
    stored = cpu_seconds(trial.postgres.pid) - before
    outcome = Outcome.from_line(done.stdout)
    if outcome.messages != messages:
        raise SystemExit(f"{name} saved {outcome.messages} of {messages} messages")
    return Measured(messages, outcome.seconds, outcome.cpu_seconds, stored)


def _hosts_cpu(trial: Trial) -> float:
    return sum(cpu_seconds(host.pid) for host in trial.hosts)


def _queue_messages(trial: Trial) -> int:
    return trial.log.read_text(errors="replace").count("New queue message detected")


def cpu_seconds(pid: int) -> float:
    """Sum what a process, its children and those of them that have ended have used."""
    process = psutil.Process(pid)
    times = process.cpu_times()
    spent = times.user + times.system + times.children_user + times.children_system
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it ended since: its parent counts it the next time
            living = child.cpu_times()
            spent += living.user + living.system
    return float(spent)
