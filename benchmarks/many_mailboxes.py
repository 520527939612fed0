"""
Two hundred mailboxes at once, and a large one among them: is a small one held up, and does anything grow without bound?

First small mailboxes alone, then small ones while the large one is being synchronised, one after the other, then all
at once. Queue depth is that of the storage queue of sync jobs; connections are those that PostgreSQL counts of the
application's role.
"""

import argparse
import statistics
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg
from azure.storage.queue import QueueClient

from benchmarks.contests import contest_system, prove
from benchmarks.report import Row, write_report
from dev.person import Person
from dev.trial import Trial

SMALL_MESSAGES = 1_000
IN_TURN = 5  # one after the other, because a large mailbox takes a while to come to its full speed
BODY_BYTES = 2_000
CONNECTING_AT_ONCE = 8
LONGEST_SECONDS = 1_800.0
LOOK_SECONDS = 0.5
SYNC_QUEUE = "mail-sync"


class Peaks:
    """The most that was seen of what must stay bounded."""

    def __init__(self) -> None:
        self.queue_depth = 0
        self.connections = 0


def measure(mailboxes: int, large: int) -> list[Row]:
    with contest_system(SWEEP_SCHEDULE="*/10 * * * * *") as trial, ExitStack() as people:
        owners = [_owner(trial, people, f"mailbox{n}", SMALL_MESSAGES) for n in range(2 * IN_TURN + mailboxes)]
        alone, beside, together = owners[:IN_TURN], owners[IN_TURN : 2 * IN_TURN], owners[2 * IN_TURN :]
        giants = [_owner(trial, people, f"giant{number}", large) for number in range(2)]
        rows = [_row("small ones in turn, alone", *_synced_in_turn(trial, alone))]
        _connect(giants[0])
        rows.append(_row("small ones in turn beside the large one", *_synced_in_turn(trial, beside)))
        _wait_for(trial, giants[:1])
        _connect(giants[1])
        rows.append(_row(f"{mailboxes} small ones and the large one at once", *_synced(trial, together)))
        _wait_for(trial, giants[1:])
        for address in (giants[1].address, beside[0].address, together[-1].address):
            prove(trial, address)
    return rows


@dataclass(slots=True)
class Owner:
    person: Person
    address: str
    account_id: str = ""


def _owner(trial: Trial, people: ExitStack, name: str, messages: int) -> Owner:
    """Make a mailbox, and a person who is to connect it."""
    address = f"{name}@contoso.example"
    trial.simulator.admin.create_user(address)
    trial.simulator.admin.make_synthetic(
        address, messages, folders=["inbox", "archive"], body_bytes=BODY_BYTES, seed=zlib.crc32(name.encode())
    )
    person = people.enter_context(trial.somebody(address))
    person.sign_up()
    return Owner(person, address)


def _connect(owner: Owner) -> None:
    owner.account_id = owner.person.connect(owner.address)


def _synced(trial: Trial, owners: Sequence[Owner]) -> tuple[list[float], Peaks]:
    """Connect all these at once; return the seconds that each first sync took, and what was seen meanwhile."""
    with _watched(trial) as peaks:
        return _first_syncs(trial, owners), peaks


def _synced_in_turn(trial: Trial, owners: Sequence[Owner]) -> tuple[list[float], Peaks]:
    """Connect one after the other."""
    with _watched(trial) as peaks:
        return [seconds for owner in owners for seconds in _first_syncs(trial, [owner])], peaks


def _first_syncs(trial: Trial, owners: Sequence[Owner]) -> list[float]:
    with ThreadPoolExecutor(CONNECTING_AT_ONCE) as threads:
        list(threads.map(_connect, owners))
    return _wait_for(trial, owners)


def _wait_for(trial: Trial, owners: Sequence[Owner]) -> list[float]:
    accounts = [owner.account_id for owner in owners]
    open_runs = "SELECT count(*) FROM sync_run WHERE account_id = ANY(%s::uuid[]) AND finished_at IS NULL"
    deadline = time.monotonic() + LONGEST_SECONDS
    while trial.query(open_runs, accounts) != [(0,)]:
        if time.monotonic() > deadline:
            raise SystemExit("not all were synchronised in time")
        time.sleep(LOOK_SECONDS)
    seconds = """
        SELECT DISTINCT ON (account_id) extract(epoch FROM finished_at - requested_at)::float8
          FROM sync_run WHERE account_id = ANY(%s::uuid[]) ORDER BY account_id, requested_at DESC
    """
    return [float(row[0]) for row in trial.query(seconds, accounts)]


@contextmanager
def _watched(trial: Trial) -> Iterator[Peaks]:
    peaks, done = Peaks(), threading.Event()

    def watch() -> None:
        connections = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'mail_app'"
        with (
            psycopg.connect(trial.urls.owner_url, autocommit=True) as conn,
            QueueClient.from_connection_string(trial.azurite.connection_string, SYNC_QUEUE) as queue,
        ):
            while not done.wait(LOOK_SECONDS):
                row = conn.execute(connections).fetchone()
                peaks.connections = max(peaks.connections, int(row[0]) if row else 0)
                depth = queue.get_queue_properties().approximate_message_count or 0
                peaks.queue_depth = max(peaks.queue_depth, depth)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peaks
    finally:
        done.set()
        thread.join()


def _row(what: str, seconds: Sequence[float], peaks: Peaks) -> Row:
    return {
        "what": what,
        "mailboxes": float(len(seconds)),
        "p50 s": statistics.median(seconds),
        "slowest s": max(seconds),
        "messages/s": len(seconds) * SMALL_MESSAGES / max(seconds),
        "queue depth": float(peaks.queue_depth),
        "connections": float(peaks.connections),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mailboxes", type=int, default=200)
    parser.add_argument("--large", type=int, default=50_000, help="messages of the large mailbox")
    wanted = parser.parse_args()
    write_report("many_mailboxes", measure(wanted.mailboxes, wanted.large))
