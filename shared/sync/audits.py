"""Audits: a whole mailbox against its rows, window by window; what differs is repaired, and the report is signed."""

import asyncio
import logging
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

from shared.errors import (
    AnswerTooLarge,
    Conflict,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
    ReauthenticationRequired,
)
from shared.jobs import Later
from shared.models.accounts import ConnectedAccount, Urgency
from shared.models.api import AccountState, Audit, AuditOrigin, AuditState, ChangeKind
from shared.models.audits import AuditProgress, AuditReport, WindowReport
from shared.models.jobs import AuditMailbox
from shared.models.mail import MessageStates, message_id_from
from shared.providers.protocol import MailProvider
from shared.report_signatures import signed_report
from shared.storage.accounts import get_account
from shared.storage.audit_lists import get_audit
from shared.storage.audit_rows import doubt_versions, stored_states, visible_versions, window_start
from shared.storage.audits import (
    add_requests,
    begin_audit,
    begin_due_audits,
    claim_audit,
    count_settled,
    end_audit,
    list_folder_reports,
    list_windows,
    lock_audit_facts,
    purge_audits,
    record_window,
    release_audit,
    renew_audit,
    silent_audits,
    start_audit,
)
from shared.storage.database import Connection, Pool, system_transaction, user_transaction
from shared.storage.events import Event
from shared.storage.folders import known_folder_ids
from shared.sync.answers import settle
from shared.sync.comparing import chained_digest, comparison_of, tally_of
from shared.sync.engine import Engine, load_account, recorded_transaction
from shared.sync.folders import refresh_folders
from shared.sync.patience import later_after
from shared.telemetry import AUDIT_DIFFERENCES, AUDIT_REPAIRS, AUDITS, record
from shared.version import VERSION

if TYPE_CHECKING:
    from shared.job_queues import JobQueues

log = logging.getLogger(__name__)
ANSWER_MESSAGES: Final = 1_000
FEWEST_MESSAGES: Final = 10
SETTLED_AT_ONCE: Final = 100
SILENT_SECONDS: Final = 60.0
BEGUN_AT_ONCE: Final = 500
MOST_BATCHES: Final = 40
SPREAD_SHARE: Final = 1 / 24  # of the interval, over which those that are due together are spread


async def request_audit(
    pool: Pool, jobs: "JobQueues", user_id: UUID, account_id: UUID, origin: AuditOrigin = AuditOrigin.OWNER
) -> Audit:
    """
    Have an account audited; while it is, asking again answers that audit.

    Raises NotFound, ReauthenticationRequired when the owner must sign in first, Conflict when the account is not live.
    """
    async with user_transaction(pool, user_id) as conn:
        account = await get_account(conn, user_id, account_id)
        if account.state is AccountState.NEEDS_SIGN_IN:
            raise ReauthenticationRequired(f"account {account_id}")
        if account.state is not AccountState.LIVE:
            raise Conflict(f"account {account_id} is {account.state}")
        audit_id = await begin_audit(conn, account, origin)
        audit = await get_audit(conn, user_id, account_id, audit_id)
    # Also for one that runs: its job was dropped if the account had stopped meanwhile. Where it was not, one gives way.
    await jobs.send([Later(AuditMailbox(account_id=account_id, audit_id=audit_id))])
    return audit


async def request_audits(engine: Engine) -> None:
    """Begin the audits that are due, and go on with those whose job was lost."""
    async with system_transaction(engine.pool) as conn:
        silent = await silent_audits(conn, SILENT_SECONDS)
    for audit in silent:
        if audit.is_stopped:
            account = await load_account(engine, audit.account_id)
            await _stop(engine, account, audit.audit_id, requests=0)
        else:
            await engine.jobs.send([Later(AuditMailbox(account_id=audit.account_id, audit_id=audit.audit_id))])
    await _begin_due(engine)


async def _begin_due(engine: Engine) -> None:
    interval_seconds = engine.settings.audit_interval_seconds
    for _ in range(MOST_BATCHES):
        async with system_transaction(engine.pool) as conn:
            due = await begin_due_audits(conn, interval_seconds, BEGUN_AT_ONCE)
        await engine.jobs.send(
            Later(
                AuditMailbox(account_id=audit.account_id, audit_id=audit.audit_id),
                delay_seconds=random.uniform(0, interval_seconds * SPREAD_SHARE),  # noqa: S311 - only to spread
            )
            for audit in due
        )
        if len(due) < BEGUN_AT_ONCE:
            return


async def forget_audits(engine: Engine) -> None:
    """Delete audits, with their reports, that are past their time."""
    async with system_transaction(engine.pool) as conn:
        rows = await purge_audits(conn, engine.settings.audit_retention_days)
    log.info("old audits purged", extra={"rows": rows})


async def audit_mailbox(engine: Engine, account: ConnectedAccount, job: AuditMailbox) -> list[Later]:
    """
    Work on an audit for one turn; return its successor, or nothing when it is done or somebody else works on it.

    What is recorded is never done again: a window with its findings in one transaction, and what became of some
    findings in another. An audit whose account stops working is stopped.
    """
    holder = uuid4()
    async with user_transaction(engine.pool, account.user_id) as conn:
        if not await claim_audit(conn, account, job.audit_id, holder, engine.settings.page_lease_seconds):
            return []
    provider = engine.provider_for(account, Urgency.BACKFILL)
    pause_seconds = 0.0
    try:
        return await _take_turn(engine, account, provider, job, holder)
    except ProviderUnavailable as exc:
        again = later_after(job, exc)
        pause_seconds = again.delay_seconds - 1
        return [again]
    except ProviderMisconfigured:
        raise
    except ProviderError:
        await _stop(engine, account, job.audit_id, requests=provider.requests_made)
        raise
    finally:
        async with user_transaction(engine.pool, account.user_id) as conn:
            await add_requests(conn, account, job.audit_id, provider.requests_made)
            await release_audit(conn, account, job.audit_id, holder, in_seconds=pause_seconds)


async def _take_turn(
    engine: Engine, account: ConnectedAccount, provider: MailProvider, job: AuditMailbox, holder: UUID
) -> list[Later]:
    loop = asyncio.get_running_loop()
    turn_ends = loop.time() + engine.settings.lane_seconds
    while loop.time() < turn_ends:
        async with user_transaction(engine.pool, account.user_id) as conn:
            at = await renew_audit(conn, account, job.audit_id, holder, engine.settings.page_lease_seconds)
        if at is None:
            return []
        if at.findings:
            await engine.jobs.send(await _settle_some(engine, account, provider, at))
        elif at.is_through:
            await _complete(engine, account, provider, at)
            return []
        elif at.is_started:
            await _compare_window(engine, account, provider, at)
        else:
            await engine.jobs.send(await _start(engine, account, provider, at))
    return [Later(job)]


async def _start(engine: Engine, account: ConnectedAccount, provider: MailProvider, at: AuditProgress) -> list[Later]:
    """Read the folder tree: what lies outside of it is not ours to have."""
    jobs = await refresh_folders(engine, account, provider)
    async with user_transaction(engine.pool, account.user_id) as conn:
        await start_audit(conn, account, at.id)
    return jobs


async def _compare_window(engine: Engine, account: ConnectedAccount, provider: MailProvider, at: AuditProgress) -> None:
    """Ask first and look at the rows then, so that what arrives meanwhile is not taken for missing."""
    told = await _told(engine, account, provider, at)
    ids = [message_id_from(account.id, state.provider_message_id) for state in told.messages]
    async with user_transaction(engine.pool, account.user_id) as conn:
        stored = await stored_states(
            conn, account, received_from=told.received_from, received_before=at.received_before, ids=ids
        )
        seen = comparison_of(account, told, stored, await known_folder_ids(conn, account))
        window = WindowReport(
            received_from=told.received_from,
            received_before=at.received_before,
            compared=seen.compared,
            elsewhere=seen.elsewhere,
            digest=seen.digest,
        )
        if await record_window(conn, account, at, window, folders=seen.folders, findings=seen.findings):
            await doubt_versions(conn, account, seen.doubtful)


async def _told(engine: Engine, account: ConnectedAccount, provider: MailProvider, at: AuditProgress) -> MessageStates:
    """Ask for a window as large as an answer; for less when the provider takes too long over it."""
    async with user_transaction(engine.pool, account.user_id) as conn:
        received_from = await window_start(conn, account, at.received_before, engine.settings.audit_window_messages)
    limit = ANSWER_MESSAGES
    while True:
        try:
            return await provider.message_states(received_from, at.received_before, limit=limit)
        except AnswerTooLarge as exc:
            limit //= 2
            if limit < FEWEST_MESSAGES:
                raise ProviderUnavailable(str(exc)) from exc


async def _settle_some(
    engine: Engine, account: ConnectedAccount, provider: MailProvider, at: AuditProgress
) -> list[Later]:
    """Look some findings up one by one, have the rows follow, and count what they turned out to be."""
    some, left = at.findings[:SETTLED_AT_ONCE], at.findings[SETTLED_AT_ONCE:]
    provider_ids = [finding.provider_message_id for finding in some]
    jobs, refused = await _settle(engine, account, provider, provider_ids)
    ids = [message_id_from(account.id, provider_id) for provider_id in provider_ids]
    async with user_transaction(engine.pool, account.user_id) as conn:
        now = await visible_versions(conn, account, ids)
        await count_settled(conn, account, at, tally_of(account, some, now, refused), left=left)
    return jobs


async def _settle(
    engine: Engine, account: ConnectedAccount, provider: MailProvider, provider_ids: Sequence[str]
) -> tuple[list[Later], list[str]]:
    """Settle messages, one by one where the provider refuses them together; return those that it refuses alone too."""
    try:
        return await settle(engine, account, provider, provider_ids), []
    except (ProviderRejected, AnswerTooLarge) as exc:
        if len(provider_ids) == 1:
            log.warning("a finding could not be settled", extra={"error_code": exc.code})
            return [], [*provider_ids]
    jobs: list[Later] = []
    refused: list[str] = []
    for provider_id in provider_ids:
        more_jobs, more_refused = await _settle(engine, account, provider, [provider_id])
        jobs += more_jobs
        refused += more_refused
    return jobs, refused


async def _complete(engine: Engine, account: ConnectedAccount, provider: MailProvider, at: AuditProgress) -> None:
    async with recorded_transaction(engine, account) as (conn, events):
        report = await _report(engine, conn, account, at, requests=provider.requests_made)
        if report is None:
            return
        signed = signed_report(engine.secrets.current.audit_signing_keys, report.model_dump(mode="json"))
        events.extend(
            await _end(conn, account, at.id, AuditState.COMPLETED, report=signed, requests=provider.requests_made)
        )


async def _report(
    engine: Engine, conn: Connection, account: ConnectedAccount, at: AuditProgress, *, requests: int
) -> AuditReport | None:
    """Put a report together; `requests` are those of this turn. None when somebody else did."""
    facts = await lock_audit_facts(conn, account, at.id)
    if facts is None:
        return None
    windows = await list_windows(conn, account, at.id)
    return AuditReport.model_validate(
        {
            **facts,
            "requests": facts["requests"] + requests,
            "issuer": engine.settings.public_base_url,
            "product_version": VERSION,
            "digest": chained_digest(window.digest for window in windows),
            "folders": await list_folder_reports(conn, account, at.id),
            "windows": windows,
        }
    )


async def _stop(engine: Engine, account: ConnectedAccount, audit_id: UUID, *, requests: int) -> None:
    async with recorded_transaction(engine, account) as (conn, events):
        events.extend(await _end(conn, account, audit_id, AuditState.STOPPED, requests=requests))


async def _end(
    conn: Connection,
    account: ConnectedAccount,
    audit_id: UUID,
    state: AuditState,
    *,
    report: str | None = None,
    requests: int,
) -> list[Event]:
    """End an audit, unless somebody else did; return what its owner is told."""
    counts = await end_audit(conn, account, audit_id, state, report=report, requests=requests)
    if counts is None:
        return []
    differences = counts["missing"] + counts["different"] + counts["extra"]
    record(AUDITS, facts={"state": state.value})
    record(AUDIT_DIFFERENCES, differences - counts["recent"])
    record(AUDIT_REPAIRS, counts["repaired"])
    facts = {"account_id": str(account.id), "audit_id": str(audit_id), "state": state.value}
    log.info("audit finished", extra={**facts, **counts})
    data = {"audit_id": str(audit_id), "state": state.value, **counts}
    return [Event(ChangeKind.AUDIT_FINISHED, account.id, data=data)]
