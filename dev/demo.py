"""
The demo, on a stack that runs: connect the demo mailbox, watch it arrive, prove the mirror, then play with it.

`python -m dev.demo` ends with status 0 when the proof held. `make demo` runs it.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg

from dev.graph_simulator.client import SimulatorAdmin
from dev.person import ConnectingFailed, Person
from dev.proof import Proof, prove
from dev.stack.files import read_json
from dev.stack.keys import stack_keys
from dev.stack.places import LOCAL, Places
from dev.stack.port_choice import StackPorts
from dev.stack.settings import database_urls

ADDRESS: Final = "demo@contoso.example"  # of the mailbox, and of the person who owns it
_SHOW_SECONDS: Final = 2.0
_ASK_SECONDS: Final = 0.25
_SETTLE_SECONDS: Final = 60.0  # what a killed stack left undone, its sweep does within a minute
_LIVE_SECONDS: Final = 90.0
_LOOK_SECONDS: Final = 0.005


class DemoFailed(Exception):
    """The demo cannot go on; the message says what to look at."""


@dataclass(frozen=True)
class Stage:
    """What the demo plays on."""

    admin: SimulatorAdmin
    person: Person
    database_url: str = field(repr=False)
    web_base_url: str
    password: str = field(repr=False)


def run_demo(stage: Stage, *, ends_with_proof: bool) -> bool:
    """Play it all; return whether the proof held."""
    stage.person.sign_up()
    account_id = _connected(stage)
    progress = _watch_sync(stage.person, account_id)
    proof = _proved(stage)
    print(f"\n{proof}{_pace(progress)}\n", flush=True)
    if not proof.holds:
        _explain(proof)
        return False
    if not ends_with_proof:
        _play(stage)
        print(f"\nLook at it: {stage.web_base_url}\n  e-mail    {ADDRESS}\n  password  {stage.password}\n", flush=True)
    return True


def _connected(stage: Stage) -> str:
    if account := stage.person.account_of(ADDRESS):
        print(f"{ADDRESS} is connected already", flush=True)
        return str(account["id"])
    stage.admin.entra(is_auto_consent=True)
    try:
        account_id = stage.person.connect(ADDRESS)
    finally:
        stage.admin.entra(is_auto_consent=False)
    print(f"{ADDRESS} is connected; its first sync begins", flush=True)
    return account_id


def _watch_sync(person: Person, account_id: str) -> dict[str, Any]:
    """Show how far the sync is until it ends; return its last state. A part that is starting again is waited for."""
    shown_at = 0.0
    while True:
        try:
            progress = person.progress(account_id)
        except httpx.HTTPError:
            time.sleep(_ASK_SECONDS)
            continue
        if progress["finished_at"]:
            return progress
        if time.monotonic() - shown_at > _SHOW_SECONDS:
            shown_at = time.monotonic()
            print(f"  {_progress_line(progress)}", flush=True)
        time.sleep(_ASK_SECONDS)


def _progress_line(progress: dict[str, Any]) -> str:
    total = f"{progress['messages_total']:,}{'' if progress['total_is_exact'] else ' or more'}"
    line = f"{progress['messages_done']:,} of {total} messages"
    if progress["messages_per_second"]:
        line += f" · {progress['messages_per_second']:.0f}/s"
    if progress["seconds_left"] is not None:
        line += f" · {progress['seconds_left']:.0f} s left"
    return line


def _proved(stage: Stage) -> Proof:
    """Compare until mailbox and database are equal, or what was going on has had time to end."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while True:
        try:
            proof = prove(stage.admin, stage.database_url, ADDRESS)
        except (httpx.HTTPError, psycopg.OperationalError):  # a part is starting again
            if time.monotonic() > deadline:
                raise
        else:
            if proof.holds or time.monotonic() > deadline:
                return proof
        time.sleep(1)


def _pace(progress: dict[str, Any]) -> str:
    began, ended = (datetime.fromisoformat(progress[name]) for name in ("requested_at", "finished_at"))
    seconds = (ended - began).total_seconds()
    return f" · {seconds:.1f} s · {progress['messages_done'] / max(seconds, 0.001):.0f}/s"


def _explain(proof: Proof) -> None:
    for name, ids in (("missing", proof.missing), ("extra", proof.extra)):
        for provider_id in ids[:5]:
            print(f"  {name}: {provider_id}")
    for provider_id, names in list(proof.different.items())[:5]:
        print(f"  different: {provider_id}: {', '.join(names)}", flush=True)


# The live part: what happens in the mailbox is in the database a moment later.


def _play(stage: Stage) -> None:
    _await_subscription(stage.admin)
    with psycopg.connect(stage.database_url, autocommit=True) as conn:
        tell = _Teller(conn)
        lunch, report, coupon = (_delivered(stage.admin, tell, subject) for subject in _SUBJECTS)
        stage.admin.move(ADDRESS, report, "archive")
        tell.arrival("moved to the archive", _IN_FOLDER, report, "archive")
        stage.admin.update(ADDRESS, lunch, isRead=True)
        tell.arrival("marked as read", _IS_READ, lunch)
        stage.admin.delete(ADDRESS, coupon, permanent=True)
        tell.arrival("deleted for good", _IS_GONE, coupon)


_SUBJECTS: Final = ("Lunch on Thursday?", "Quarterly report", "Your coupon expires today")
_IS_STORED: Final = "SELECT EXISTS (SELECT FROM message WHERE provider_message_id = %s)"
_IS_READ: Final = "SELECT EXISTS (SELECT FROM message WHERE provider_message_id = %s AND is_read)"
_IS_GONE: Final = "SELECT NOT EXISTS (SELECT FROM message WHERE provider_message_id = %s AND deleted_at IS NULL)"
_IN_FOLDER: Final = """
    SELECT EXISTS (SELECT FROM message JOIN folder ON folder.id = message.folder_id
                    WHERE provider_message_id = %s AND folder.well_known_name = %s)
"""


class _Teller:
    """Waits until the database says so, and prints how long it took."""

    def __init__(self, conn: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._conn = conn

    def arrival(self, what: str, question: str, *values: str) -> None:
        began = time.monotonic()
        _until(what, lambda: (self._conn.execute(question.encode(), values).fetchone() or (False,))[0])
        print(f"  {what:<38} in PostgreSQL after {1000 * (time.monotonic() - began):.0f} ms", flush=True)


def _delivered(admin: SimulatorAdmin, tell: _Teller, subject: str) -> str:
    sender = {"emailAddress": {"name": "Ada Byron", "address": "ada@fabrikam.example"}}
    body = {"contentType": "html", "content": f"<p>Hello,</p><p>{subject}</p><p>Ada</p>"}
    delivered = admin.deliver(ADDRESS, {"subject": subject, "from": sender, "sender": sender, "body": body})
    message_id = str(delivered["immutableId"])
    tell.arrival(f"delivered: {subject}", _IS_STORED, message_id)
    return message_id


def _await_subscription(admin: SimulatorAdmin) -> None:
    _until("a subscription of the mailbox", lambda: bool(admin.subscriptions()))


def _until(what: str, happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _LIVE_SECONDS
    while not happened():
        if time.monotonic() > deadline:
            raise DemoFailed(f"not within {_LIVE_SECONDS:.0f} s: {what}; `make logs` shows why")
        time.sleep(_LOOK_SECONDS)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.demo", description=__doc__)
    parser.add_argument("--state", type=Path, default=LOCAL, help="folder of the stack; .local by default")
    parser.add_argument("--once", action="store_true", help="end after the proof")
    options = parser.parse_args()
    places = Places(options.state)
    record, keys = read_json(places.record), stack_keys(places.secrets)
    urls = record.get("urls") or {}
    if not urls.keys() >= {"simulator", "postgres", "host"}:
        print("demo: it needs the stack's own PostgreSQL, simulator and host", file=sys.stderr)
        return 1
    ports = StackPorts(**record["ports"])
    with (
        SimulatorAdmin(urls["simulator"], str(places.authority / "ca.pem")) as admin,
        Person(urls["host"], ADDRESS, keys.demo_password, admin.tls) as person,
    ):
        web_base_url = urls.get("page") or f"http://127.0.0.1:{ports.page}"
        stage = Stage(admin, person, database_urls(ports, keys).owner_url, web_base_url, keys.demo_password)
        try:
            return 0 if run_demo(stage, ends_with_proof=options.once) else 1
        except (DemoFailed, ConnectingFailed, httpx.HTTPError, psycopg.Error) as exc:
            print(f"demo: {exc}", file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main())
