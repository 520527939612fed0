"""infra/roles.sql, run as Azure's Entra administrator would: by a role that is no superuser."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import errors, sql

from dev.postgres import RunningPostgres, start_postgres
from dev.postgres.binaries import find_programs
from dev.postgres.cluster import THROWAWAY
from dev.postgres.migrations import migrate

ROLES = Path(__file__).parents[2] / "infra" / "roles.sql"
ADMINISTRATOR = "ada@contoso.example"
APP = "6f1c5f7e-0000-4000-8000-000000000001"
ANOTHER_APP = "6f1c5f7e-0000-4000-8000-000000000002"
PASSWORDS = {ADMINISTRATOR: "to'ken", "mail_app": "a%40p"}

# What Azure adds to PostgreSQL, as far as roles.sql asks for it. Only a loaded library could take a security label.
AZURE = """
    CREATE ROLE azure_pg_admin NOLOGIN;
    CREATE ROLE "ada@contoso.example" LOGIN CREATEDB CREATEROLE IN ROLE azure_pg_admin;
    CREATE TABLE entra_principal (rolname name PRIMARY KEY, principaltype text, objectid text, isadmin int);
    CREATE FUNCTION pgaadauth_create_principal_with_oid(role_name text, object_id text, object_type text,
                                                        is_admin boolean, is_mfa boolean) RETURNS text
        LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        EXECUTE format('CREATE ROLE %I LOGIN', role_name);
        INSERT INTO entra_principal VALUES (role_name, object_type, object_id, is_admin::int);
        RETURN format('Created role for %s', role_name);
    END
    $$;
    CREATE FUNCTION pgaadauth_list_principals(is_admin boolean) RETURNS SETOF entra_principal
        LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM entra_principal WHERE NOT $1 OR isadmin = 1';
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPostgres]:
    """A server as Bicep leaves it, with two databases; its own, since roles are a server's."""
    started = start_postgres(tmp_path_factory.mktemp("azure") / "data", password="superuser", settings=THROWAWAY)
    with psycopg.connect(started.url, autocommit=True) as conn:
        conn.execute(AZURE.encode())
    _make_database(started, "mail")
    _make_database(started, "of_another", owner="postgres")
    yield started
    started.stop()


@pytest.fixture(scope="module")
def roles(server: RunningPostgres) -> RunningPostgres:
    """The server after roles.sql, twice, and the migrations."""
    _give_passwords(server, ADMINISTRATOR)
    for _ in range(2):
        done = _run_roles(server)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
    _give_passwords(server, "mail_app")
    assert migrate(_owner_url(server, "mail"))
    return server


def test_the_schema_belongs_to_the_owner_as_whom_nobody_signs_in(roles: RunningPostgres) -> None:
    with _sign_in(roles, "mail_app") as conn:
        owners = conn.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").fetchall()
        may_sign_in = conn.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'mail_owner'").fetchone()
    assert (owners, may_sign_in) == ([("mail_owner",)], (False,))


def test_the_application_is_the_identity_that_was_named(roles: RunningPostgres) -> None:
    with psycopg.connect(roles.url) as conn:
        principals = conn.execute("SELECT rolname, principaltype, objectid, isadmin FROM entra_principal").fetchall()
    assert principals == [("mail_app", "service", APP, 0)]


def test_the_application_reads_its_tables_and_sees_no_row_of_a_user_that_it_did_not_name(
    roles: RunningPostgres,
) -> None:
    with _sign_in(roles, ADMINISTRATOR) as conn:
        conn.execute("SET ROLE mail_owner")
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


def test_a_database_of_somebody_else_is_set_up_as_far_as_may_be(roles: RunningPostgres) -> None:
    done = _run_roles(roles, database="of_another")
    assert done.returncode == 0, done.stderr
    assert "The database belongs to postgres" in done.stderr
    with _sign_in(roles, ADMINISTRATOR, database="of_another") as conn:
        conn.execute("SET ROLE mail_owner")
        conn.execute("CREATE TABLE ours ()")


def test_a_database_is_copied_over_a_new_deployment(roles: RunningPostgres, tmp_path: Path) -> None:
    _make_database(roles, "moved")
    assert _run_roles(roles, database="moved").returncode == 0
    assert migrate(_owner_url(roles, "moved"))
    with _sign_in(roles, ADMINISTRATOR) as conn:
        conn.execute("SET ROLE mail_owner")
        conn.execute("INSERT INTO app_user (id, email, password_hash, name) VALUES (gen_random_uuid(), 'm', 'x', '')")
    options = ["--no-owner", "--role=mail_owner", f"--file={tmp_path / 'dump'}", "--format=custom", "--dbname"]
    _run_program(roles, "pg_dump", *options, _address(roles, "mail"))
    options = ["--no-owner", "--role=mail_owner", "--clean", "--if-exists", "--exit-on-error", "--dbname"]
    _run_program(roles, "pg_restore", *options, _address(roles, "moved"), str(tmp_path / "dump"))
    with _sign_in(roles, ADMINISTRATOR, database="moved") as conn:
        conn.execute("SET ROLE mail_owner")
        assert conn.execute("SELECT count(*) FROM app_user WHERE email = 'm'").fetchone() == (1,)
    with _sign_in(roles, "mail_app", database="moved") as conn:
        assert conn.execute("SELECT count(*) FROM app_user").fetchone() == (0,)


def test_a_new_identity_of_the_app_takes_the_place_of_the_old(roles: RunningPostgres) -> None:
    done = _run_roles(roles, app_object_id=ANOTHER_APP)
    assert f"IS 'aadauth,oid={ANOTHER_APP},type=service'" in done.stdout
    assert 'provider "pgaadauth" is not loaded' in done.stderr  # only in Azure is it there to take the label


def test_an_application_that_could_see_all_rows_is_refused(roles: RunningPostgres) -> None:
    with psycopg.connect(roles.url, autocommit=True) as conn:
        conn.execute("ALTER ROLE mail_app BYPASSRLS")
        done = _run_roles(roles)
        conn.execute("ALTER ROLE mail_app NOBYPASSRLS")
    assert done.returncode != 0
    assert "may get around row-level security" in done.stderr


def _make_database(server: RunningPostgres, name: str, owner: str = "azure_pg_admin") -> None:
    """Make a database as Azure does: whoever owns it, its schema is azure_pg_admin's."""
    with psycopg.connect(server.url, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner)))
    with psycopg.connect(server.url, dbname=name, autocommit=True) as conn:
        conn.execute("ALTER SCHEMA public OWNER TO azure_pg_admin")


def _address(server: RunningPostgres, database: str) -> str:
    return f"host=127.0.0.1 port={server.port} user={ADMINISTRATOR} dbname={database}"


def _owner_url(server: RunningPostgres, database: str) -> str:
    """The administrator's address, who takes on the schema's owner, as the hook has it."""
    administrator = f"{quote(ADMINISTRATOR)}:{quote(PASSWORDS[ADMINISTRATOR])}"
    return f"postgresql://{administrator}@127.0.0.1:{server.port}/{database}?sslmode=disable&role=mail_owner"


def _run_roles(
    server: RunningPostgres, *, database: str = "mail", app_object_id: str = APP
) -> subprocess.CompletedProcess[str]:
    options = ["--no-psqlrc", "--echo-queries", "--quiet", f"--set=database={database}"]
    options += [f"--set=app_object_id={app_object_id}", f"--file={ROLES}"]
    return _run_program(server, "psql", *options, _address(server, "postgres"), check=False)


def _run_program(
    server: RunningPostgres, name: str, *words: str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run one of the server's programs as the administrator."""
    done = subprocess.run(  # noqa: S603 - the server's own program
        [find_programs().folder / name, *words],
        env={**os.environ, "PGPASSWORD": PASSWORDS[ADMINISTRATOR]},
        check=False,
        capture_output=True,
        text=True,
    )
    assert not (check and done.returncode), done.stderr
    return done


def _give_passwords(server: RunningPostgres, role: str) -> None:
    """Entra's tokens are passwords to PostgreSQL; here they are plain ones."""
    statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(PASSWORDS[role]))
    with psycopg.connect(server.url, autocommit=True) as conn:
        conn.execute(statement)


def _sign_in(server: RunningPostgres, role: str, database: str = "mail") -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host="127.0.0.1", port=server.port, dbname=database, user=role, password=PASSWORDS[role], autocommit=True
    )
