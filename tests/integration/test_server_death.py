"""PostgreSQL dies without warning: places that were taken just before are still taken after it."""

import asyncio
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from dev.postgres import DatabaseUrls, RunningPostgres, create_database, create_roles, start_postgres
from dev.postgres.migrations import migrate
from shared.models.accounts import ConnectedAccount, Urgency
from shared.models.mail import ProviderProfile
from shared.storage.accounts import connect_mailbox
from shared.storage.database import Pool, user_transaction
from shared.storage.request_slots import RequestGate
from tests.integration.conftest import add_user

PLACES = 4
A_MOMENT = 0.3
PASSWORDS = {"owner_password": "owner", "app_password": "app"}


class Server:
    """A server that keeps what it has answered, as one in production does."""

    def __init__(self, folder: Path) -> None:
        self._data, self._password = folder / "data", secrets.token_urlsafe()
        self.running: RunningPostgres = start_postgres(self._data, password=self._password)
        create_roles(self.running.url, **PASSWORDS)
        self.urls: DatabaseUrls = create_database(self.running.url, "mail", **PASSWORDS)
        migrate(self.urls.owner_url)

    def die_and_come_back(self) -> None:
        self.running.kill()
        self.running = start_postgres(self._data, self.running.port, password=self._password)

    def pool(self) -> Pool:
        options: dict[str, Any] = {"autocommit": True, "prepare_threshold": None}
        return AsyncConnectionPool(self.urls.app_url, min_size=1, max_size=5, open=False, kwargs=options)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.running.stop()


async def connected_account(server: Server, pool: Pool) -> ConnectedAccount:
    async with await psycopg.AsyncConnection.connect(server.urls.owner_url, autocommit=True) as conn:
        user_id = await add_user(conn, "owner@contoso.example")
    async with user_transaction(pool, user_id) as conn:
        profile = ProviderProfile("tenant", "object", "owner@contoso.example", "Owner")
        return await connect_mailbox(conn, user_id, "outlook", profile)


async def stay(pool: Pool, account: ConnectedAccount, arrived: asyncio.Semaphore) -> None:
    """Take a place for a request that never ends."""
    async with RequestGate(pool, in_flight=PLACES, request_seconds=60).request(account, Urgency.USER):
        arrived.release()
        await asyncio.Event().wait()


async def test_a_server_that_dies_forgets_no_request_in_flight(server: Server) -> None:
    async with server.pool() as before:
        account = await connected_account(server, before)
        arrived, late = asyncio.Semaphore(0), asyncio.Semaphore(0)
        staying = [asyncio.create_task(stay(before, account, arrived)) for _ in range(PLACES)]
        for _ in staying:
            await arrived.acquire()
        server.die_and_come_back()
        async with server.pool() as reopened:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(stay(reopened, account, late), A_MOMENT)
        assert late.locked()
        for each in staying:
            each.cancel()
        await asyncio.gather(*staying, return_exceptions=True)
