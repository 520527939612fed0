"""From a start to a Ctrl-C: choose ports, keys and settings, start the parts, look after them, stop them."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from dev.azurite import AzuriteUnavailable
from dev.children import Child, start_child
from dev.postgres.binaries import PostgresUnavailable
from dev.postgres.migrations import MigrationFailed, migrate
from dev.stack.files import read_json
from dev.stack.keys import stack_keys
from dev.stack.part import StackFailed
from dev.stack.parts import PAGE_FILES, Recipe, stages
from dev.stack.places import DEFAULT_MAIL, ROOT, Places, shown
from dev.stack.port_choice import choose_ports
from dev.stack.screen import say, table
from dev.stack.settings import MIGRATION_URL, Decisions, generated_settings
from dev.stack.settings_file import schedules, write_settings
from dev.stack.single import end_leftovers, hold, write_record
from dev.stack.supervisor import Supervisor

_WATCH_SECONDS = 0.2
_GRAPH = "https://graph.microsoft.com/v1.0"
_SAMPLE = ROOT / "local.settings.sample.json"


@dataclass(frozen=True)
class Wish:
    """What was asked for on the command line."""

    places: Places
    settings_file: Path = ROOT / "local.settings.json"
    mail: str = DEFAULT_MAIL
    host: str = "local"
    demo: Sequence[str] | None = None  # words of the program to run on the stack; the stack ends when it fails
    ends_with_demo: bool = False


def run_stack(wish: Wish) -> int:
    """Run until asked to stop and return the exit status. Raises StackFailed."""
    try:
        wish.places.make()
        with hold(wish.places):
            return _run(wish)
    except (PostgresUnavailable, AzuriteUnavailable, MigrationFailed, psycopg.Error, OSError) as exc:
        raise StackFailed(str(exc)) from exc


def _run(wish: Wish) -> int:
    recipe = _recipe(wish)
    plan = stages(recipe)
    parts = [part for stage in plan for part in stage]
    began = time.monotonic()

    def keep_record() -> None:
        write_record(wish.places, asdict(recipe.ports), supervisor.pids(), {part.name: part.address for part in parts})

    supervisor = Supervisor(say, keep_record)
    supervisor.listen_to_signals()
    say(f"starting {', '.join(part.name for part in parts)} …")
    try:
        _migrate_elsewhere(recipe)
        supervisor.start(plan)
        if supervisor.is_stopping:
            return 1
        say(f"\nEmail Core System is up after {time.monotonic() - began:.1f} s. Ctrl-C stops it.\n")
        say(table(parts, supervisor.pids(), _elsewhere(recipe)) + "\n")
        _say_what_is_missing()
        return _look_after(supervisor, wish)
    finally:
        say("stopping …")
        supervisor.stop()
        keep_record()


def _recipe(wish: Wish) -> Recipe:
    places = wish.places
    for name in end_leftovers(places):
        say(f"ended {name}, which an earlier stack had left running")
    places.begin_logs()
    choice = choose_ports(read_json(places.record).get("ports") or {})
    for sentence in choice.moved:
        say(sentence)
    keys = stack_keys(places.secrets)
    generated = generated_settings(places, choice.ports, keys)
    decisions = Decisions.read(wish.settings_file, _SAMPLE, generated)
    settings = schedules(_SAMPLE) | decisions.effective(generated)
    origin = settings["WEB_BASE_URL"]
    host = {"LocalHttpPort": choice.ports.host, "CORS": origin, "CORSCredentials": True}
    write_settings(wish.settings_file, _SAMPLE, decisions.applicable(generated), host)
    return Recipe(places, choice.ports, keys, decisions, settings, wish.mail, wish.host)


def _migrate_elsewhere(recipe: Recipe) -> None:
    if not recipe.decisions.has_database:
        return
    if url := recipe.decisions.values.get(MIGRATION_URL):
        applied = migrate(url)
        say(f"migrations applied: {', '.join(applied) or 'none were missing'}")
    else:
        say(f"DATABASE_URL is yours: its schema is left as it is ({MIGRATION_URL}, the owner's, would migrate it)")


def _elsewhere(recipe: Recipe) -> dict[str, str]:
    decisions = recipe.decisions
    theirs = {
        "postgres": "DATABASE_URL" if decisions.has_database else "",
        "azurite": "AzureWebJobsStorage" if decisions.has_storage else "",
        "simulator": recipe.settings.get("GRAPH_BASE_URL", _GRAPH) if decisions.has_provider else "",
        "pubsub": "WEB_PUBSUB_CONNECTION_STRING" if decisions.has_push else "",
    }
    return {name: address for name, address in theirs.items() if address}


def _say_what_is_missing() -> None:
    if not (PAGE_FILES / "index.html").exists():
        say(f"The page is not built ({shown(PAGE_FILES)} is missing): `make page` builds it.\n")


def _look_after(supervisor: Supervisor, wish: Wish) -> int:
    demo: Child | None = start_child(wish.demo, folder=ROOT) if wish.demo else None
    try:
        while not supervisor.is_stopping:
            supervisor.watch()
            if demo and (status := demo.status) is not None:
                if status or wish.ends_with_demo:
                    return abs(status)
                demo = None
            time.sleep(_WATCH_SECONDS)
    finally:
        if demo:
            demo.stop()
    return 0
