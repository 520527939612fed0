"""The API on the local host: real routing, one database and one host for the session, a new user for each test."""

import base64
import hashlib
import json
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from dev.azurite import RunningAzurite
from dev.graph_simulator.fixture import RunningSimulator, start_simulator
from dev.ports import choose_free_port
from dev.postgres import RunningPostgres, create_database
from dev.postgres.roles import drop_database
from shared.models.accounts import ConnectedAccount
from shared.models.mail import ProviderProfile
from shared.storage.accounts import connect_mailbox
from shared.storage.database import Pool, user_transaction
from tests.conftest import Database
from tests.host.hosting import RunningHost, running_host

ROOT: Final = Path(__file__).parents[2]
PORT: Final = choose_free_port()
PUBLIC_BASE_URL: Final = f"http://127.0.0.1:{PORT}"
WEB_BASE_URL: Final = "https://mail.contoso.example"
PASSWORD: Final = "correct horse battery"
ATTACHMENT_MAX_BYTES: Final = 300_000
OPERATOR_KEY: Final = secrets.token_urlsafe(32)
KEYS: Final = {"second": secrets.token_bytes(32), "first": secrets.token_bytes(32)}


@dataclass(frozen=True)
class SignedIn:
    """A user with a client that sends their access token."""

    id: UUID
    email: str
    api: httpx.AsyncClient


@pytest.fixture(scope="session")
def api_database(postgres_cluster: RunningPostgres, template_database: str) -> Iterator[Database]:
    passwords = {"owner_password": "owner", "app_password": "app"}
    name = f"mail_api_{secrets.token_hex(4)}"
    yield create_database(postgres_cluster.url, name, **passwords, template=template_database)
    drop_database(postgres_cluster.url, name)


@pytest.fixture(scope="session")
def simulator() -> Iterator[RunningSimulator]:
    with start_simulator() as running:
        yield running


@pytest.fixture(scope="session")
def web_pubsub() -> Iterator[str]:
    """The connection string of a push service."""
    key = secrets.token_urlsafe(32)
    command = [sys.executable, "-m", "dev.web_pubsub", "--port", "0", f"--access-key={key}"]
    process = subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE)  # noqa: S603 - our own program
    assert process.stdout
    try:
        yield f"Endpoint={process.stdout.readline().split()[-1]};AccessKey={key};Version=1.0;"
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def environment_for(*, public_base_url: str, database_url: str, storage: str, **more: str) -> dict[str, str]:
    """Build the settings of a deployment. None is empty: that would let a developer's own file speak."""
    ring = json.dumps({name: base64.urlsafe_b64encode(key).decode() for name, key in KEYS.items()})
    return {
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "AzureWebJobsStorage": storage,
        "DATABASE_URL": database_url,
        "MICROSOFT_CLIENT_ID": "client",
        "MICROSOFT_CLIENT_SECRET": secrets.token_urlsafe(),
        "PUBLIC_BASE_URL": public_base_url,
        "WEB_BASE_URL": WEB_BASE_URL,
        "JWT_SIGNING_KEYS": ring,
        "TOKEN_ENCRYPTION_KEYS": ring,
        "AUDIT_SIGNING_KEYS": ring,
        "WEBHOOK_KEY": secrets.token_urlsafe(32),
        "OPERATOR_KEYS": json.dumps({"ada": hashlib.sha256(OPERATOR_KEY.encode()).hexdigest()}),
        "ARGON2_MEMORY_KIB": "8",
        "ARGON2_ITERATIONS": "1",
        "ATTACHMENT_MAX_BYTES": str(ATTACHMENT_MAX_BYTES),
        **{f"{name}_SCHEDULE": "0 0 0 1 1 *" for name in ("DELTA", "RENEWAL", "SWEEP", "PURGE", "AUDIT")},
        **more,
    }


@pytest.fixture(scope="session")
def host(
    api_database: Database, azurite: RunningAzurite, simulator: RunningSimulator, web_pubsub: str
) -> Iterator[RunningHost]:
    environment = environment_for(
        public_base_url=PUBLIC_BASE_URL,
        database_url=api_database.app_url,
        storage=azurite.connection_string,
        GRAPH_BASE_URL=simulator.graph_base_url,
        MICROSOFT_AUTHORITY=simulator.authority,
        MICROSOFT_CLIENT_ID=simulator.client_id,
        MICROSOFT_CLIENT_SECRET=simulator.client_secret,
        TRUSTED_CA_FILE=simulator.ca_file,
        WEB_PUBSUB_CONNECTION_STRING=web_pubsub,
    )
    with running_host(ROOT, "--port", str(PORT), environment=environment) as running:
        yield running


@pytest.fixture
async def anonymous(host: RunningHost) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{host.url}/api", trust_env=False, timeout=30) as client:
        yield client


async def sign_up(client: httpx.AsyncClient, email: str | None = None) -> SignedIn:
    """Make a new user, whose token the client sends from then on."""
    email = email or f"{uuid4().hex}@contoso.example"
    answer = await client.post("/auth/signup", json={"email": email, "password": PASSWORD, "name": "Ada"})
    assert answer.status_code == 201, answer.text
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return SignedIn(UUID(answer.json()["user"]["id"]), email, client)


@pytest.fixture
async def user(host: RunningHost) -> AsyncIterator[SignedIn]:
    async with httpx.AsyncClient(base_url=f"{host.url}/api", trust_env=False, timeout=30) as client:
        yield await sign_up(client)


@pytest.fixture
async def stranger(host: RunningHost) -> AsyncIterator[SignedIn]:
    async with httpx.AsyncClient(base_url=f"{host.url}/api", trust_env=False, timeout=30) as client:
        yield await sign_up(client)


@pytest.fixture
async def app_pool(api_database: Database) -> AsyncIterator[Pool]:
    """Connections of the application's role, which row-level security binds."""
    opened: Pool = AsyncConnectionPool(
        api_database.app_url, min_size=1, max_size=10, open=False, kwargs={"prepare_threshold": None}
    )
    async with opened:
        yield opened


@pytest.fixture
async def owner(api_database: Database) -> AsyncIterator[AsyncConnection[tuple[Any, ...]]]:
    """A connection that row-level security does not bind."""
    async with await psycopg.AsyncConnection.connect(api_database.owner_url, autocommit=True) as conn:
        yield conn


async def connect(pool: Pool, user: SignedIn) -> ConnectedAccount:
    profile = ProviderProfile("tenant", uuid4().hex, user.email, "Ada")
    async with user_transaction(pool, user.id) as conn:
        return await connect_mailbox(conn, user.id, "outlook", profile)


@pytest.fixture
async def account(app_pool: Pool, user: SignedIn) -> ConnectedAccount:
    return await connect(app_pool, user)
