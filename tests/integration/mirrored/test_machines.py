"""
Cursors and pages under any order of events: a mailbox that changes, jobs that run, twice at once, or die on the way.

Each example is a mailbox of its own. At its end nothing strikes any more, and the rows must come out equal to it: from
the cursors as they were left, so a cursor that ran ahead of its rows would show.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Final
from uuid import uuid4

import psycopg
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, rule, run_state_machine_as_test
from psycopg_pool import AsyncConnectionPool

from dev.graph_simulator.fixture import RunningSimulator
from shared.models.jobs import AnyJob, StartSync, SyncChanges, SyncLane
from shared.models.mail import ProviderProfile
from shared.storage.accounts import connect_mailbox
from shared.storage.database import Pool, user_transaction
from tests.conftest import Database
from tests.integration.conftest import add_user
from tests.integration.mirrored.mirror import Mirror, WorkerDied, with_settings
from tests.integration.mirrored.opening import open_mirror

PLACES: Final = ("inbox", "archive", "sentitems")
FEW: Final = settings(
    max_examples=6,
    stateful_step_count=12,
    deadline=None,
    derandomize=True,
    phases=(Phase.generate,),
    database=None,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large),
)
ROUNDS: Final = 30


class MailboxMachine(RuleBasedStateMachine):
    """What happens in a mailbox, and to the jobs that mirror it."""

    simulator: RunningSimulator
    database: Database
    messages = Bundle("messages")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.mail: Mirror = self.runner.run(self._open())

    async def _open(self) -> Mirror:
        owner = await self.stack.enter_async_context(
            await psycopg.AsyncConnection.connect(self.database.owner_url, autocommit=True)
        )
        pool: Pool = AsyncConnectionPool(
            self.database.app_url, min_size=1, max_size=8, open=False, kwargs={"prepare_threshold": None}
        )
        await self.stack.enter_async_context(pool)
        user_id = await add_user(owner, f"{uuid4()}@contoso.example")
        async with user_transaction(pool, user_id) as conn:
            profile = ProviderProfile("tenant", str(uuid4()), "owner@contoso.example", "Owner")
            account = await connect_mailbox(conn, user_id, "outlook", profile)
        mail = await self.stack.enter_async_context(open_mirror(self.simulator, self.database, pool, owner, account))
        mail.engine = with_settings(mail.engine, sync_page_messages=4, sync_listing_messages=5, lane_seconds=1)
        return mail

    def teardown(self) -> None:
        try:
            self.runner.run(self._settle())
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.close()

    async def _settle(self) -> None:
        """Let everything run that is left, as the timers would, and compare."""
        self.mail.doorstep.before.clear()
        self.mail.admin.delta(self.mail.address)
        for _ in range(ROUNDS):
            await self._forget_the_dead()
            for job in [*await self._unfinished(), SyncChanges(account_id=self.mail.account.id, is_thorough=True)]:
                await self.mail.run(job)
            if self.mail.prove().holds and not await self._unfinished():
                break
        proof = self.mail.prove()
        assert proof.holds, f"{proof}: {proof.missing[:3]} {proof.extra[:3]} {list(proof.different.items())[:3]}"
        assert await self.mail.query(
            "SELECT count(*) FROM sync_page WHERE account_id = %s AND state <> 'done'", self.mail.account.id
        ) == [(0,)]

    async def _forget_the_dead(self) -> None:
        """As if the leases of workers that died were over."""
        for statement in (
            "UPDATE account SET changes_leased_until = '-infinity' WHERE id = %s",
            "UPDATE folder SET leased_until = '-infinity', check_at = least(check_at, now()) WHERE account_id = %s",
            "UPDATE sync_page SET leased_until = '-infinity' WHERE account_id = %s",
            "UPDATE sync_run SET leased_until = '-infinity' WHERE account_id = %s",
            "UPDATE request_slot SET leased_until = '-infinity' WHERE account_id = %s",
            """UPDATE sync_lane SET leased_until = '-infinity'
                WHERE run_id IN (SELECT id FROM sync_run WHERE account_id = %s)""",
        ):
            await self.mail.query(statement, self.mail.account.id)

    async def _unfinished(self) -> list[AnyJob]:
        """What the sweep would send."""
        runs = await self.mail.query(
            "SELECT id, state::text FROM sync_run WHERE account_id = %s AND state IN ('starting', 'running')",
            self.mail.account.id,
        )
        account_id = self.mail.account.id
        return [
            StartSync(account_id=account_id, run_id=run_id)
            if state == "starting"
            else SyncLane(account_id=account_id, run_id=run_id)
            for run_id, state in runs
        ]

    # The mailbox

    @initialize(target=messages, count=st.integers(3, 12), is_synced=st.sampled_from((True, True, False)))
    def begin(self, count: int, *, is_synced: bool) -> Any:  # noqa: ANN401 - hypothesis's own kind of many values
        self.mail.admin.make_synthetic(self.mail.address, count, folders=list(PLACES), seed=count, same_second_every=3)
        if is_synced:
            self.runner.run(self._sync())
        return multiple(*self.mail.ids()[:3])

    @rule(target=messages, place=st.sampled_from(PLACES))
    def deliver(self, place: str) -> str:
        return str(self.mail.admin.deliver(self.mail.address, folder=place)["immutableId"])

    @rule(message=messages, place=st.sampled_from((*PLACES, "deleteditems")))
    def move(self, message: str, place: str) -> None:
        if message in self.mail.ids():
            self.mail.admin.move(self.mail.address, message, place)

    @rule(message=messages, there=st.sampled_from(PLACES), back=st.sampled_from(PLACES))
    def move_and_back(self, message: str, there: str, back: str) -> None:
        if message in self.mail.ids():
            self.mail.admin.move(self.mail.address, message, there)
            self.mail.admin.move(self.mail.address, message, back)

    @rule(message=messages, is_read=st.booleans())
    def read(self, message: str, *, is_read: bool) -> None:
        if message in self.mail.ids():
            self.mail.admin.update(self.mail.address, message, isRead=is_read)

    @rule(message=messages, permanent=st.booleans())
    def delete(self, message: str, *, permanent: bool) -> None:
        if message in self.mail.ids():
            self.mail.admin.delete(self.mail.address, message, permanent=permanent)

    @rule(place=st.sampled_from(PLACES), number=st.integers(1, 3), message=messages)
    def file(self, place: str, number: int, message: str) -> None:
        """Make a folder, or throw it away with what is in it."""
        name = f"Folder {number}"
        there = [f["id"] for f in self.mail.admin.folders(self.mail.address) if f["displayName"] == name]
        if there:
            self.mail.admin.delete_folder(self.mail.address, there[0], permanent=number == 1)
            return
        made = self.mail.admin.create_folder(self.mail.address, name, parent=place)
        if message in self.mail.ids():
            self.mail.admin.move(self.mail.address, message, made["id"])

    @rule(place=st.sampled_from(PLACES), code=st.sampled_from(("SyncStateNotFound", "syncStateInvalid")))
    def forget_cursor(self, place: str, code: str) -> None:
        self.mail.admin.expire_sync_state(self.mail.address, folder=place, code=code)

    @rule(repeat=st.sampled_from((0, 2)), empty=st.sampled_from((0, 2)), replay=st.sampled_from((0, 3)))
    def misbehave(self, repeat: int, empty: int, replay: int) -> None:
        self.mail.admin.delta(self.mail.address, repeat_every=repeat, empty_every=empty, replay_changes=replay)

    async def _sync(self) -> None:
        await self.mail.sync()
        # No enumeration because of counts: it would hide a cursor that ran ahead.
        await self.mail.query("UPDATE folder SET relisted_at = 'infinity' WHERE account_id = %s", self.mail.account.id)

    # The jobs

    @rule()
    def follow(self) -> None:
        self._run(SyncChanges(account_id=self.mail.account.id, is_thorough=True))

    @rule()
    def work(self) -> None:
        for job in self.runner.run(self._unfinished()):
            self._run(job)

    @rule()
    def two_at_once(self) -> None:
        jobs = [*self.runner.run(self._unfinished()), SyncChanges(account_id=self.mail.account.id, is_thorough=True)]

        async def run() -> None:
            await asyncio.gather(*(self.mail.run(job) for job in jobs for _ in range(2)))

        self.runner.run(run())

    @rule(request=st.integers(1, 12))
    def die(self, request: int) -> None:
        """Kill every worker before its nth request."""
        self._strike(request, _die)
        for job in [*self.runner.run(self._unfinished()), SyncChanges(account_id=self.mail.account.id)]:
            self._run(job)
        self.mail.doorstep.before.clear()

    @rule(request=st.integers(1, 8), place=st.sampled_from(PLACES))
    def change_meanwhile(self, request: int, place: str) -> None:
        """Have mail arrive and move while a job is between two of its requests."""

        async def change() -> None:
            await asyncio.to_thread(self.mail.admin.deliver, self.mail.address, folder=place)
            ids = await asyncio.to_thread(self.mail.ids)
            await asyncio.to_thread(self.mail.admin.move, self.mail.address, ids[0], place)

        self._strike(request, change)
        self._run(SyncChanges(account_id=self.mail.account.id, is_thorough=True))
        self.mail.doorstep.before.clear()

    def _strike(self, request: int, act: Callable[[], Awaitable[None]]) -> None:
        self.mail.doorstep.before = {self.mail.doorstep.requests + request: act}

    def _run(self, job: AnyJob) -> None:
        async def run() -> None:
            try:
                await self.mail.run(job)
            except WorkerDied:
                await self._forget_the_dead()

        self.runner.run(run())


async def _die() -> None:
    raise WorkerDied


def test_rows_equal_the_mailbox_after_any_order_of_events(simulator: RunningSimulator, database: Database) -> None:
    MailboxMachine.simulator, MailboxMachine.database = simulator, database
    run_state_machine_as_test(MailboxMachine, settings=FEW)
