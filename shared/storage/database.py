"""Connections to PostgreSQL: one pool per process, one user per transaction."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, Literal, LiteralString, TypeVar
from uuid import UUID

from psycopg import AsyncClientCursor, AsyncConnection, sql
from psycopg.rows import AsyncRowFactory
from psycopg_pool import AsyncConnectionPool

from shared.identity import AppIdentity
from shared.settings import Settings

Row = tuple[Any, ...]
Connection = AsyncConnection[Row]
Pool = AsyncConnectionPool[Connection]
Found = TypeVar("Found")
Plans = Literal["auto", "force_generic_plan"]
RESTED_SECONDS: Final = 1.0
ENTRA_SCOPE: Final = "https://ossrdbms-aad.database.windows.net/.default"
_OPTIONS: Final[dict[str, Any]] = {"autocommit": True, "prepare_threshold": None}
_BEGIN: Final = sql.SQL(
    "BEGIN;"
    " SELECT set_config('app.user_id', {user_id}, true),"
    " set_config('timezone', 'UTC', true),"
    " set_config('statement_timeout', '60s', true),"
    " set_config('plan_cache_mode', {plans}, true)"
)
_RESULTS_OF_BEGIN: Final = 2  # its own, and its SELECT's


class _PooledConnection(AsyncConnection[Row]):
    returned_at = 0.0  # on the monotonic clock


async def open_pool(settings: Settings, identity: AppIdentity) -> Pool:
    """
    Open a pool that keeps no state between transactions, so that PgBouncer may stand before the server.

    A server that is down does not fail this call: each use waits a while for a connection, then raises PoolTimeout.
    Where it signs in by identity, each new connection gets a token that is good then.
    """

    async def with_token() -> dict[str, Any]:
        return {**_OPTIONS, "password": (await identity.get_token(ENTRA_SCOPE)).token}

    pool: Pool = AsyncConnectionPool(
        str(settings.database_url),
        min_size=1,
        max_size=settings.database_pool_size,
        timeout=10,
        max_idle=60,
        open=False,
        check=_check_when_rested,
        reset=_note_the_time,
        connection_class=_PooledConnection,
        kwargs=with_token if settings.database_sign_in == "entra" else _OPTIONS,
    )
    await pool.open()
    return pool


@asynccontextmanager
async def user_transaction(pool: Pool, user_id: UUID, *, plans: Plans = "auto") -> AsyncIterator[Connection]:
    """
    Open a transaction that sees and writes the rows of one user only; it commits on leaving the block.

    Row-level security reads `app.user_id`, which lives no longer than the transaction. Plans are to be generic where
    parameters are whole pages of mail: a planner that looks at values copies them several times.
    """
    async with pool.connection() as conn:
        await _begin(conn, str(user_id), plans)
        yield conn


@asynccontextmanager
async def system_transaction(pool: Pool) -> AsyncIterator[Connection]:
    """Open a transaction that sees no user's rows: only the functions that answer questions across users."""
    async with pool.connection() as conn:
        await _begin(conn, "", "auto")
        yield conn


async def run_at_once(
    pool: Pool,
    user_id: UUID,
    statement: LiteralString,
    params: Mapping[str, object],
    rows: AsyncRowFactory[Found],
) -> list[Found]:
    """
    Run a statement in a transaction of its own, in one message to the server; return its rows, if it gives some.

    For what others wait for: each answer of the server waits until the event loop is done with the page of mail that
    came before it, and a transaction of three messages waits three times.
    """
    whole = sql.SQL("{begin}; {statement}; COMMIT").format(
        begin=_BEGIN.format(user_id=str(user_id), plans="auto"), statement=sql.SQL(statement)
    )
    async with pool.connection() as conn, AsyncClientCursor(conn, row_factory=rows) as cur:
        await cur.execute(whole, params)
        for _ in range(_RESULTS_OF_BEGIN):
            cur.nextset()
        return await cur.fetchall() if cur.description else []


async def _begin(conn: Connection, user_id: str, plans: Plans) -> None:
    """Begin with one message to the server; the pool commits, or rolls back, when it gets the connection back."""
    await conn.execute(_BEGIN.format(user_id=user_id, plans=plans))


async def _check_when_rested(conn: Connection) -> None:
    """Raise psycopg.OperationalError when a connection died, as happens when it was not used for a while."""
    if not isinstance(conn, _PooledConnection) or time.monotonic() - conn.returned_at > RESTED_SECONDS:
        await AsyncConnectionPool.check_connection(conn)


async def _note_the_time(conn: Connection) -> None:
    if isinstance(conn, _PooledConnection):
        conn.returned_at = time.monotonic()


async def database_time(conn: Connection) -> datetime:
    """Ask for the database's clock, which decides what is newer."""
    row = await (await conn.execute("SELECT clock_timestamp()")).fetchone()
    if row is None or not isinstance(row[0], datetime):
        raise TypeError("the database did not tell the time")
    return row[0]
