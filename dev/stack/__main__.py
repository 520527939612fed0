"""`python -m dev.stack up`: run the local stack; also `down`, `logs`, `psql` and `migrate` for the one that runs."""

import argparse
import os
import shutil
import sys
from pathlib import Path

from dev.postgres.binaries import PostgresUnavailable, find_programs
from dev.postgres.migrations import MigrationFailed, migrate
from dev.stack.files import read_json
from dev.stack.keys import stack_keys
from dev.stack.part import StackFailed
from dev.stack.places import DEFAULT_MAIL, LOCAL, ROOT, Places, shown
from dev.stack.port_choice import StackPorts
from dev.stack.run import Wish, run_stack
from dev.stack.settings import MIGRATION_URL, database_urls
from dev.stack.single import running_stacks, stop_stack


def main() -> int:
    options = _options()
    try:
        return int(options.run(options))
    except (StackFailed, PostgresUnavailable, MigrationFailed) as exc:
        print(f"\nstack: {exc}", file=sys.stderr)
        return 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dev.stack", description=__doc__)
    parser.add_argument("--state", type=Path, help="folder of the stack; .local by default")
    commands = parser.add_subparsers(required=True)
    up = commands.add_parser("up", help="start every part and look after it until Ctrl-C")
    up.add_argument("--demo", action="store_true", help="then connect the demo mailbox and prove the mirror")
    up.add_argument("--once", action="store_true", help="with --demo: end after the proof, 0 only if it held")
    up.add_argument("--mail", default=DEFAULT_MAIL, help="the simulator's mail: an mbox, a Maildir or a folder of .eml")
    up.add_argument("--host", choices=["local", "func"], default="local", help="func: Azure Functions Core Tools")
    up.add_argument("--settings-file", type=Path, default=ROOT / "local.settings.json")
    up.set_defaults(run=_up)
    for name, run, text in (
        ("down", _down, "stop the stack that runs"),
        ("logs", _logs, "follow the logs"),
        ("psql", _psql, "open psql as the owner of the schema"),
        ("migrate", _migrate, f"bring the database, or that of {MIGRATION_URL}, to the newest schema"),
    ):
        commands.add_parser(name, help=text).set_defaults(run=run)
    return parser.parse_args()


def _up(options: argparse.Namespace) -> int:
    places = Places(options.state.resolve()) if options.state else Places.of_mail(options.mail)
    demo = [sys.executable, "-m", "dev.demo", "--state", str(places.state)] if options.demo else None
    if demo and options.once:
        demo.append("--once")
    wish = Wish(places, options.settings_file, options.mail, options.host, demo, ends_with_demo=options.once)
    return run_stack(wish)


def _down(options: argparse.Namespace) -> int:
    stacks = [Places(options.state.resolve())] if options.state else running_stacks()
    stopped = [places for places in stacks if stop_stack(places)]
    print("\n".join(f"stopped the stack in {shown(places.state)}" for places in stopped) or "no stack runs")
    return 0


def _logs(options: argparse.Namespace) -> int:
    logs = sorted(_chosen(options).log("any").parent.glob("*.log"))
    if not logs:
        raise StackFailed("there are no logs yet: `make up` starts the stack")
    os.execvp("tail", ["tail", "-n", "20", "-F", *map(str, logs)])  # noqa: S606, S607 - the terminal becomes tail's


def _psql(options: argparse.Namespace) -> int:
    places = _chosen(options)
    programs = find_programs()
    packaged = programs.folder / "psql"
    psql = str(packaged) if packaged.exists() else shutil.which("psql")
    if psql is None:
        raise StackFailed(f"there is no psql in {programs.folder} nor on the PATH")
    ports, keys = _ports(places), stack_keys(places.secrets)
    connection = {"PGHOST": "127.0.0.1", "PGPORT": str(ports.postgres), "PGDATABASE": "mail", "PGUSER": "mail_owner"}
    os.execve(psql, [psql], {**os.environ, **connection, "PGPASSWORD": keys.database_owner})  # noqa: S606 - as above


def _migrate(options: argparse.Namespace) -> int:
    places = _chosen(options)
    url = os.environ.get(MIGRATION_URL) or database_urls(_ports(places), stack_keys(places.secrets)).owner_url
    print("\n".join(migrate(url)) or "the schema is the newest")
    return 0


def _chosen(options: argparse.Namespace) -> Places:
    """Return the stack that was named, else the first that runs, else the default one."""
    if options.state:
        return Places(options.state.resolve())
    return next(iter(running_stacks()), Places(LOCAL))


def _ports(places: Places) -> StackPorts:
    ports = read_json(places.record).get("ports")
    if not ports:
        raise StackFailed("the stack was never started: `make up` starts it")
    return StackPorts(**ports)


if __name__ == "__main__":
    sys.exit(main())
