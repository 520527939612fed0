"""The gate to the provider: places, who goes first, patience, and the window's requests, over several processes."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from typing import Any, LiteralString

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from shared.errors import ProviderUnavailable, Throttled
from shared.models.accounts import ConnectedAccount, Urgency
from shared.storage.database import Pool, user_transaction
from shared.storage.request_slots import FIRST_HOLD_SECONDS, RequestGate
from tests.conftest import Database

Owner = AsyncConnection[Any]


def gate_of(
    pool: Pool, *, in_flight: int = 4, window_requests: int = 9_500, window_seconds: float = 600
) -> RequestGate:
    return RequestGate(
        pool,
        in_flight=in_flight,
        request_seconds=20,
        window_requests=window_requests,
        window_seconds=window_seconds,
    )


@pytest.fixture
async def other_pool(database: Database) -> AsyncIterator[Pool]:
    """The connections of another process."""
    opened: Pool = AsyncConnectionPool(
        database.app_url, min_size=1, max_size=10, open=False, kwargs={"prepare_threshold": None}
    )
    async with opened:
        yield opened


async def ask(gate: RequestGate, account: ConnectedAccount, urgency: Urgency = Urgency.LIVE) -> None:
    async with gate.request(account, urgency):
        pass


async def throttled(gate: RequestGate, account: ConnectedAccount, told: float | None = None) -> float:
    """Make a request that is refused; return for how long the gate holds the next ones back."""
    with pytest.raises(Throttled) as refused:
        async with gate.request(account, Urgency.LIVE):
            raise Throttled("429", retry_after_seconds=told)
    assert refused.value.retry_after_seconds is not None
    return refused.value.retry_after_seconds


async def end_patience(owner: Owner) -> None:
    await owner.execute("UPDATE request_pace SET not_before = '-infinity'")


async def test_two_processes_never_have_more_than_four_requests_in_flight(
    pool: Pool, other_pool: Pool, account: ConnectedAccount
) -> None:
    in_flight = peak = 0

    async def request(gate: RequestGate, urgency: Urgency) -> None:
        nonlocal in_flight, peak
        async with gate.request(account, urgency):
            in_flight += 1
            peak = max(peak, in_flight)
            await asyncio.sleep(0.02)
            in_flight -= 1

    gates = [gate_of(pool), gate_of(other_pool)]
    kinds = [Urgency.USER, Urgency.LIVE, Urgency.BACKFILL]
    await asyncio.gather(*(request(gates[number % 2], kinds[number % 3]) for number in range(36)))
    assert peak == 4


async def test_a_person_goes_before_live_mail_and_live_mail_before_backfill(
    pool: Pool, other_pool: Pool, account: ConnectedAccount
) -> None:
    order: list[Urgency] = []

    async def request(gate: RequestGate, urgency: Urgency) -> None:
        async with gate.request(account, urgency):
            order.append(urgency)
            await asyncio.sleep(0.1)

    here, there = gate_of(pool, in_flight=1), gate_of(other_pool, in_flight=1)
    async with here.request(account, Urgency.LIVE), asyncio.TaskGroup() as waiting:
        for urgency in (Urgency.BACKFILL, Urgency.LIVE, Urgency.USER):
            for gate in (there, here):
                waiting.create_task(request(gate, urgency))
        async with asyncio.timeout(5):
            await until_waited_for(
                pool, account, "SELECT least(user_until, urgent_until) > clock_timestamp() FROM request_pace"
            )
        await asyncio.sleep(0.2)  # each has looked more than once
        await _release(pool, account)
    assert order == [Urgency.USER] * 2 + [Urgency.LIVE] * 2 + [Urgency.BACKFILL] * 2


async def until_waited_for(pool: Pool, account: ConnectedAccount, question: LiteralString) -> None:
    """Return once somebody has told the others to stand back."""
    while True:
        async with user_transaction(pool, account.user_id) as conn:
            row = await (await conn.execute(question)).fetchone()
        if row and row[0]:
            return
        await asyncio.sleep(0.01)


async def _release(pool: Pool, account: ConnectedAccount) -> None:
    async with user_transaction(pool, account.user_id) as conn:
        await conn.execute("UPDATE request_slot SET leased_until = '-infinity'")


async def test_backfill_gets_a_place_though_people_never_stop_asking(pool: Pool, account: ConnectedAccount) -> None:
    gate, is_over = gate_of(pool, in_flight=1), asyncio.Event()

    async def keep_asking() -> None:
        while not is_over.is_set():
            async with gate.request(account, Urgency.USER):
                await asyncio.sleep(0.01)

    async with asyncio.TaskGroup() as people:
        for _ in range(3):
            people.create_task(keep_asking())
        async with asyncio.timeout(9):
            await until_waited_for(pool, account, "SELECT user_until > clock_timestamp() FROM request_pace")
            await ask(gate, account, Urgency.BACKFILL)
        is_over.set()


async def test_a_told_patience_holds_for_every_process_and_urgency(
    pool: Pool, other_pool: Pool, account: ConnectedAccount, owner: Owner
) -> None:
    assert await throttled(gate_of(pool), account, told=30.5) == 30.5
    for urgency in Urgency:
        with pytest.raises(Throttled) as refused:
            await ask(gate_of(other_pool), account, urgency)
        assert 28 < (refused.value.retry_after_seconds or 0) <= 30.5
    await end_patience(owner)
    await ask(gate_of(other_pool), account)


async def test_backfill_waits_out_a_short_patience_that_others_are_told(
    pool: Pool, other_pool: Pool, account: ConnectedAccount, owner: Owner
) -> None:
    assert await throttled(gate_of(pool), account, told=1.5) == 1.5
    with pytest.raises(Throttled):
        await ask(gate_of(other_pool), account)
    await ask(gate_of(other_pool), account, Urgency.BACKFILL)
    rows = await (await owner.execute("SELECT not_before <= clock_timestamp() FROM request_pace")).fetchall()
    assert rows == [(True,)]


async def test_an_untold_patience_grows_with_each_refusal_and_ends_with_a_success(
    pool: Pool, account: ConnectedAccount, owner: Owner
) -> None:
    gate = gate_of(pool)
    waits = []
    for _ in range(4):
        waits.append(await throttled(gate, account))
        await end_patience(owner)
    for number, wait in enumerate(waits):
        assert FIRST_HOLD_SECONDS * 2**number <= wait <= FIRST_HOLD_SECONDS * 2**number * 1.25
    with pytest.raises(ProviderUnavailable):
        async with gate.request(account, Urgency.LIVE):
            raise ProviderUnavailable("503")  # says nothing of the pace
    assert await throttled(gate, account) >= FIRST_HOLD_SECONDS * 2**4
    await end_patience(owner)
    await ask(gate, account)
    assert await throttled(gate, account) <= FIRST_HOLD_SECONDS * 1.25


async def test_refusals_of_requests_in_flight_together_count_once(pool: Pool, account: ConnectedAccount) -> None:
    gate, all_asked = gate_of(pool), asyncio.Barrier(4)

    async def refused() -> float:
        with pytest.raises(Throttled) as exc:
            await refused_together()
        return exc.value.retry_after_seconds or 0

    async def refused_together() -> None:
        async with gate.request(account, Urgency.LIVE):
            await all_asked.wait()
            raise Throttled("429")

    assert max(await asyncio.gather(*(refused() for _ in range(4)))) <= FIRST_HOLD_SECONDS * 1.25


async def test_an_absurd_patience_is_at_most_an_hour(pool: Pool, account: ConnectedAccount) -> None:
    assert await throttled(gate_of(pool), account, told=1e12) == 3600


async def test_backfill_then_live_mail_then_people_wait_when_the_windows_requests_are_spent(
    pool: Pool, account: ConnectedAccount
) -> None:
    gate = gate_of(pool, window_requests=100, window_seconds=600)

    async def asked_until_refused(urgency: Urgency) -> int:
        numbers = itertools.count()
        with pytest.raises(Throttled, match="spent") as refused:
            await ask_for_ever(urgency, numbers)
        assert 540 <= (refused.value.retry_after_seconds or 0) <= 660
        return next(numbers) - 1

    async def ask_for_ever(urgency: Urgency, numbers: Iterator[int]) -> None:
        for _ in itertools.islice(numbers, 150):
            await ask(gate, account, urgency)

    assert await asked_until_refused(Urgency.BACKFILL) == 90
    assert await asked_until_refused(Urgency.LIVE) == 7
    assert await asked_until_refused(Urgency.USER) == 3


async def test_refused_requests_count_too(pool: Pool, account: ConnectedAccount, owner: Owner) -> None:
    gate = gate_of(pool, window_requests=3)
    for _ in range(2):
        await throttled(gate, account)
        await end_patience(owner)
    with pytest.raises(Throttled, match="spent"):
        await ask(gate, account)  # 97 in a hundred of three are two


async def test_requests_leave_the_window_bucket_by_bucket(pool: Pool, account: ConnectedAccount, owner: Owner) -> None:
    gate = gate_of(pool, window_requests=10)
    for _ in range(10):
        await ask(gate, account, Urgency.USER)
    await owner.execute("UPDATE request_slot SET bucket = bucket - 10")
    with pytest.raises(Throttled) as refused:
        await ask(gate, account, Urgency.USER)
    assert 0 < (refused.value.retry_after_seconds or 0) <= 60
    await owner.execute("UPDATE request_slot SET bucket = bucket - 1")
    await ask(gate, account, Urgency.USER)
    rows = await (await owner.execute("SELECT sum(asked[1]) FROM request_slot WHERE holder IS NULL")).fetchall()
    assert rows[0][0] is not None


async def test_a_place_rests_after_a_request_that_came_to_nothing(pool: Pool, account: ConnectedAccount) -> None:
    gate = gate_of(pool, in_flight=1)
    began: list[datetime] = []

    async def ask_in_vain() -> None:
        async with gate.request(account, Urgency.LIVE) as at:
            began.append(at)
            raise ProviderUnavailable("no whole answer in time")

    with pytest.raises(ProviderUnavailable):
        await ask_in_vain()
    async with gate.request(account, Urgency.LIVE) as again:
        assert again - began[0] >= timedelta(seconds=1)
