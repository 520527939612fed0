"""A simulated mailbox, its rows, and the sync engine between them, with a queue that a test empties itself."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from dev.graph_simulator.client import SimulatorAdmin
from dev.proof import Proof, prove
from shared.job_queues import JobQueues
from shared.jobs import Later
from shared.models.accounts import ConnectedAccount
from shared.models.api import Audit
from shared.models.jobs import AnyJob, StartSync, SyncLane
from shared.models.mail import message_id_from
from shared.storage.audit_lists import get_audit, get_report
from shared.storage.database import user_transaction
from shared.sync.audits import request_audit
from shared.sync.dispatch import run_job
from shared.sync.engine import Engine


class WorkerDied(Exception):
    """What a test raises where a worker should die."""


class KeptJobs(JobQueues):
    """Jobs that were sent, with their delays, until a test runs them."""

    def __init__(self) -> None:
        self.waiting: list[Later] = []
        self.apart: list[AnyJob] = []

    async def send(self, jobs: Iterable[Later]) -> None:
        self.waiting += jobs

    async def send_apart(self, jobs: Iterable[AnyJob]) -> None:
        self.apart += jobs

    def take(self, kind: type[Any] | None = None) -> list[Later]:
        taken = [later for later in self.waiting if kind is None or isinstance(later.job, kind)]
        self.waiting = [later for later in self.waiting if later not in taken]
        return taken


@dataclass
class Doorstep:
    """Stands before the gate: counts the requests, and may do something before one of them."""

    requests: int = 0
    before: dict[int, Callable[[], Awaitable[None]]] = field(default_factory=dict)  # by the request's number, from 1

    @asynccontextmanager
    async def passed(self, gate: AbstractAsyncContextManager[datetime]) -> AsyncIterator[datetime]:
        self.requests += 1
        if act := self.before.pop(self.requests, None):
            await act()
        async with gate as asked_at:
            yield asked_at

    def reset(self) -> None:
        self.requests = 0


@dataclass
class Mirror:
    engine: Engine
    jobs: KeptJobs
    account: ConnectedAccount
    address: str
    admin: SimulatorAdmin
    doorstep: Doorstep
    owner: AsyncConnection[tuple[Any, ...]]
    owner_url: str

    async def sync(self) -> None:
        """Run the first sync to its end."""
        rows = await self.query("SELECT id FROM sync_run WHERE account_id = %s", self.account.id)
        await self.run(StartSync(account_id=self.account.id, run_id=rows[0][0]))
        while jobs := self.jobs.take(SyncLane):
            await self.run(jobs[0].job)
        self.jobs.take()

    async def run(self, job: AnyJob) -> None:
        await run_job(self.engine, job.model_dump_json().encode())

    async def run_all(self) -> None:
        """Run what is in the queue, and what follows from it, whatever its delay."""
        while jobs := self.jobs.take():
            for later in jobs:
                await self.run(later.job)

    async def request_audit(self) -> UUID:
        return (await request_audit(self.engine.pool, self.jobs, self.account.user_id, self.account.id)).id

    async def audit(self) -> Audit:
        """Have the mailbox audited, to the end."""
        audit_id = await self.request_audit()
        await self.run_all()
        return await self.seen(audit_id)

    async def seen(self, audit_id: UUID) -> Audit:
        async with user_transaction(self.engine.pool, self.account.user_id) as conn:
            return await get_audit(conn, self.account.user_id, self.account.id, audit_id)

    async def report(self, audit_id: UUID) -> str:
        async with user_transaction(self.engine.pool, self.account.user_id) as conn:
            return await get_report(conn, self.account.user_id, self.account.id, audit_id)

    def prove(self) -> Proof:
        return prove(self.admin, self.owner_url, self.address)

    def ids(self, folder: str | None = None) -> list[str]:
        """The immutable ids in the mailbox, or in one of its folders."""
        return [str(message["immutableId"]) for message in self.admin.messages(self.address, folder)]

    async def query(self, sql: Any, *params: object) -> list[tuple[Any, ...]]:  # noqa: ANN401 - literal text, as psycopg has it
        """Ask or change the database, past row-level security."""
        cur = await self.owner.execute(sql, params)
        return await cur.fetchall() if cur.description else []


async def damage(mail: Mirror) -> None:
    """Delete three rows, spoil five, and add two that the mailbox does not have."""
    ids = mail.ids()
    long_ago = "saved_at = now() - interval '1 day'"
    await mail.query("DELETE FROM message WHERE provider_message_id = ANY(%s)", [ids[0], ids[25], ids[59]])
    await mail.query(
        f"UPDATE message SET is_read = NOT is_read, {long_ago} WHERE provider_message_id = ANY(%s)",  # noqa: S608 - the words above
        [ids[1], ids[30]],
    )
    await mail.query(
        "UPDATE message SET flag = CASE flag WHEN 'flagged' THEN 'complete'::flag_status ELSE 'flagged' END"
        " WHERE provider_message_id = %s",
        ids[2],
    )
    await mail.query("UPDATE message SET change_key = 'old' WHERE provider_message_id = %s", ids[3])
    await mail.query(
        """UPDATE message SET folder_id = (SELECT id FROM folder WHERE id <> message.folder_id LIMIT 1)
            WHERE provider_message_id = %s""",
        ids[4],
    )
    for received in ("2026-02-02T10:00:00Z", "0001-01-01T00:00:00Z"):
        ending = secrets.token_hex(4)
        await mail.query(
            """INSERT INTO message (id, user_id, account_id, folder_id, thread_id, provider_message_id,
                                    provider_thread_id, change_key, kind, provider_kind, subject, preview,
                                    to_recipients, cc_recipients, bcc_recipients, reply_to, categories, importance,
                                    flag, is_read, is_draft, direction, received_at, has_attachments, saved_at)
               SELECT %s, user_id, account_id, folder_id, thread_id, provider_message_id || %s, provider_thread_id,
                      change_key, kind, provider_kind, 'Ghost', preview, to_recipients, cc_recipients, bcc_recipients,
                      reply_to, categories, importance, flag, is_read, is_draft, direction, %s, has_attachments,
                      now() - interval '1 day'
                 FROM message WHERE provider_message_id = %s""",
            message_id_from(mail.account.id, f"{ids[5]}{ending}"),
            ending,
            received,
            ids[5],
        )


def with_settings(engine: Engine, **settings: object) -> Engine:
    changed = engine.settings.model_copy(update=settings)
    return Engine(changed, engine.secrets, engine.pool, engine.jobs, engine.provider_for, engine.announce)
