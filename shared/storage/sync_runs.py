"""Sync runs and their lanes: one enumeration-and-fetch of an account, worked on in a few lanes."""

from uuid import UUID, uuid4

from psycopg.rows import class_row
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from shared.errors import NotFound
from shared.models.accounts import ConnectedAccount, SyncRun
from shared.models.api import SyncRunState
from shared.storage.database import Connection


@dataclass(frozen=True, slots=True, config=ConfigDict(defer_build=True))
class StalledRun:
    run_id: UUID
    account_id: UUID
    state: SyncRunState


async def ensure_run(conn: Connection, account: ConnectedAccount) -> tuple[SyncRun, bool]:
    """Get the account's unfinished run, or begin one; the second value says that it is new."""
    sql = """
        INSERT INTO sync_run (id, user_id, account_id)
        VALUES (%(id)s, %(user_id)s, %(account_id)s)
        ON CONFLICT (account_id) WHERE state IN ('starting', 'running') DO NOTHING
    """
    params = {"id": uuid4(), "user_id": account.user_id, "account_id": account.id}
    inserted = (await conn.execute(sql, params)).rowcount == 1
    if run := await active_run(conn, account):
        return run, inserted
    return await ensure_run(conn, account)  # the other run ended between the two statements


async def active_run(conn: Connection, account: ConnectedAccount) -> SyncRun | None:
    """Get the unfinished run and keep it from being finished before this transaction ends."""
    sql = """
        SELECT id, account_id, state
          FROM sync_run
         WHERE account_id = %(account_id)s
           AND user_id = %(user_id)s
           AND state IN ('starting', 'running')
           FOR UPDATE
    """
    async with conn.cursor(row_factory=class_row(SyncRun)) as cur:
        await cur.execute(sql, {"account_id": account.id, "user_id": account.user_id})
        return await cur.fetchone()


async def get_run(conn: Connection, user_id: UUID, run_id: UUID) -> SyncRun:
    sql = """
        SELECT id, account_id, state
          FROM sync_run
         WHERE id = %(run_id)s
           AND user_id = %(user_id)s
    """
    async with conn.cursor(row_factory=class_row(SyncRun)) as cur:
        await cur.execute(sql, {"run_id": run_id, "user_id": user_id})
        if run := await cur.fetchone():
            return run
    raise NotFound(f"sync run {run_id}")


async def claim_start(conn: Connection, account: ConnectedAccount, run_id: UUID, lease_seconds: float) -> bool:
    """Be the only one to start a run for so long; return whether nobody does."""
    sql = """
        UPDATE sync_run
           SET leased_until = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
         WHERE id = %(run_id)s
           AND user_id = %(user_id)s
           AND state IN ('starting', 'running')
           AND leased_until < clock_timestamp()
    """
    params = {"run_id": run_id, "user_id": account.user_id, "lease_seconds": lease_seconds}
    return (await conn.execute(sql, params)).rowcount == 1


async def start_run(conn: Connection, account: ConnectedAccount, run_id: UUID, lanes: int) -> bool:
    """Set a requested run going with its lanes; return whether it was not going already."""
    sql = """
        UPDATE sync_run
           SET state = 'running', started_at = clock_timestamp()
         WHERE id = %(run_id)s
           AND user_id = %(user_id)s
           AND state = 'starting'
    """
    started = (await conn.execute(sql, {"run_id": run_id, "user_id": account.user_id})).rowcount == 1
    await _insert_lanes(conn, account, run_id, lanes)
    return started


async def _insert_lanes(conn: Connection, account: ConnectedAccount, run_id: UUID, lanes: int) -> None:
    sql = """
        INSERT INTO sync_lane (run_id, lane, user_id)
        SELECT %(run_id)s, lane, %(user_id)s FROM generate_series(0, %(lanes)s - 1) AS lane
        ON CONFLICT DO NOTHING
    """
    await conn.execute(sql, {"run_id": run_id, "user_id": account.user_id, "lanes": lanes})


async def lock_running(conn: Connection, account: ConnectedAccount, run_id: UUID) -> bool:
    """
    Lock a run against being finished by somebody else; return whether it is running.

    Whoever then finds no open page in the same transaction is the only one to finish it.
    """
    sql = """
        SELECT 1
          FROM sync_run
         WHERE id = %(run_id)s
           AND user_id = %(user_id)s
           AND state = 'running'
           FOR UPDATE
    """
    cur = await conn.execute(sql, {"run_id": run_id, "user_id": account.user_id})
    return await cur.fetchone() is not None


async def finish_run(conn: Connection, account: ConnectedAccount, run_id: UUID, state: SyncRunState) -> None:
    sql = """
        UPDATE sync_run
           SET state = %(state)s, finished_at = clock_timestamp(), listed_at = coalesce(listed_at, clock_timestamp())
         WHERE id = %(run_id)s
           AND user_id = %(user_id)s
    """
    await conn.execute(sql, {"run_id": run_id, "user_id": account.user_id, "state": state})


async def reopen_run(conn: Connection, account: ConnectedAccount, run_id: UUID) -> bool:
    """Set an incomplete run going again, unless a newer one is; return whether it was done."""
    sql = """
        UPDATE sync_run
           SET state = 'running', finished_at = NULL
         WHERE id = %(run_id)s
           AND user_id = %(user_id)s
           AND state = 'incomplete'
           AND NOT EXISTS (SELECT FROM sync_run AS newer
                            WHERE newer.account_id = sync_run.account_id
                              AND newer.state IN ('starting', 'running'))
    """
    return (await conn.execute(sql, {"run_id": run_id, "user_id": account.user_id})).rowcount == 1


async def newest_run(conn: Connection, account: ConnectedAccount) -> SyncRun | None:
    sql = """
        SELECT id, account_id, state
          FROM sync_run
         WHERE account_id = %(account_id)s
           AND user_id = %(user_id)s
         ORDER BY requested_at DESC
         LIMIT 1
    """
    async with conn.cursor(row_factory=class_row(SyncRun)) as cur:
        await cur.execute(sql, {"account_id": account.id, "user_id": account.user_id})
        return await cur.fetchone()


async def cancel_runs(conn: Connection, account: ConnectedAccount) -> None:
    sql = """
        UPDATE sync_run
           SET state = 'cancelled', finished_at = clock_timestamp()
         WHERE account_id = %(account_id)s
           AND user_id = %(user_id)s
           AND state IN ('starting', 'running', 'incomplete')
    """
    await conn.execute(sql, {"account_id": account.id, "user_id": account.user_id})


async def claim_lane(
    conn: Connection, account: ConnectedAccount, run_id: UUID, holder: UUID, lease_seconds: float
) -> int | None:
    """Take a lane of a running run that nobody holds; None when all are held, so that there are enough at work."""
    sql = """
        UPDATE sync_lane
           SET holder = %(holder)s, leased_until = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
         WHERE run_id = %(run_id)s
           AND lane = (SELECT sync_lane.lane
                         FROM sync_lane JOIN sync_run ON sync_run.id = sync_lane.run_id
                        WHERE sync_lane.run_id = %(run_id)s
                          AND sync_lane.user_id = %(user_id)s
                          AND sync_lane.leased_until < clock_timestamp()
                          AND sync_run.state = 'running'
                        ORDER BY sync_lane.lane
                        LIMIT 1
                          FOR UPDATE OF sync_lane SKIP LOCKED)
        RETURNING lane
    """
    params = {"run_id": run_id, "user_id": account.user_id, "holder": holder, "lease_seconds": lease_seconds}
    row = await (await conn.execute(sql, params)).fetchone()
    return int(row[0]) if row else None


async def renew_lane(
    conn: Connection, account: ConnectedAccount, run_id: UUID, holder: UUID, lease_seconds: float
) -> bool:
    """Prolong a lane's lease; return whether it is still ours."""
    sql = """
        UPDATE sync_lane
           SET leased_until = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
         WHERE run_id = %(run_id)s
           AND user_id = %(user_id)s
           AND holder = %(holder)s
    """
    params = {"run_id": run_id, "user_id": account.user_id, "holder": holder, "lease_seconds": lease_seconds}
    return (await conn.execute(sql, params)).rowcount == 1


async def release_lane(
    conn: Connection, account: ConnectedAccount, run_id: UUID, holder: UUID, *, in_seconds: float
) -> None:
    """
    Free a lane for the next job, which comes in so many seconds.

    Until then it looks taken, so that nobody sends a second job for it; how long ago it was freed tells the sweep
    whether its successor came.
    """
    sql = """
        UPDATE sync_lane
           SET holder = NULL, leased_until = clock_timestamp() + make_interval(secs => %(in_seconds)s)
         WHERE run_id = %(run_id)s
           AND user_id = %(user_id)s
           AND holder = %(holder)s
    """
    params = {"run_id": run_id, "user_id": account.user_id, "holder": holder, "in_seconds": in_seconds}
    await conn.execute(sql, params)


async def leave_lane(conn: Connection, account: ConnectedAccount, run_id: UUID, holder: UUID) -> bool:
    """
    Free a lane for good when somebody else works in another; return whether it was freed.

    Call it with the run locked, so that one of two who leave at once stays.
    """
    sql = """
        UPDATE sync_lane
           SET holder = NULL, leased_until = clock_timestamp()
         WHERE run_id = %(run_id)s
           AND user_id = %(user_id)s
           AND holder = %(holder)s
           AND EXISTS (SELECT
                         FROM sync_lane AS other
                        WHERE other.run_id = %(run_id)s
                          AND other.holder <> %(holder)s
                          AND other.leased_until > clock_timestamp())
    """
    params = {"run_id": run_id, "user_id": account.user_id, "holder": holder}
    return (await conn.execute(sql, params)).rowcount == 1


async def count_free_lanes(conn: Connection, account: ConnectedAccount, run_id: UUID) -> int:
    sql = """
        SELECT count(*)
          FROM sync_lane
         WHERE run_id = %(run_id)s
           AND user_id = %(user_id)s
           AND leased_until < clock_timestamp()
    """
    row = await (await conn.execute(sql, {"run_id": run_id, "user_id": account.user_id})).fetchone()
    return int(row[0]) if row else 0


async def stalled_runs(conn: Connection, silent_seconds: float) -> list[StalledRun]:
    sql = """
        SELECT run_id, account_id, state
          FROM stalled_runs(clock_timestamp() - make_interval(secs => %(silent_seconds)s))
    """
    async with conn.cursor(row_factory=class_row(StalledRun)) as cur:
        await cur.execute(sql, {"silent_seconds": silent_seconds})
        return await cur.fetchall()
