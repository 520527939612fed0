"""The roles and the migrations, from here or, where the database lets nobody in, from a container beside it."""

import json
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote

from infra.hooks.commands import ROOT, required, run, value_of
from infra.hooks.container import run_in_container

MIGRATIONS: Final = ROOT / "shared" / "storage" / "migrations"
ROLES: Final = ROOT / "infra" / "roles.sql"
_SCOPE: Final = "https://ossrdbms-aad.database.windows.net/.default"
PSQL: Final = ("psql", "--no-psqlrc", "--quiet")
DBMATE: Final = ("--no-dump-schema", "--env", "MIGRATION_URL", "--migrations-dir")


@dataclass(frozen=True)
class Administrator:
    """Whoever signs in to the database as its Entra administrator, for as long as the token lives."""

    host: str
    database: str
    name: str
    app_object_id: str
    token: str

    @classmethod
    def signed_in(cls) -> Self:
        # azd and not az: in a pipeline az cannot ask for another kind of token once its sign-in is minutes old.
        answer = json.loads(run("azd", "auth", "token", "--scope", _SCOPE, "--output", "json"))
        return cls(
            host=required("DATABASE_HOST"),
            database=required("DATABASE_NAME"),
            name=required("MAIL_DATABASE_ADMINISTRATOR"),
            app_object_id=required("APP_PRINCIPAL_ID"),
            token=answer["token"],
        )

    @property
    def psql_words(self) -> list[str]:
        """All words of psql but the file; the password is in the environment."""
        tls = "sslmode=verify-full sslrootcert=system"
        variables = [f"--set=database={self.database}", f"--set=app_object_id={self.app_object_id}"]
        return [*PSQL, *variables, f"host={self.host} user={self.name} dbname=postgres {tls}"]

    @property
    def environment(self) -> dict[str, str]:
        """The secrets of psql and dbmate. dbmate takes on the schema's owner before it does anything."""
        who = f"{quote(self.name, safe='')}:{quote(self.token, safe='')}"
        url = f"postgres://{who}@{self.host}:5432/{self.database}?sslmode=verify-full&role=mail_owner"
        return {"PGPASSWORD": self.token, "MIGRATION_URL": url}


def bring_up_to_date() -> str:
    """Run roles.sql and the migrations that are missing; return what the two programs printed."""
    administrator = Administrator.signed_in()
    if not value_of("MIGRATION_SUBNET_ID") and value_of("MAIL_ADMINISTRATOR_IP"):
        return _run_here(administrator)
    return run_in_container(
        [[*administrator.psql_words, "--file=roles.sql"], ["dbmate", *DBMATE, "migrations", "migrate"]],
        {"roles.sql": ROLES, **{f"migrations/{file.name}": file for file in sorted(MIGRATIONS.glob("*.sql"))}},
        administrator.environment,
    )


def _run_here(administrator: Administrator) -> str:
    dbmate = str(ROOT / "node_modules" / ".bin" / "dbmate")
    words = [[*administrator.psql_words, f"--file={ROLES}"], [dbmate, *DBMATE, str(MIGRATIONS), "migrate"]]
    return "".join(run(*command, environment=administrator.environment) for command in words)
