"""The product's two roles and its database: one owns the schema, the other one runs the product."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

OWNER = "mail_owner"
APPLICATION = "mail_app"


@dataclass(frozen=True)
class DatabaseUrls:
    """How to reach one database: as the owner of the schema, and as the product does."""

    owner_url: str = field(repr=False)
    app_url: str = field(repr=False)


def create_roles(superuser_url: str, *, owner_password: str, app_password: str) -> None:
    """
    Create the roles, or give them these passwords when they exist. Safe to repeat.

    The application's role owns nothing and cannot bypass row-level security.
    """
    with psycopg.connect(superuser_url, autocommit=True) as conn:
        for role, password in ((OWNER, owner_password), (APPLICATION, app_password)):
            verb = "ALTER" if _exists(conn, "SELECT 1 FROM pg_roles WHERE rolname = %s", role) else "CREATE"
            conn.execute(
                sql.SQL("{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD {}").format(
                    sql.SQL(verb), sql.Identifier(role), sql.Literal(password)
                )
            )


def create_database(
    superuser_url: str, name: str, *, owner_password: str, app_password: str, template: str | None = None
) -> DatabaseUrls:
    """Create a database that only the two roles may enter, unless it exists; as a copy of `template` when given."""
    with psycopg.connect(superuser_url, autocommit=True) as conn:
        if not _exists(conn, "SELECT 1 FROM pg_database WHERE datname = %s", name):
            conn.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY {}").format(
                    sql.Identifier(name),
                    sql.Identifier(OWNER),
                    sql.Identifier(template or "template0"),
                    sql.Literal("file_copy" if template else "wal_log"),
                )
            )
        for statement in (
            "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
            "GRANT CONNECT ON DATABASE {database} TO {role}",
        ):
            conn.execute(sql.SQL(statement).format(database=sql.Identifier(name), role=sql.Identifier(APPLICATION)))
    return DatabaseUrls(
        owner_url=_url_of(superuser_url, OWNER, owner_password, name),
        app_url=_url_of(superuser_url, APPLICATION, app_password, name),
    )


def drop_database(superuser_url: str, name: str) -> None:
    """Drop a database and end whatever uses it."""
    with psycopg.connect(superuser_url, autocommit=True) as conn:
        conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _exists(conn: psycopg.Connection[tuple[object, ...]], query: str, name: str) -> bool:
    return conn.execute(query.encode(), [name]).fetchone() is not None


def _url_of(superuser_url: str, role: str, password: str, database: str) -> str:
    parts = urlsplit(superuser_url)
    address = f"{parts.hostname}:{parts.port}"
    return urlunsplit(parts._replace(netloc=f"{role}:{password}@{address}", path=f"/{database}"))
