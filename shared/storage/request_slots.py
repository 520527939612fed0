"""Places for requests in flight at the provider: a few per mailbox, over all instances."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from shared.errors import Throttled
from shared.models.accounts import ConnectedAccount, Urgency
from shared.storage.database import Connection, Pool, user_transaction

WAIT_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.05
URGENT_SECONDS: Final = 1.0
LEASE_MARGIN_SECONDS: Final = 5.0
DEFAULT_HOLD_SECONDS: Final = 5.0
LONGEST_HOLD_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class _Attempt:
    at: datetime
    slot: int | None
    held_back_seconds: float  # above 0: the provider asked for patience


class RequestGate:
    """
    Lets at most `in_flight` requests per mailbox out at a time, whatever the number of instances.

    A place is leased for the longest time that a request may take, so the places of a process that died come back by
    themselves. Urgent requests make backfill stand back until they have a place.
    """

    def __init__(self, pool: Pool, *, in_flight: int, request_seconds: float) -> None:
        self._pool = pool
        self._in_flight = in_flight
        self._lease_seconds = request_seconds + LEASE_MARGIN_SECONDS
        self._backfill: dict[UUID, asyncio.Semaphore] = {}

    @asynccontextmanager
    async def request(self, account: ConnectedAccount, urgency: Urgency) -> AsyncIterator[datetime]:
        """
        Hold a place for one request, and give the database's clock before it.

        Raises Throttled when the provider asked for patience, or when no place came free in `WAIT_SECONDS`. A
        Throttled raised inside holds every later request of the mailbox back for as long as it says.
        """
        if urgency is Urgency.LIVE:
            async with self._place(account, urgent=True) as asked_at:
                yield asked_at
            return
        waiting_here = self._backfill.setdefault(account.id, asyncio.Semaphore(self._in_flight))
        async with waiting_here, self._place(account, urgent=False) as asked_at:
            yield asked_at

    @asynccontextmanager
    async def _place(self, account: ConnectedAccount, *, urgent: bool) -> AsyncIterator[datetime]:
        holder = uuid4()
        attempt = await self._wait_for_place(account, holder, urgent=urgent)
        try:
            yield attempt.at
        except Throttled as exc:
            await self._hold_back(account, exc.retry_after_seconds)
            raise
        finally:
            async with user_transaction(self._pool, account.user_id) as conn:
                await _give_back(conn, account, holder)

    async def _wait_for_place(self, account: ConnectedAccount, holder: UUID, *, urgent: bool) -> _Attempt:
        deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
        while True:
            async with user_transaction(self._pool, account.user_id) as conn:
                attempt = await _take(
                    conn, account, holder, urgent=urgent, in_flight=self._in_flight, lease_seconds=self._lease_seconds
                )
                if attempt.slot is None and urgent:
                    await _announce_urgent(conn, account)
            if attempt.slot is not None:
                return attempt
            if attempt.held_back_seconds > 0:
                raise Throttled("the provider asked for patience", retry_after_seconds=attempt.held_back_seconds)
            if asyncio.get_running_loop().time() > deadline:
                raise Throttled("no place for another request", retry_after_seconds=1)
            await asyncio.sleep(POLL_SECONDS)

    async def _hold_back(self, account: ConnectedAccount, retry_after_seconds: float | None) -> None:
        seconds = DEFAULT_HOLD_SECONDS if retry_after_seconds is None else retry_after_seconds
        async with user_transaction(self._pool, account.user_id) as conn:
            await _hold_requests(conn, account, min(seconds, LONGEST_HOLD_SECONDS))


async def _take(
    conn: Connection, account: ConnectedAccount, holder: UUID, *, urgent: bool, in_flight: int, lease_seconds: float
) -> _Attempt:
    sql = """
        WITH pace AS (
            SELECT clock_timestamp() AS at, not_before, urgent_until
              FROM request_pace
             WHERE account_id = %(account_id)s
               AND user_id = %(user_id)s
        ), free AS (
            SELECT slot
              FROM request_slot
             WHERE account_id = %(account_id)s
               AND user_id = %(user_id)s
               AND slot < %(in_flight)s
               AND leased_until < clock_timestamp()
               AND EXISTS (SELECT FROM pace WHERE not_before <= at AND (%(urgent)s OR urgent_until <= at))
             ORDER BY slot
             LIMIT 1
               FOR UPDATE SKIP LOCKED
        ), taken AS (
            UPDATE request_slot
               SET holder = %(holder)s,
                   leased_until = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
              FROM free
             WHERE request_slot.account_id = %(account_id)s
               AND request_slot.slot = free.slot
            RETURNING request_slot.slot
        )
        SELECT pace.at, taken.slot, greatest(0, extract(epoch FROM pace.not_before - pace.at))::float8
          FROM pace LEFT JOIN taken ON true
    """
    params = {
        "account_id": account.id,
        "user_id": account.user_id,
        "holder": holder,
        "urgent": urgent,
        "in_flight": in_flight,
        "lease_seconds": lease_seconds,
    }
    row = await (await conn.execute(sql, params)).fetchone()
    if row is None:
        raise LookupError(f"account {account.id} is gone")
    return _Attempt(at=row[0], slot=row[1], held_back_seconds=row[2])


async def _give_back(conn: Connection, account: ConnectedAccount, holder: UUID) -> None:
    sql = """
        UPDATE request_slot
           SET holder = NULL, leased_until = '-infinity'
         WHERE account_id = %(account_id)s
           AND user_id = %(user_id)s
           AND holder = %(holder)s
    """
    await conn.execute(sql, {"account_id": account.id, "user_id": account.user_id, "holder": holder})


async def _announce_urgent(conn: Connection, account: ConnectedAccount) -> None:
    sql = """
        UPDATE request_pace
           SET urgent_until = clock_timestamp() + make_interval(secs => %(seconds)s)
         WHERE account_id = %(account_id)s
           AND user_id = %(user_id)s
    """
    await conn.execute(sql, {"account_id": account.id, "user_id": account.user_id, "seconds": URGENT_SECONDS})


async def _hold_requests(conn: Connection, account: ConnectedAccount, seconds: float) -> None:
    sql = """
        UPDATE request_pace
           SET not_before = greatest(not_before, clock_timestamp() + make_interval(secs => %(seconds)s))
         WHERE account_id = %(account_id)s
           AND user_id = %(user_id)s
    """
    await conn.execute(sql, {"account_id": account.id, "user_id": account.user_id, "seconds": seconds})
