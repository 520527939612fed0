"""Accounts of all users, as operators see them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from uuid import UUID

from shared.errors import NotFound
from shared.jobs import Later
from shared.models.api import AccountState
from shared.models.jobs import AnyJob, EnsureSubscription, SyncChanges
from shared.models.operators import (
    AccountDetail,
    AccountHealth,
    AccountProblem,
    AccountsInTrouble,
    Asked,
    AuditsWithDifferences,
    DifferenceQuery,
    Overview,
    QueueFigures,
    TroubleQuery,
)
from shared.settings import Settings
from shared.storage.account_tokens import count_token_keys
from shared.storage.audit_lists import audits_of_account
from shared.storage.database import Pool, system_transaction
from shared.storage.operator_lists import (
    Patience,
    find_account_health,
    list_accounts_in_trouble,
    list_audits_with_differences,
    list_figures,
    list_runs,
)
from shared.telemetry import (
    ACCOUNTS,
    ACCOUNTS_IN_TROUBLE,
    QUEUE_AGE,
    QUEUE_MESSAGES,
    QUEUE_WAITING,
    is_watched,
    record,
)

if TYPE_CHECKING:
    from shared.job_queues import JobQueues

RECENT: Final = 5
BEHIND_AT_LEAST_SECONDS: Final = 3 * 3600.0  # an inbox is visited once an hour at least
BEHIND_VISITS: Final = 4  # that many times the interval without a visit
SILENT_SECONDS: Final = 900.0
STOPPED_STATES: Final = (AccountState.NEEDS_SIGN_IN, AccountState.NEEDS_ADMIN, AccountState.SUSPENDED)


def patience_from(settings: Settings) -> Patience:
    behind = max(BEHIND_AT_LEAST_SECONDS, BEHIND_VISITS * settings.changes_interval_seconds)
    return Patience(behind_seconds=behind, silent_seconds=SILENT_SECONDS)


async def read_trouble(pool: Pool, settings: Settings, wanted: TroubleQuery) -> AccountsInTrouble:
    async with system_transaction(pool) as conn:
        found = await list_accounts_in_trouble(
            conn, wanted.problem, wanted.cursor, wanted.limit + 1, patience_from(settings)
        )
    items = found[: wanted.limit]
    return AccountsInTrouble(items=items, next_cursor=items[-1].account_id if len(found) > wanted.limit else None)


async def read_detail(pool: Pool, settings: Settings, account_id: UUID) -> AccountDetail:
    """Raise NotFound when there is no such account, or its owner has disconnected it."""
    async with system_transaction(pool) as conn:
        health = await find_account_health(conn, account_id, patience_from(settings))
        if health is None:
            raise NotFound(f"account {account_id}")
        audits = list(await audits_of_account(conn, account_id, RECENT))
        return AccountDetail(health=health, runs=await list_runs(conn, account_id, RECENT), audits=audits)


async def read_audits_with_differences(pool: Pool, wanted: DifferenceQuery) -> AuditsWithDifferences:
    async with system_transaction(pool) as conn:
        return AuditsWithDifferences(items=await list_audits_with_differences(conn, wanted.limit))


async def ask_reconciliation(pool: Pool, settings: Settings, jobs: "JobQueues", account_id: UUID) -> Asked:
    """Have delta go through every folder now, as if notifications had been lost."""
    return await _ask(pool, settings, jobs, SyncChanges(account_id=account_id, is_thorough=True))


async def ask_renewal(pool: Pool, settings: Settings, jobs: "JobQueues", account_id: UUID) -> Asked:
    """Have the subscription renewed now, or made if it is gone."""
    return await _ask(pool, settings, jobs, EnsureSubscription(account_id=account_id, renew_now=True))


async def _ask(pool: Pool, settings: Settings, jobs: "JobQueues", job: AnyJob) -> Asked:
    async with system_transaction(pool) as conn:
        health: AccountHealth | None = await find_account_health(conn, job.account_id, patience_from(settings))
    if health is None:
        raise NotFound(f"account {job.account_id}")
    await jobs.send([Later(job)])
    return Asked(account_id=job.account_id, job=job.kind)


async def read_overview(pool: Pool, settings: Settings, jobs: "JobQueues") -> Overview:
    async with system_transaction(pool) as conn:
        figures = await list_figures(conn, patience_from(settings))
        token_keys = await count_token_keys(conn)
    states = {AccountState(each.label): each.amount for each in figures if each.figure == "state"}
    problems = {AccountProblem(each.label): each.amount for each in figures if each.figure == "problem"}
    stopped = {AccountProblem(state.value): states.get(state, 0) for state in STOPPED_STATES}
    queues = [
        QueueFigures(queue=each.queue, messages=each.messages, waiting=each.waiting, oldest_seconds=each.oldest_seconds)
        for each in await jobs.figures()
    ]
    return Overview(accounts=states, problems=stopped | problems, queues=queues, token_keys=token_keys)


async def observe(pool: Pool, settings: Settings, jobs: "JobQueues") -> None:
    """Record how many accounts are in which state, and how full the queues are, where somebody watches."""
    if not is_watched():
        return
    seen = await read_overview(pool, settings, jobs)
    for state in AccountState:
        record(ACCOUNTS, seen.accounts.get(state, 0), {"state": state.value})
    for problem in seen.problems:
        record(ACCOUNTS_IN_TROUBLE, seen.problems[problem], {"problem": problem.value})
    for queue in seen.queues:
        facts: Mapping[str, str] = {"queue": queue.queue}
        record(QUEUE_MESSAGES, queue.messages, facts)
        record(QUEUE_WAITING, queue.waiting, facts)
        record(QUEUE_AGE, queue.oldest_seconds, facts)
