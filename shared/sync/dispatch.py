"""From a queue message to its use case, and from its outcome to what happens next."""

import logging
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

import psycopg
from psycopg_pool import PoolTimeout
from pydantic import ValidationError

from shared.errors import (
    JobInvalid,
    MailboxUnavailable,
    NotFound,
    ProviderMisconfigured,
    ProviderUnavailable,
    ReauthenticationRequired,
    StorageFailed,
)
from shared.jobs import Later
from shared.models.accounts import ConnectedAccount
from shared.models.api import AccountState, ChangeKind
from shared.models.jobs import (
    ANY_JOB,
    AnyJob,
    AuditMailbox,
    EnsureSubscription,
    FetchMessage,
    IndexMessages,
    RemoveAccount,
    StartSync,
    SyncChanges,
    SyncLane,
)
from shared.storage.accounts import change_account_state
from shared.storage.database import user_transaction
from shared.storage.events import Event
from shared.storage.failed_jobs import record_failed_job
from shared.sync.audits import audit_mailbox
from shared.sync.changes import sync_changes
from shared.sync.engine import WORKING_STATES, Engine, load_account, recorded_transaction
from shared.sync.lanes import work_lane
from shared.sync.live import fetch_message
from shared.sync.patience import delay_after
from shared.sync.removal import remove_account
from shared.sync.runs import start_sync
from shared.sync.subscriptions import ensure_subscription
from shared.sync.upkeep import index_messages
from shared.telemetry import JOBS_POISONED, JOBS_RETRIED, job_span, record

log = logging.getLogger(__name__)

UseCase = Callable[[Engine, ConnectedAccount, Any], Awaitable[list[Later]]]
USE_CASES: Final[dict[type, UseCase]] = {
    StartSync: start_sync,
    SyncLane: work_lane,
    FetchMessage: fetch_message,
    SyncChanges: sync_changes,
    EnsureSubscription: ensure_subscription,
    IndexMessages: index_messages,
    AuditMailbox: audit_mailbox,
    RemoveAccount: remove_account,
}
OUTAGE_SECONDS: Final = 15.0
MISCONFIGURED_SECONDS: Final = 300.0
CONNECTION_LOST: Final = ("08", "53", "57")  # SQLSTATE classes: connection, resources, shut-down


async def run_job(engine: Engine, body: bytes) -> None:
    """
    Do a queue message's job and send what follows; the message may be deleted when this returns.

    A provider or a database that is down makes it a later job. An account that its provider refuses changes its state.
    Raises JobInvalid when nobody knows such a job, and whatever else goes wrong, so that the host delivers it again.
    """
    job = job_from(body)
    with job_span(job.kind, job.account_id, job.traceparent):
        await _run_and_follow(engine, job)


async def _run_and_follow(engine: Engine, job: AnyJob) -> None:
    try:
        account = await load_account(engine, job.account_id)
        following = await _run(engine, account, job)
    except NotFound:
        log.info("job of an account that is gone", extra={"account_id": str(job.account_id), "job": job.kind})
        return
    except (psycopg.OperationalError, PoolTimeout) as exc:
        if isinstance(exc, psycopg.OperationalError) and (exc.sqlstate or "08")[:2] not in CONNECTION_LOST:
            raise _without_content(exc) from None
        log.warning("the database is not answering", extra={"job": job.kind})
        record(JOBS_RETRIED, facts={"kind": job.kind, "error_code": "database_unavailable"})
        following = [Later(job, delay_seconds=OUTAGE_SECONDS)]
    except psycopg.Error as exc:
        raise _without_content(exc) from None
    await engine.jobs.send(following)


def _without_content(error: psycopg.Error) -> StorageFailed:
    """Say what the database said, less its message: it may quote the row, and the host logs what a function raises."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    facts = f"{type(error).__name__} {error.sqlstate} {error.diag.constraint_name or ''}"
    return StorageFailed(f"{facts.strip()} at {where.filename}:{where.lineno}")


def job_from(body: bytes) -> AnyJob:
    """Raise JobInvalid when the body is no job that this version knows."""
    try:
        return ANY_JOB.validate_json(body)
    except ValidationError as exc:
        raise JobInvalid(f"{exc.error_count()} errors in a queue message") from exc


async def _run(engine: Engine, account: ConnectedAccount, job: AnyJob) -> list[Later]:
    if account.state not in WORKING_STATES and not isinstance(job, RemoveAccount):
        return []
    try:
        return await USE_CASES[type(job)](engine, account, job)
    except ProviderUnavailable as exc:
        log.info("provider asks for patience", extra={"job": job.kind, "error_code": exc.code})
        record(JOBS_RETRIED, facts={"kind": job.kind, "error_code": exc.code})
        return [Later(job, delay_seconds=delay_after(exc))]
    except ReauthenticationRequired as exc:
        await _stop_account(engine, account, AccountState.NEEDS_SIGN_IN, exc.code)
    except MailboxUnavailable as exc:
        await _stop_account(engine, account, AccountState.SUSPENDED, exc.code)
    except ProviderMisconfigured as exc:
        record(JOBS_RETRIED, facts={"kind": job.kind, "error_code": exc.code})
        log.exception("our registration with the provider needs an operator")
        return [Later(job, delay_seconds=MISCONFIGURED_SECONDS)]
    return []


async def _stop_account(engine: Engine, account: ConnectedAccount, state: AccountState, reason: str) -> None:
    log.warning("account stopped", extra={"account_id": str(account.id), "state": state.value, "reason": reason})
    async with recorded_transaction(engine, account) as (conn, events):
        if await change_account_state(conn, account, state, reason=reason):
            events.append(Event(ChangeKind.ACCOUNT_CHANGED, account.id))


async def record_poison(engine: Engine, queue: str, body: bytes) -> None:
    """
    Keep a job that failed for good where its owner and operators see it.

    The mailbox does not wait for it: timers set lanes, delta, renewals and indexing going again, and delta finds a
    message that could not be fetched. A body that is no job is logged and dropped.
    """
    try:
        job = job_from(body)
        account = await load_account(engine, job.account_id)
    except (JobInvalid, NotFound) as exc:
        log.exception("poison message dropped", extra={"queue": queue, "error_code": exc.code})
        return
    log.error("job failed for good", extra={"queue": queue, "job": job.kind, "account_id": str(job.account_id)})
    record(JOBS_POISONED, facts={"queue": queue, "kind": job.kind})
    async with user_transaction(engine.pool, account.user_id) as conn:
        await record_failed_job(
            conn,
            account.user_id,
            job_id=uuid5(NAMESPACE_OID, f"{queue} {body.decode()}"),
            account_id=account.id,
            queue=queue,
            job=job.model_dump(mode="json"),
        )
