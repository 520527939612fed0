"""Users of the simulator, each with a mailbox of their own."""

import itertools
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from dev.graph_simulator.client import SimulatorAdmin
from dev.graph_simulator.fixture import RunningSimulator
from dev.graph_simulator.sign_in import sign_in

_numbers = itertools.count(1)
IMMUTABLE = 'IdType="ImmutableId"'


@dataclass
class Person:
    """A user with a mailbox, and a client that asks Graph in their name."""

    simulator: RunningSimulator
    address: str
    user: dict[str, Any]
    http: httpx.Client

    @property
    def admin(self) -> SimulatorAdmin:
        return self.simulator.admin

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.http.get(path, headers=headers)

    def value(self, path: str, **headers: str) -> list[dict[str, Any]]:
        answer = self.http.get(path, headers=headers)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["value"]
        return found

    def deliver(self, folder: str = "inbox", **properties: object) -> dict[str, Any]:
        return self.admin.deliver(self.address, {"subject": "A message", **properties}, folder=folder)

    def folder_id(self, well_known_name: str) -> str:
        return str(self.get(f"/me/mailFolders/{well_known_name}").json()["id"])


def new_person(simulator: RunningSimulator, tenant: str = "contoso.example") -> Person:
    address = f"person{next(_numbers)}@{tenant}"
    user = simulator.admin.create_user(address, tenant=tenant)
    tokens = sign_in(simulator, address)
    http = httpx.Client(
        base_url=simulator.graph_base_url,
        verify=simulator.admin.tls,
        trust_env=False,
        timeout=30,
        headers={"Authorization": f"Bearer {tokens.access_token}"},
    )
    return Person(simulator, address, user, http)


def in_path(message_id: str) -> str:
    """Return an id as a client has to write it into a path."""
    return quote(message_id.replace("/", "-").replace("+", "_"), safe="")
