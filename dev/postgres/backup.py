"""Backups as a managed server keeps them: a copy of the cluster, all that was written since, and any moment between."""

import shutil
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import psycopg

from dev.postgres.binaries import PostgresUnavailable, find_programs, run_program
from dev.postgres.cluster import DURABLE, RunningPostgres, start_postgres, superuser_url

RECOVERY_SECONDS: Final = 60
ARCHIVE_SECONDS: Final = 30


class Backups:
    """
    The backups of one server, in a folder of its own.

    The server must have been started with `settings`, which hand every written segment to the archive.
    """

    def __init__(self, folder: Path) -> None:
        self._copy, self._archive = folder / "copy", folder / "archive"
        self._archive.mkdir(parents=True, mode=0o700)
        find_programs().identity.adopt(folder)

    @property
    def settings(self) -> Mapping[str, str]:
        return {**DURABLE, "archive_mode": "on", "archive_command": f"cp %p {self._archive}/%f"}

    def copy(self, server: RunningPostgres) -> None:
        """Copy the whole cluster while it works; any later moment can be restored from now on."""
        options = ("--checkpoint=fast", "--wal-method=none", "--no-sync", "--no-manifest", "--no-password")
        run_program(find_programs(), "pg_basebackup", f"--pgdata={self._copy}", f"--dbname={server.url}", *options)

    def restore(self, server: RunningPostgres, moment: datetime, folder: Path) -> RunningPostgres:
        """
        Start another server in a folder, with all that was committed up to a moment; the old one goes on.

        Raises PostgresUnavailable when nothing was committed after the moment, so that its end cannot be told.
        """
        self._complete(server)
        shutil.copytree(self._copy, folder)
        (folder / "recovery.signal").touch(0o600)
        find_programs().identity.adopt(folder)
        recovery = {
            "restore_command": f"cp {self._archive}/%f %p",
            "recovery_target_time": moment.isoformat(),
            "recovery_target_action": "promote",
        }
        restored = start_postgres(folder, password=server.password, settings={**DURABLE, **recovery})
        _wait_for_promotion(restored)
        return restored

    def _complete(self, server: RunningPostgres) -> None:
        """Have the segment that is being written archived too."""
        with psycopg.connect(server.url, autocommit=True) as conn:
            row = conn.execute("SELECT pg_walfile_name(pg_switch_wal() - 1)").fetchone()
        segment, gives_up = self._archive / str(row and row[0]), time.monotonic() + ARCHIVE_SECONDS
        while not segment.exists():
            if time.monotonic() > gives_up:
                raise PostgresUnavailable(f"{segment.name} was not archived")
            time.sleep(0.05)


def _wait_for_promotion(server: RunningPostgres) -> None:
    """Wait until it takes writes; it answers questions long before all is restored."""
    gives_up = time.monotonic() + RECOVERY_SECONDS
    while time.monotonic() < gives_up and server.child.status is None:
        with psycopg.connect(superuser_url(server.port, server.password), autocommit=True) as conn:
            if (row := conn.execute("SELECT pg_is_in_recovery()").fetchone()) and not row[0]:
                return
        time.sleep(0.05)
    raise PostgresUnavailable(f"the restored server in {server.data_dir} did not come out of recovery")
