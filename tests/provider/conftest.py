"""Outlook as the simulator plays it: one simulator for all tests here, a mailbox of its own for each test."""

import asyncio
import base64
import itertools
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from dev.azurite import RunningAzurite
from dev.graph_simulator.client import SimulatorAdmin
from dev.graph_simulator.fixture import RunningSimulator, start_simulator
from dev.graph_simulator.sign_in import sign_in
from shared.auth.connections import Connector
from shared.auth.mailbox_tokens import MailboxTokens
from shared.identity import AppIdentity
from shared.providers.aiohttp_transport import AiohttpTransport
from shared.providers.entra.sign_in import Entra
from shared.providers.graph.mail import GraphMail
from shared.secrets import SecretSource
from shared.settings import Settings
from shared.storage.azure import open_tables
from shared.storage.database import Pool
from shared.tls import ssl_context
from tests.conftest import Database
from tests.provider.connecting import Browser

_numbers = itertools.count(1)


def new_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


@pytest.fixture(scope="session")
def simulator() -> Iterator[RunningSimulator]:
    with start_simulator() as running:
        yield running


@pytest.fixture
async def http(simulator: RunningSimulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=AiohttpTransport(simulator.admin.tls)) as client:
        yield client


@dataclass
class Door:
    """A gate that lets four in, and remembers."""

    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(4))
    passed: int = 0
    errors: list[Exception] = field(default_factory=list)

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[datetime]:
        async with self.places:
            self.passed += 1
            try:
                yield datetime.now(UTC)
            except Exception as exc:
                self.errors.append(exc)
                raise


@dataclass
class Outlook:
    """A mailbox at the simulator, and our view of it."""

    address: str
    admin: SimulatorAdmin
    mail: GraphMail
    door: Door
    rejected: list[str]

    def deliver(self, folder: str = "inbox", **properties: object) -> str:
        """Put a message into a folder; return its immutable id."""
        delivered = self.admin.deliver(self.address, {"subject": "A message", **properties}, folder=folder)
        return str(delivered["immutableId"])

    def folder_id(self, path: str) -> str:
        folders = self.admin.folders(self.address)
        return str(next(one["id"] for one in folders if path in (one["wellKnownName"], "/".join(one["path"]))))


@pytest.fixture
def outlook(simulator: RunningSimulator, http: httpx.AsyncClient) -> Outlook:
    address = f"reader{next(_numbers)}@contoso.example"
    simulator.admin.create_user(address)
    tokens = [sign_in(simulator, address).access_token]
    rejected: list[str] = []
    door = Door()

    async def access_token(refused: str | None) -> str:
        if refused is not None:
            rejected.append(refused)
            tokens[0] = await asyncio.to_thread(lambda: sign_in(simulator, address).access_token)
        return tokens[0]

    mail = GraphMail(http, simulator.graph_base_url, door, access_token, timeout_seconds=20)
    return Outlook(address, simulator.admin, mail, door, rejected)


@pytest.fixture
def settings(simulator: RunningSimulator, azurite: RunningAzurite, database: Database) -> Settings:
    return Settings.model_validate(
        {
            "database_url": database.app_url,
            "azurewebjobsstorage": azurite.connection_string,
            "graph_base_url": simulator.graph_base_url,
            "microsoft_authority": simulator.authority,
            "microsoft_client_id": simulator.client_id,
            "microsoft_client_secret": simulator.client_secret,
            "trusted_ca_file": simulator.ca_file,
            "public_base_url": "http://127.0.0.1:7071",
            "web_base_url": "http://127.0.0.1:5173",
            "jwt_signing_keys": {"first": new_key()},
            "token_encryption_keys": {"first": new_key()},
            "audit_signing_keys": {"first": new_key()},
            "webhook_key": secrets.token_urlsafe(32),
        }
    )


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    """Connections of the application's role, which row-level security binds."""
    opened: Pool = AsyncConnectionPool(
        database.app_url, min_size=1, max_size=5, open=False, kwargs={"prepare_threshold": None}
    )
    async with opened:
        yield opened


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[AsyncConnection[tuple[object, ...]]]:
    """A connection that row-level security does not bind, for looking at what was stored."""
    async with await psycopg.AsyncConnection.connect(database.owner_url, autocommit=True) as conn:
        yield conn


@pytest.fixture
async def connector(settings: Settings, pool: Pool) -> AsyncIterator[Connector]:
    tls = ssl_context(settings)
    source = SecretSource(settings, None)
    entra = Entra(settings, source, tls)
    tokens = MailboxTokens(source, pool, entra)
    async with (
        open_tables(settings, AppIdentity(settings)) as tables,
        httpx.AsyncClient(transport=AiohttpTransport(tls)) as client,
    ):
        yield Connector(settings, pool, tables, client, entra, tokens)
    await entra.close()


@pytest.fixture
def browser(simulator: RunningSimulator, connector: Connector) -> Browser:
    address = f"connecting{next(_numbers)}@contoso.example"
    simulator.admin.create_user(address, "Ada Lovelace")
    return Browser(simulator, connector, address)
