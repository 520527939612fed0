"""A user with a connected account, in a fresh copy of the migrated database."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from shared.models.accounts import ConnectedAccount
from shared.models.mail import ProviderProfile
from shared.storage.accounts import connect_mailbox
from shared.storage.database import Pool, user_transaction
from shared.vault import Vault
from tests.conftest import Database
from tests.integration.key_vault import Clock, KeyVault


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


@pytest.fixture(scope="session")
def ca_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the authority of stand-ins is kept."""
    return tmp_path_factory.mktemp("ca")


@pytest.fixture
async def vault(key_vault: KeyVault) -> AsyncIterator[Vault]:
    """A client of the stand-in that a module's own `key_vault` is."""
    opened = key_vault.vault()
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()
