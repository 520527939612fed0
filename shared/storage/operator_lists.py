"""What operators are told of accounts of all users, through functions that give nothing else."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from shared.models.api import Audit
from shared.models.operators import AccountHealth, AccountProblem, Run
from shared.storage.database import Connection


@dataclass(frozen=True, slots=True)
class Figure:
    figure: str  # state or problem
    label: str
    amount: int


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a live account may go without delta, and a run without a step."""

    behind_seconds: float
    silent_seconds: float

    def params(self) -> dict[str, Any]:
        return {"behind": self.behind_seconds, "silent": self.silent_seconds}


async def list_accounts_in_trouble(
    conn: Connection, problem: AccountProblem | None, after: UUID | None, most: int, patience: Patience
) -> list[AccountHealth]:
    sql = """
        SELECT (health).*, problems
          FROM accounts_in_trouble(%(problem)s, %(after)s, %(most)s,
                                   now() - make_interval(secs => %(behind)s),
                                   now() - make_interval(secs => %(silent)s))
    """
    params = {"problem": problem, "after": after, "most": most, **patience.params()}
    async with conn.cursor(row_factory=class_row(AccountHealth)) as cur:
        await cur.execute(sql, params)
        return await cur.fetchall()


async def find_account_health(conn: Connection, account_id: UUID, patience: Patience) -> AccountHealth | None:
    sql = """
        SELECT (health).*, problems
          FROM health_of_account(%(account_id)s, now() - make_interval(secs => %(behind)s),
                                 now() - make_interval(secs => %(silent)s))
    """
    async with conn.cursor(row_factory=class_row(AccountHealth)) as cur:
        await cur.execute(sql, {"account_id": account_id, **patience.params()})
        return await cur.fetchone()


async def list_runs(conn: Connection, account_id: UUID, most: int) -> list[Run]:
    sql = """
        SELECT id, state, requested_at, started_at, listed_at, finished_at, pages, pages_done, pages_failed
          FROM runs_of_account(%(account_id)s, %(most)s)
    """
    async with conn.cursor(row_factory=class_row(Run)) as cur:
        await cur.execute(sql, {"account_id": account_id, "most": most})
        return await cur.fetchall()


async def list_audits_with_differences(conn: Connection, most: int) -> list[Audit]:
    sql = """
        SELECT id, account_id, state, origin, requested_at, finished_at, compared, missing, different, extra, recent,
               repaired, requests
          FROM audits_with_differences(%(most)s)
    """
    async with conn.cursor(row_factory=class_row(Audit)) as cur:
        await cur.execute(sql, {"most": most})
        return await cur.fetchall()


async def list_figures(conn: Connection, patience: Patience) -> list[Figure]:
    sql = """
        SELECT figure, label, amount
          FROM system_figures(now() - make_interval(secs => %(behind)s), now() - make_interval(secs => %(silent)s))
    """
    async with conn.cursor(row_factory=class_row(Figure)) as cur:
        await cur.execute(sql, patience.params())
        return await cur.fetchall()
