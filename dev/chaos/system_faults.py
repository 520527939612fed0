"""What can go wrong for all mailboxes at once: parts that die, disks that fill, queues and clocks that lie."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, LiteralString
from uuid import UUID

import psycopg
from azure.core.exceptions import AzureError
from azure.storage.queue import QueueClient, QueueServiceClient, TextBase64DecodePolicy, TextBase64EncodePolicy

from dev.trial import Trial
from shared.jobs import QUEUES

MOST_PEEKED: Final = 32
HALF: Final = 0.5
LOST_SECONDS: Final = 1_800  # a lost job stays out of sight for longer than any trial lasts
OLD_BODIES: Final = (
    '{"kind": "sync_changes.v1", "account_id": "%s"}',
    '{"kind": "ensure_subscription.v1", "account_id": "%s"}',
    '{"kind": "index_messages.v1", "account_id": "%s"}',
    '{"kind": "sync_folder.v0", "account_id": "%s", "page": 3}',  # nobody knows such a job any more
)


@dataclass(frozen=True, slots=True)
class SystemFault:
    """A fault of the system, so many seconds after the round's start, for `seconds` if it lasts."""

    at: float
    name: str
    seconds: float
    dice: int

    def __str__(self) -> str:
        return f"{self.at:.1f} s {self.name}"

    def strike(self, trial: Trial) -> None:
        """Do it, and return once it is over. Call it from the main thread: parts are started from there only."""
        FAULTS[self.name](trial, self, random.Random(self.dice))  # noqa: S311 - repeatable


def plan_system_fault(chance: random.Random, name: str, *, until: float) -> SystemFault:
    return SystemFault(chance.uniform(0.2, until), name, chance.uniform(1, 3), chance.randrange(2**32))


Strike = Callable[[Trial, SystemFault, random.Random], None]


def _kill_host(trial: Trial, _: SystemFault, __: random.Random) -> None:
    trial.kill_host()


def _kill_postgres(trial: Trial, _: SystemFault, __: random.Random) -> None:
    trial.kill_postgres()


def _kill_azurite(trial: Trial, _: SystemFault, __: random.Random) -> None:
    trial.kill_azurite()


def _kill_everything(trial: Trial, _: SystemFault, __: random.Random) -> None:
    trial.postgres.kill()
    trial.azurite.kill()
    trial.start_postgres()
    trial.start_azurite()
    trial.kill_host()


def _fill_disk(trial: Trial, fault: SystemFault, _: random.Random) -> None:
    """Refuse every insert as a server without space does."""
    with full_disk(trial.urls.owner_url):
        time.sleep(fault.seconds)


@contextmanager
def full_disk(database_url: str) -> Iterator[None]:
    """Have PostgreSQL say for the time of the block that its disk is full."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("""
            CREATE OR REPLACE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
            END $$""")
        try:
            _each_table(
                conn, "CREATE TRIGGER disk_full BEFORE INSERT ON %I FOR EACH STATEMENT EXECUTE FUNCTION disk_full()"
            )
            yield
        finally:
            _each_table(conn, "DROP TRIGGER IF EXISTS disk_full ON %I")


def _each_table(conn: psycopg.Connection[tuple[object, ...]], statement: LiteralString) -> None:
    tables = conn.execute(
        "SELECT format(%s, tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_migrations'",
        [statement],
    ).fetchall()
    for (made,) in tables:
        conn.execute(str(made).encode())


def _deliver(**behaviour: object) -> Strike:
    def misbehave(trial: Trial, fault: SystemFault, _: random.Random) -> None:
        trial.simulator.admin.delivery(seed=fault.dice % 2**31, **behaviour)
        time.sleep(fault.seconds)
        trial.simulator.admin.reset_delivery()

    return misbehave


def _go_out(trial: Trial, fault: SystemFault, chance: random.Random) -> None:
    """Graph answers nothing, or what a broken front door answers; the sign-in service may be out with it."""
    action = chance.choice(("nothing", "unavailable", "html", "failed"))
    if action == "nothing":
        trial.simulator.admin.outage(fault.seconds, entra=chance.random() < HALF)
        time.sleep(fault.seconds)
        return
    trial.simulator.admin.fault(action, path="", times=None)
    time.sleep(fault.seconds)
    trial.simulator.admin.clear_faults()


def _skew_clock(seconds: float) -> Strike:
    """Graph's clock runs ahead of ours, or behind it, from here to the end of the round's faults."""

    def skew(trial: Trial, _: SystemFault, __: random.Random) -> None:
        trial.simulator.admin.set_clock(seconds)

    return skew


def _double_jobs(trial: Trial, fault: SystemFault, _: random.Random) -> None:
    """Put a copy of each waiting job beside it, for a while."""
    ends = time.monotonic() + fault.seconds
    with _queues(trial) as queues:
        while time.monotonic() < ends:
            for queue in queues:
                _try(lambda queue=queue: _copy(queue))  # type: ignore[misc] # mypy cannot infer a lambda's default
            time.sleep(0.1)


def _copy(queue: QueueClient) -> None:
    for message in queue.peek_messages(MOST_PEEKED):
        queue.send_message(message.content)


def _lose_jobs(trial: Trial, fault: SystemFault, chance: random.Random) -> None:
    """Take jobs out of the queues, some of those that are there for a while."""
    ends = time.monotonic() + fault.seconds
    with _queues(trial) as queues:
        while time.monotonic() < ends:
            _try(lambda: _lose(chance.choice(queues)))
            time.sleep(0.1)


def _lose(queue: QueueClient) -> None:
    for message in queue.receive_messages(max_messages=4, visibility_timeout=LOST_SECONDS):
        queue.delete_message(message)


def _send_old_jobs(trial: Trial, _: SystemFault, __: random.Random) -> None:
    """Send jobs as an older version wrote them, and one that nobody knows."""
    accounts: list[tuple[UUID]] = trial.query("SELECT id FROM account WHERE state <> 'disconnected'")
    with _queues(trial) as queues:
        for (account,) in accounts:
            for queue in queues:
                for body in OLD_BODIES:
                    _try(lambda queue=queue, body=body, account=account: queue.send_message(body % account))  # type: ignore[misc] # as above


def _try(deed: Callable[[], object]) -> None:
    try:
        deed()
    except AzureError:  # a queue that is not made yet, or a service that was just killed
        return


@contextmanager
def _queues(trial: Trial) -> Iterator[list[QueueClient]]:
    with QueueServiceClient.from_connection_string(trial.azurite_ports.connection_string, retry_total=1) as service:
        policies = {
            "message_encode_policy": TextBase64EncodePolicy(),
            "message_decode_policy": TextBase64DecodePolicy(),
        }
        yield [service.get_queue_client(name, **policies) for name in QUEUES]


FAULTS: Final[Mapping[str, Strike]] = {
    "host killed": _kill_host,
    "postgres killed": _kill_postgres,
    "azurite killed": _kill_azurite,
    "everything killed": _kill_everything,
    "disk full": _fill_disk,
    "notifications dropped": _deliver(drop_share=0.7),
    "drops announced": _deliver(drop_share=0.7, is_drop_announced=True),
    "notifications doubled": _deliver(duplicate_share=0.8, extra_updates=2),
    "notifications reordered": _deliver(is_reordered=True, delay_spread_milliseconds=800),
    "notifications late": _deliver(delay_milliseconds=1_500),
    "notifications held back": _deliver(is_paused=True),
    "outage": _go_out,
    "clock ahead": _skew_clock(600),
    "clock behind": _skew_clock(-600),
    "jobs doubled": _double_jobs,
    "jobs lost": _lose_jobs,
    "old jobs": _send_old_jobs,
}


def restore_system(trial: Trial) -> None:
    """End every rule and misbehaviour, and set the clock right."""
    trial.simulator.admin.clear_faults()
    trial.simulator.admin.outage(0)
    trial.simulator.admin.set_clock(0)
    _pass_time(trial)


def _pass_time(trial: Trial) -> None:
    """
    Let the minutes pass after which a claimed subscription is claimed again, when its job was lost or refused.

    It is the only distance of the product that no setting shortens.
    """
    with psycopg.connect(trial.urls.owner_url) as conn:
        conn.execute("UPDATE account SET subscribe_not_before = subscribe_not_before - interval '10 minutes'")
    trial.simulator.admin.reset_delivery()
