"""Bring a database to the newest schema: `python -m dev.postgres.migrations` with the owner's URL in DATABASE_URL."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_DBMATE = ROOT / "node_modules" / ".bin" / "dbmate"
MIGRATIONS = ROOT / "shared" / "storage" / "migrations"


class MigrationFailed(Exception):
    """A migration did not apply; the message is dbmate's."""


def migrate(owner_url: str) -> list[str]:
    """Apply what is missing and return the names of the migrations that were applied."""
    if not _DBMATE.exists():
        raise MigrationFailed("dbmate is not installed: run `make install`")
    done = subprocess.run(  # noqa: S603 - a pinned program of this repository
        [_DBMATE, "--migrations-dir", MIGRATIONS, "--no-dump-schema", "--env", "MIGRATION_URL", "migrate"],
        env={**os.environ, "MIGRATION_URL": owner_url},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise MigrationFailed((done.stderr or done.stdout).strip())
    return [line.split()[-1] for line in done.stdout.splitlines() if line.startswith("Applying:")]


if __name__ == "__main__":
    try:
        applied = migrate(os.environ["DATABASE_URL"])
    except (KeyError, MigrationFailed) as exc:
        sys.exit(f"migrations: {exc}")
    print("\n".join(applied) or "nothing to apply")
