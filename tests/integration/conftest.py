"""A user with a connected account, in a fresh copy of the migrated database."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from shared.models.accounts import ConnectedAccount
from shared.models.mail import ProviderProfile
from shared.storage.accounts import connect_mailbox
from shared.storage.database import Pool, user_transaction
from tests.conftest import Database


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    """Connections of the application's role, which row-level security binds."""
    opened: Pool = AsyncConnectionPool(
        database.app_url, min_size=1, max_size=10, open=False, kwargs={"prepare_threshold": None}
    )
    async with opened:
        yield opened


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[AsyncConnection[tuple[object, ...]]]:
    """A connection that row-level security does not bind, for looking at what was stored."""
    async with await psycopg.AsyncConnection.connect(database.owner_url, autocommit=True) as conn:
        yield conn


async def add_user(conn: AsyncConnection[tuple[object, ...]], email: str) -> UUID:
    user_id = uuid4()
    await conn.execute(
        "INSERT INTO app_user (id, email, password_hash, name) VALUES (%s, %s, 'x', '')", [user_id, email]
    )
    return user_id


@pytest.fixture
async def account(pool: Pool, owner: AsyncConnection[tuple[object, ...]]) -> ConnectedAccount:
    user_id = await add_user(owner, "owner@contoso.example")
    profile = ProviderProfile("tenant", "object", "owner@contoso.example", "Owner")
    async with user_transaction(pool, user_id) as conn:
        return await connect_mailbox(conn, user_id, "outlook", profile)
