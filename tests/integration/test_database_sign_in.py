"""Signing in to PostgreSQL by identity: with azure-identity itself, and a stand-in of the endpoint of Azure's hosts."""

import secrets
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from dev.postgres import RunningPostgres
from shared.identity import AppIdentity
from shared.settings import Settings
from shared.storage.database import ENTRA_SCOPE, open_pool, system_transaction
from tests.deployment import settings_of
from tests.integration.app_identity import IdentityEndpoint, running_identity


class Role:
    """A role whose password is the token that is good now, as Azure's server has it."""

    def __init__(self, superuser_url: str) -> None:
        self._superuser_url = superuser_url
        self.name = f"mail_app_{secrets.token_hex(4)}"
        self.token = ""
        self.asked: list[str] = []

    def token_for(self, resource: str) -> str:
        """Give a token; those given before are good no longer, for connections to come."""
        self.asked.append(resource)
        self.token = secrets.token_urlsafe(700)  # as long as they are
        with psycopg.connect(self._superuser_url, autocommit=True) as conn:
            statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
            conn.execute(statement.format(sql.Identifier(self.name), sql.Literal(self.token)))
        return self.token

    def end_connections(self) -> None:
        with psycopg.connect(self._superuser_url, autocommit=True) as conn:
            conn.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s", [self.name])

    @property
    def settings(self) -> Settings:
        server = urlsplit(self._superuser_url)
        url = f"postgresql://{self.name}@{server.hostname}:{server.port}/postgres"
        return settings_of(database_url=url, database_sign_in="entra")


@pytest.fixture
def role(postgres_cluster: RunningPostgres) -> Iterator[Role]:
    made = Role(postgres_cluster.url)
    name = sql.Identifier(made.name)
    with psycopg.connect(postgres_cluster.url, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        yield made
        made.end_connections()
        conn.execute(sql.SQL("DROP ROLE {}").format(name))


@pytest.fixture
def endpoint(role: Role, monkeypatch: pytest.MonkeyPatch) -> Iterator[IdentityEndpoint]:
    with running_identity(role.token_for) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


async def signed_in_as(role: Role, identity: AppIdentity) -> str:
    """Say who is connected, on connections made now."""
    async with await open_pool(role.settings, identity) as pool, system_transaction(pool) as conn:
        row = await (await conn.execute("SELECT current_user")).fetchone()
        assert row is not None
        return str(row[0])


@pytest.fixture
async def identity(role: Role, endpoint: IdentityEndpoint) -> AsyncIterator[AppIdentity]:
    async with AppIdentity(role.settings) as opened:
        assert endpoint.url
        yield opened


async def test_a_connection_takes_a_token_of_the_identity_for_its_password(role: Role, identity: AppIdentity) -> None:
    assert await signed_in_as(role, identity) == role.name
    assert set(role.asked) == {ENTRA_SCOPE.removesuffix("/.default")}


async def test_a_new_connection_takes_another_token_when_the_old_one_is_over(
    role: Role, endpoint: IdentityEndpoint, identity: AppIdentity
) -> None:
    endpoint.seconds = 0
    old = (await identity.get_token(ENTRA_SCOPE)).token
    assert await signed_in_as(role, identity) == role.name
    assert role.token != old


async def test_connections_share_a_token_that_is_good_for_long(
    role: Role, endpoint: IdentityEndpoint, identity: AppIdentity
) -> None:
    await identity.get_token(ENTRA_SCOPE)
    assert [await signed_in_as(role, identity) for _ in range(2)] == [role.name] * 2
    assert len(endpoint.asked) == 1
