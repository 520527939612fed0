"""From a queue message to its use case, and from its outcome to what happens next."""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

import psycopg
from psycopg_pool import PoolTimeout
from pydantic import ValidationError

from shared.errors import (
    AdminConsentRequired,
    JobInvalid,
    MailboxUnavailable,
    NotFound,
    ProviderMisconfigured,
    ProviderUnavailable,
    ReauthenticationRequired,
    ServiceUnavailable,
    StorageFailed,
    is_outage,
)
from shared.jobs import Later
from shared.models.accounts import ConnectedAccount, Urgency
from shared.models.api import AccountState, ChangeKind
from shared.models.jobs import (
    QUEUE_MESSAGE,
    AnyJob,
    ApplyNotification,
    AuditMailbox,
    EnsureSubscription,
    FetchMessage,
    IndexMessages,
    JobBatch,
    RemoveAccount,
    ResealTokens,
    ReviveAccount,
    StartSync,
    SyncChanges,
    SyncLane,
)
from shared.providers.protocol import MailProvider
from shared.storage.accounts import change_account_state, delay_account, end_delay, keep_claims
from shared.storage.database import system_transaction, user_transaction
from shared.storage.events import Event
from shared.storage.failed_jobs import record_failed_job, record_unknown_job
from shared.sync.audits import audit_mailbox
from shared.sync.changes import sync_changes
from shared.sync.engine import WORKING_STATES, Engine, load_account, recorded_transaction
from shared.sync.indexing import index_messages
from shared.sync.lanes import work_lane
from shared.sync.live import fetch_message
from shared.sync.notified_changes import apply_notification
from shared.sync.patience import is_worth_telling, later_after
from shared.sync.removal import remove_account
from shared.sync.revival import revive_account
from shared.sync.runs import start_sync
from shared.sync.subscriptions import ensure_subscription
from shared.sync.token_keys import reseal_tokens
from shared.telemetry import JOBS_POISONED, JOBS_RETRIED, job_span, record

log = logging.getLogger(__name__)

UseCase = Callable[[Engine, ConnectedAccount, Any], Awaitable[list[Later]]]
USE_CASES: Final[dict[type, UseCase]] = {
    StartSync: start_sync,
    SyncLane: work_lane,
    FetchMessage: fetch_message,
    ApplyNotification: apply_notification,
    SyncChanges: sync_changes,
    EnsureSubscription: ensure_subscription,
    IndexMessages: index_messages,
    AuditMailbox: audit_mailbox,
    ReviveAccount: revive_account,
    ResealTokens: reseal_tokens,
    RemoveAccount: remove_account,
}
OUTAGE_SECONDS: Final = 15.0
MISCONFIGURED_SECONDS: Final = 300.0
BATCH_AT_ONCE: Final = 4
RUNS_FOR_STOPPED: Final = (ReviveAccount, ResealTokens, RemoveAccount)
SENT_BY_TIMER: Final = (ReviveAccount, ResealTokens)  # again and again, while there is need


async def run_job(engine: Engine, body: bytes) -> None:
    """
    Do a queue message's job and send what follows; the message may be deleted when this returns.

    A provider or a database that is down makes it a later job. An account that its provider refuses changes its state.
    Raises JobInvalid when nobody knows such a job, and whatever else goes wrong, so that the host delivers it again.
    """
    content = content_of(body)
    if isinstance(content, JobBatch):
        await _run_batch(engine, content)
    else:
        await _run_in_span(engine, content)


async def _run_batch(engine: Engine, batch: JobBatch) -> None:
    """Run a batch's jobs, a few at a time; those that fail are sent again, each in a message of its own."""
    places = asyncio.Semaphore(BATCH_AT_ONCE)

    async def run(job: AnyJob) -> None:
        async with places:
            await _run_in_span(engine, job)

    outcomes = await asyncio.gather(*(run(job) for job in batch.jobs), return_exceptions=True)
    failed = [(job, exc) for job, exc in zip(batch.jobs, outcomes, strict=True) if exc is not None]
    for job, exc in failed:
        if not isinstance(exc, Exception):
            raise exc
        log.error("job of a batch failed", extra={"job": job.kind}, exc_info=exc)
    await engine.jobs.send_apart(job for job, _ in failed)


async def _run_in_span(engine: Engine, job: AnyJob) -> None:
    with job_span(job.kind, job.account_id, job.traceparent):
        await _run_and_follow(engine, job)


async def _run_and_follow(engine: Engine, job: AnyJob) -> None:
    try:
        account = await load_account(engine, job.account_id)
        following = await _run(engine, account, job)
    except NotFound:
        log.info("job of an account that is gone", extra={"account_id": str(job.account_id), "job": job.kind})
        return
    except (psycopg.Error, PoolTimeout) as exc:
        if not _is_database_out(exc):
            raise _without_content(exc) from None
        log.warning("the database is not answering", extra={"job": job.kind})
        record(JOBS_RETRIED, facts={"kind": job.kind, "error_code": "database_unavailable"})
        following = [Later(job, delay_seconds=OUTAGE_SECONDS)]
    except ServiceUnavailable as exc:
        log.warning("a part of this system is not answering", extra={"job": job.kind, "reason": str(exc)})
        record(JOBS_RETRIED, facts={"kind": job.kind, "error_code": exc.code})
        following = [Later(job, delay_seconds=OUTAGE_SECONDS)]
    await engine.jobs.send(following)


def _is_database_out(error: psycopg.Error | PoolTimeout) -> bool:
    if isinstance(error, PoolTimeout) or (isinstance(error, psycopg.OperationalError) and error.sqlstate is None):
        return True
    return isinstance(error, psycopg.Error) and is_outage(error.sqlstate or "")


def _without_content(error: psycopg.Error | PoolTimeout) -> StorageFailed:
    """Say what the database said, less its message: it may quote the row, and the host logs what a function raises."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    facts = type(error).__name__
    if isinstance(error, psycopg.Error):
        facts = f"{facts} {error.sqlstate} {error.diag.constraint_name or ''}"
    return StorageFailed(f"{facts.strip()} at {where.filename}:{where.lineno}")


def content_of(body: bytes) -> AnyJob | JobBatch:
    """Read a queue message. Raises JobInvalid when it holds a job that this version does not know."""
    try:
        return QUEUE_MESSAGE.validate_json(body)
    except ValidationError as exc:
        raise JobInvalid(f"{exc.error_count()} errors in a queue message") from exc


async def _run(engine: Engine, account: ConnectedAccount, job: AnyJob) -> list[Later]:
    if account.state not in WORKING_STATES and not isinstance(job, RUNS_FOR_STOPPED):
        return []
    asked: list[MailProvider] = []

    def provider_for(account: ConnectedAccount, urgency: Urgency) -> MailProvider:
        asked.append(engine.provider_for(account, urgency))
        return asked[-1]

    following = await _attempt(replace(engine, provider_for=provider_for), account, job)
    delayed = next((later for later in following if later.reason), None)
    if delayed:
        await _delay_account(engine, account, delayed)
    elif account.is_delayed and any(provider.requests_made for provider in asked):
        await _end_delay(engine, account)
    return [later if later.reason else _anew(later) for later in following]


def _anew(later: Later) -> Later:
    """Count failures from the start: what sent this job went well."""
    return replace(later, job=later.job.model_copy(update={"failures": 0})) if later.job.failures else later


async def _attempt(engine: Engine, account: ConnectedAccount, job: AnyJob) -> list[Later]:
    try:
        return await USE_CASES[type(job)](engine, account, job)
    except ProviderUnavailable as exc:
        log.info("provider asks for patience", extra={"job": job.kind, "error_code": exc.code})
        record(JOBS_RETRIED, facts={"kind": job.kind, "error_code": exc.code})
        return [later_after(job, exc)]
    except ReauthenticationRequired as exc:
        await _stop_account(engine, account, AccountState.NEEDS_SIGN_IN, exc.code, claims=exc.claims)
    except AdminConsentRequired as exc:
        await _stop_account(engine, account, AccountState.NEEDS_ADMIN, exc.code)
    except MailboxUnavailable as exc:
        await _stop_account(engine, account, AccountState.SUSPENDED, exc.code)
    except ProviderMisconfigured as exc:
        record(JOBS_RETRIED, facts={"kind": job.kind, "error_code": exc.code})
        log.exception("our registration with the provider needs an operator")
        if not isinstance(job, SENT_BY_TIMER):
            return [Later(job, delay_seconds=MISCONFIGURED_SECONDS, reason=exc.code)]
    return []


async def _delay_account(engine: Engine, account: ConnectedAccount, later: Later) -> None:
    if later.reason is None or not is_worth_telling(later):
        return
    async with recorded_transaction(engine, account) as (conn, events):
        if await delay_account(conn, account, seconds=later.delay_seconds, reason=later.reason):
            events.append(Event(ChangeKind.ACCOUNT_CHANGED, account.id))


async def _end_delay(engine: Engine, account: ConnectedAccount) -> None:
    async with recorded_transaction(engine, account) as (conn, events):
        if await end_delay(conn, account):
            events.append(Event(ChangeKind.ACCOUNT_CHANGED, account.id))


async def _stop_account(
    engine: Engine, account: ConnectedAccount, state: AccountState, reason: str, *, claims: str | None = None
) -> None:
    log.warning("account stopped", extra={"account_id": str(account.id), "state": state.value, "reason": reason})
    async with recorded_transaction(engine, account) as (conn, events):
        if await change_account_state(conn, account, state, reason=reason):
            events.append(Event(ChangeKind.ACCOUNT_CHANGED, account.id))
        if claims:
            await keep_claims(conn, account, claims)


async def record_poison(engine: Engine, queue: str, body: bytes) -> None:
    """
    Keep a job that failed for good where its owner and operators see it.

    The mailbox does not wait for it: timers set lanes, delta, renewals and indexing going again, and delta finds a
    message that could not be fetched. What nobody here understands, because a newer version sent it or because it is
    no job, is kept for operators as it is. A job of an account that is gone is dropped. A batch that failed as a whole,
    because its process died each time, is taken apart: the others need not fail with the one that kills.
    """
    job_id = uuid5(NAMESPACE_OID, f"{queue} {body!r}")
    try:
        job = content_of(body)
    except JobInvalid:
        log.exception("job that nobody understands", extra={"queue": queue, "job_id": str(job_id)})
        record(JOBS_POISONED, facts={"queue": queue, "kind": "unknown"})
        async with system_transaction(engine.pool) as conn:
            await record_unknown_job(conn, job_id=job_id, queue=queue, body=body)
        return
    if isinstance(job, JobBatch):
        await engine.jobs.send_apart(job.jobs)
        return
    try:
        account = await load_account(engine, job.account_id)
    except NotFound:
        log.info("poison job of an account that is gone", extra={"queue": queue, "job": job.kind})
        return
    log.error("job failed for good", extra={"queue": queue, "job": job.kind, "account_id": str(job.account_id)})
    record(JOBS_POISONED, facts={"queue": queue, "kind": job.kind})
    document = job.model_dump(mode="json")
    async with user_transaction(engine.pool, account.user_id) as conn:
        await record_failed_job(conn, account.user_id, job_id=job_id, account_id=account.id, queue=queue, job=document)
