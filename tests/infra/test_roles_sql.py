"""infra/roles.sql, run as Azure's administrator would: by a role that is no superuser."""

import os
import subprocess
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors, sql

from dev.infra.bicep import INFRA
from dev.postgres import RunningPostgres, start_postgres
from dev.postgres.binaries import find_programs
from dev.postgres.cluster import THROWAWAY
from dev.postgres.migrations import migrate

PASSWORDS = {"mail_admin": "ad'min", "mail_owner": "own er", "mail_app": "a%40p"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPostgres]:
    """A server with the administrator and the database that Bicep leaves; its own, since roles are a server's."""
    started = start_postgres(tmp_path_factory.mktemp("azure") / "data", password="superuser", settings=THROWAWAY)
    with psycopg.connect(started.url, autocommit=True) as conn:
        password = sql.Literal(PASSWORDS["mail_admin"])
        conn.execute(sql.SQL("CREATE ROLE mail_admin LOGIN CREATEDB CREATEROLE PASSWORD {}").format(password))
        conn.execute("CREATE DATABASE mail OWNER mail_admin")
    yield started
    started.stop()


@pytest.fixture(scope="module")
def roles(server: RunningPostgres) -> RunningPostgres:
    """The server after roles.sql and the migrations."""
    environment = {
        **os.environ,
        "PGPASSWORD": PASSWORDS["mail_admin"],
        "DATABASE_OWNER_PASSWORD": PASSWORDS["mail_owner"],
        "DATABASE_APP_PASSWORD": PASSWORDS["mail_app"],
    }
    address = f"host=127.0.0.1 port={server.port} user=mail_admin dbname=mail"
    psql = [str(find_programs().folder / "psql"), "--no-psqlrc", f"--file={INFRA / 'roles.sql'}", address]
    subprocess.run(psql, env=environment, check=True, capture_output=True)  # noqa: S603 - the server's own program
    assert migrate(f"postgresql://mail_owner:own%20er@127.0.0.1:{server.port}/mail?sslmode=disable")
    return server


def test_the_schema_belongs_to_the_owner_and_the_application_owns_nothing(roles: RunningPostgres) -> None:
    with _sign_in(roles, "mail_app") as conn:
        owners = conn.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert owners == [("mail_owner",)]


def test_the_application_reads_its_tables_and_sees_no_row_of_a_user_that_it_did_not_name(
    roles: RunningPostgres,
) -> None:
    with _sign_in(roles, "mail_owner") as conn:
        conn.execute(
            "INSERT INTO app_user (id, email, password_hash, name) VALUES (gen_random_uuid(), 'a@example.com', 'x', '')"
        )
    with _sign_in(roles, "mail_app") as conn:
        assert conn.execute("SELECT count(*) FROM app_user").fetchone() == (0,)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE intruder ()",
        "CREATE TEMPORARY TABLE intruder ()",
        "DROP TABLE app_user",
        "ALTER TABLE app_user DISABLE ROW LEVEL SECURITY",
        "SET ROLE mail_owner",
        "CREATE ROLE intruder",
    ],
)
def test_the_application_cannot_get_around_the_schema(roles: RunningPostgres, statement: str) -> None:
    with _sign_in(roles, "mail_app") as conn, pytest.raises(errors.InsufficientPrivilege):
        conn.execute(statement.encode())


def _sign_in(server: RunningPostgres, role: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host="127.0.0.1", port=server.port, dbname="mail", user=role, password=PASSWORDS[role], autocommit=True
    )
