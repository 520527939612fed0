"""Places for requests in flight at the provider: a few per mailbox, over all instances, and so many in ten minutes."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from psycopg.rows import class_row, tuple_row

from shared.errors import ProviderUnavailable, Throttled
from shared.models.accounts import ConnectedAccount, Urgency
from shared.storage.database import Connection, Pool, run_at_once, user_transaction
from shared.storage.request_pace import announce_waiting, count_throttle, forget_throttles, hold_requests

WAIT_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.05
WAITING_SECONDS: Final = 0.3
"""How long the less urgent stand back after a more urgent request was seen to wait; it says so at every look."""
STAND_BACK_SECONDS: Final = 5.0
"""Whoever stood back for so long takes the next place that is free, however urgent others are: nobody starves."""
SHORT_PATIENCE_SECONDS: Final = 3.0
"""A patience for which backfill waits where it is: by way of the queue it would come back later than it may."""
LEASE_MARGIN_SECONDS: Final = 5.0
REST_SECONDS: Final = 1.0  # a place whose request came to nothing: the provider may still be at work on it
FIRST_HOLD_SECONDS: Final = 5.0
LONGEST_UNTOLD_SECONDS: Final = 300.0
LONGEST_HOLD_SECONDS: Final = 3600.0
BUCKETS: Final = 10
SHARE: Final[Mapping[Urgency, float]] = {Urgency.USER: 1, Urgency.LIVE: 0.97, Urgency.BACKFILL: 0.9}
"""How much of the requests of a window may be gone before a request of this kind has to wait."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    at: datetime
    slot: int | None
    held_back_seconds: float  # above 0: the provider asked for patience
    is_over_budget: bool
    throttles: int  # refusals in a row, as long as nothing went through


@dataclass(frozen=True, slots=True)
class _Terms:
    """What a request asks of the gate."""

    holder: UUID
    urgency: Urgency
    in_flight: int
    lease_seconds: float
    budget: int
    bucket_seconds: float


class RequestGate:
    """
    Lets at most `in_flight` requests per mailbox out at a time, and `window_requests` in any `window_seconds`.

    Both hold over all instances. A place is leased for the longest time that a request may take, so the places of a
    process that died come back by themselves. While somebody more urgent waits, others stand back.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        in_flight: int,
        request_seconds: float,
        window_requests: int = 9_500,
        window_seconds: float = 600,
    ) -> None:
        self._pool = pool
        self._in_flight = in_flight
        self._lease_seconds = request_seconds + LEASE_MARGIN_SECONDS
        self._window_requests = window_requests
        self._bucket_seconds = window_seconds / BUCKETS
        self._backfill: dict[UUID, asyncio.Semaphore] = {}

    @asynccontextmanager
    async def request(self, account: ConnectedAccount, urgency: Urgency) -> AsyncIterator[datetime]:
        """
        Hold a place for one request, and give the database's clock before it.

        Raises Throttled when the provider asked for patience (backfill waits while it is short), when the window's
        requests are spent, or when no place came free in `WAIT_SECONDS`. A Throttled raised inside holds every later
        request of the mailbox back for as long as it says, or, when it does not say, for longer after each in a row; it
        comes out with that time.
        """
        if urgency is not Urgency.BACKFILL:
            async with self._place(account, urgency) as asked_at:
                yield asked_at
            return
        waiting_here = self._backfill.setdefault(account.id, asyncio.Semaphore(self._in_flight))
        async with waiting_here, self._place(account, urgency) as asked_at:
            yield asked_at

    @asynccontextmanager
    async def _place(self, account: ConnectedAccount, urgency: Urgency) -> AsyncIterator[datetime]:
        terms = _Terms(
            holder=uuid4(),
            urgency=urgency,
            in_flight=self._in_flight,
            lease_seconds=self._lease_seconds,
            budget=int(self._window_requests * SHARE[urgency]),
            bucket_seconds=self._bucket_seconds,
        )
        attempt = await self._wait_for_place(account, terms)
        went_through, rest_seconds = False, 0.0
        try:
            yield attempt.at
            went_through = True
        except Throttled as exc:
            seconds = await self._hold_back(account, attempt, exc.retry_after_seconds)
            raise Throttled(str(exc), retry_after_seconds=seconds) from exc
        except (ProviderUnavailable, asyncio.CancelledError):
            rest_seconds = REST_SECONDS
            raise
        finally:
            await _give_back(self._pool, account, terms.holder, rest_seconds)
            if attempt.throttles and went_through:
                async with user_transaction(self._pool, account.user_id) as conn:
                    await forget_throttles(conn, account, attempt.at)

    async def _wait_for_place(self, account: ConnectedAccount, terms: _Terms) -> _Attempt:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            waited = loop.time() - began
            attempt = await _take(self._pool, account, terms, stands_back=waited < STAND_BACK_SECONDS)
            if attempt.slot is not None:
                return attempt
            if attempt.held_back_seconds <= 0 and attempt.is_over_budget:
                async with user_transaction(self._pool, account.user_id) as conn:
                    seconds = await _seconds_until_budget(conn, account, terms)
                raise Throttled("the requests of this window are spent", retry_after_seconds=seconds)
            if terms.urgency is not Urgency.BACKFILL:
                async with user_transaction(self._pool, account.user_id) as conn:
                    await announce_waiting(conn, account, terms.urgency, WAITING_SECONDS)
            if attempt.held_back_seconds > SHORT_PATIENCE_SECONDS or (
                attempt.held_back_seconds > 0 and terms.urgency is not Urgency.BACKFILL
            ):
                raise Throttled("the provider asked for patience", retry_after_seconds=attempt.held_back_seconds)
            if waited > WAIT_SECONDS:
                raise Throttled("no place for another request", retry_after_seconds=1)
            await asyncio.sleep(max(attempt.held_back_seconds, POLL_SECONDS))

    async def _hold_back(self, account: ConnectedAccount, attempt: _Attempt, told_seconds: float | None) -> float:
        """Hold requests back for as long as the provider told, else for longer each time; return the seconds."""
        async with user_transaction(self._pool, account.user_id) as conn:
            throttles = await count_throttle(conn, account, attempt.at)
            if told_seconds is None:
                grown = min(FIRST_HOLD_SECONDS * 2.0 ** min(throttles - 1, 16), LONGEST_UNTOLD_SECONDS)
                seconds = grown * random.uniform(1, 1.25)  # noqa: S311 - only to spread
            else:
                seconds = min(told_seconds, LONGEST_HOLD_SECONDS)
            await hold_requests(conn, account, seconds)
        return seconds


async def _take(pool: Pool, account: ConnectedAccount, terms: _Terms, *, stands_back: bool) -> _Attempt:
    sql = """
        WITH pace AS (
            SELECT clock_timestamp() AS at,
                   floor(extract(epoch FROM clock_timestamp()) / %(bucket_seconds)s)::bigint AS bucket,
                   not_before, throttles,
                   CASE WHEN NOT %(stands_back)s OR %(urgency)s = 'user' THEN '-infinity'
                        WHEN %(urgency)s = 'live' THEN user_until
                        ELSE greatest(user_until, urgent_until) END AS back_until
              FROM request_pace
             WHERE account_id = %(account_id)s
               AND user_id = %(user_id)s
        ), spent AS (
            SELECT coalesce(sum(each.requests), 0) >= %(budget)s AS is_over
              FROM pace, request_slot,
                   unnest(asked[1:greatest(11 - (pace.bucket - request_slot.bucket), 0)::integer]) AS each (requests)
             WHERE account_id = %(account_id)s
               AND user_id = %(user_id)s
        ), free AS (
            SELECT slot
              FROM request_slot
             WHERE account_id = %(account_id)s
               AND user_id = %(user_id)s
               AND slot < %(in_flight)s
               AND leased_until < clock_timestamp()
               AND EXISTS (SELECT FROM pace, spent WHERE not_before <= at AND back_until <= at AND NOT is_over)
             ORDER BY slot
             LIMIT 1
               FOR UPDATE SKIP LOCKED
        ), taken AS (
            UPDATE request_slot
               SET holder = %(holder)s,
                   leased_until = clock_timestamp() + make_interval(secs => %(lease_seconds)s),
                   bucket = pace.bucket,
                   asked = ARRAY(SELECT coalesce(asked[(age - (pace.bucket - request_slot.bucket))::integer], 0)
                                        + CASE age WHEN 1 THEN 1 ELSE 0 END
                                   FROM generate_series(1, 11) AS age
                                  ORDER BY age)
              FROM free, pace
             WHERE request_slot.account_id = %(account_id)s
               AND request_slot.slot = free.slot
            RETURNING request_slot.slot
        )
        SELECT pace.at, taken.slot,
               greatest(0, extract(epoch FROM pace.not_before) - extract(epoch FROM pace.at))::float8
                   AS held_back_seconds,
               spent.is_over AS is_over_budget, pace.throttles
          FROM pace CROSS JOIN spent LEFT JOIN taken ON true
    """
    params = {
        "account_id": account.id,
        "user_id": account.user_id,
        "holder": terms.holder,
        "urgency": terms.urgency.name.lower(),
        "stands_back": stands_back,
        "in_flight": terms.in_flight,
        "lease_seconds": terms.lease_seconds,
        "budget": terms.budget,
        "bucket_seconds": terms.bucket_seconds,
    }
    attempts = await run_at_once(pool, account.user_id, sql, params, class_row(_Attempt))
    if not attempts:
        raise LookupError(f"account {account.id} is gone")
    return attempts[0]


async def _seconds_until_budget(conn: Connection, account: ConnectedAccount, terms: _Terms) -> float:
    """
    Tell when so many requests have left the window that another may be made.

    The newest buckets are added up until they are over the budget: the last of them has to leave.
    """
    sql = """
        WITH clock AS (
            SELECT extract(epoch FROM clock_timestamp())::float8 / %(bucket_seconds)s AS buckets
        ), counted AS (
            SELECT each.age + floor(clock.buckets) - request_slot.bucket AS age, sum(each.requests) AS requests
              FROM clock, request_slot, unnest(asked) WITH ORDINALITY AS each (requests, age)
             WHERE account_id = %(account_id)s
               AND user_id = %(user_id)s
             GROUP BY 1
        ), summed AS (
            SELECT age, sum(requests) OVER (ORDER BY age) AS requests FROM counted WHERE age <= 11
        )
        SELECT (12 - min(age) - (clock.buckets - floor(clock.buckets))) * %(bucket_seconds)s
          FROM clock LEFT JOIN summed ON requests >= %(budget)s
         GROUP BY clock.buckets
    """
    params = {
        "account_id": account.id,
        "user_id": account.user_id,
        "budget": terms.budget,
        "bucket_seconds": terms.bucket_seconds,
    }
    row = await (await conn.execute(sql, params)).fetchone()
    return float(row[0]) if row and row[0] is not None else terms.bucket_seconds


async def _give_back(pool: Pool, account: ConnectedAccount, holder: UUID, rest_seconds: float) -> None:
    sql = """
        UPDATE request_slot
           SET holder = NULL,
               leased_until = CASE WHEN %(rest_seconds)s > 0
                                   THEN clock_timestamp() + make_interval(secs => %(rest_seconds)s)
                                   ELSE '-infinity' END
         WHERE account_id = %(account_id)s
           AND user_id = %(user_id)s
           AND holder = %(holder)s
    """
    params = {
        "account_id": account.id,
        "user_id": account.user_id,
        "holder": holder,
        "rest_seconds": rest_seconds,
    }
    await run_at_once(pool, account.user_id, sql, params, tuple_row)
