"""
The real parts that tests run on, each started once per session and removed with it.

- `postgres_cluster`: a throw-away PostgreSQL server, the oldest at hand; whole systems in tests run on the newest.
- `template_database`: the name of a database with the newest schema and no rows.
- `database`: a fresh copy of it for one test: `owner_url` (not bound by row-level security) and `app_url` (as the
  product connects).
- `azurite`: a storage emulator in memory; `connection_string`. Its queues, tables and blobs outlive a test: name them
  freshly.

All are plain (not async) fixtures, so they serve tests of either kind.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.azurite import RunningAzurite, start_azurite
from dev.postgres import DatabaseUrls, RunningPostgres, create_database, create_roles, start_postgres
from dev.postgres.binaries import oldest_programs
from dev.postgres.cluster import THROWAWAY
from dev.postgres.migrations import migrate
from dev.postgres.roles import drop_database

Database = DatabaseUrls

_TEMPLATE = "mail_template"
_PASSWORDS = {"owner_password": "owner", "app_password": "app"}  # of a server that lives for one session


@pytest.fixture(scope="session")
def postgres_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPostgres]:
    folder: Path = tmp_path_factory.mktemp("postgres")
    server = start_postgres(
        folder / "data", password=secrets.token_urlsafe(), settings=THROWAWAY, programs=oldest_programs()
    )
    yield server
    server.stop()


@pytest.fixture(scope="session")
def template_database(postgres_cluster: RunningPostgres) -> str:
    create_roles(postgres_cluster.url, **_PASSWORDS)
    urls = create_database(postgres_cluster.url, _TEMPLATE, **_PASSWORDS)
    migrate(urls.owner_url)
    return _TEMPLATE


@pytest.fixture
def database(postgres_cluster: RunningPostgres, template_database: str) -> Iterator[Database]:
    name = f"mail_{secrets.token_hex(6)}"
    yield create_database(postgres_cluster.url, name, **_PASSWORDS, template=template_database)
    drop_database(postgres_cluster.url, name)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAzurite]:
    emulator = start_azurite(log=tmp_path_factory.mktemp("azurite") / "azurite.log")
    yield emulator
    emulator.stop()
