"""Outlook as the simulator plays it: one simulator for all tests here, a mailbox of its own for each test."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest

from dev.graph_simulator.client import SimulatorAdmin
from dev.graph_simulator.fixture import RunningSimulator, start_simulator
from dev.graph_simulator.sign_in import sign_in
from shared.providers.graph.mail import GraphMail

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def simulator() -> Iterator[RunningSimulator]:
    with start_simulator() as running:
        yield running


@pytest.fixture
async def http(simulator: RunningSimulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=simulator.admin.tls, trust_env=False) as client:
        yield client


@dataclass
class Door:
    """A gate that lets four in, and remembers."""

    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(4))
    passed: int = 0
    errors: list[Exception] = field(default_factory=list)

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[datetime]:
        async with self.places:
            self.passed += 1
            try:
                yield datetime.now(UTC)
            except Exception as exc:
                self.errors.append(exc)
                raise


@dataclass
class Outlook:
    """A mailbox at the simulator, and our view of it."""

    address: str
    admin: SimulatorAdmin
    mail: GraphMail
    door: Door
    rejected: list[str]

    def deliver(self, folder: str = "inbox", **properties: object) -> str:
        """Put a message into a folder; return its immutable id."""
        delivered = self.admin.deliver(self.address, {"subject": "A message", **properties}, folder=folder)
        return str(delivered["immutableId"])

    def folder_id(self, path: str) -> str:
        folders = self.admin.folders(self.address)
        return str(next(one["id"] for one in folders if path in (one["wellKnownName"], "/".join(one["path"]))))


@pytest.fixture
def outlook(simulator: RunningSimulator, http: httpx.AsyncClient) -> Outlook:
    address = f"reader{next(_numbers)}@contoso.example"
    simulator.admin.create_user(address)
    tokens = [sign_in(simulator, address).access_token]
    rejected: list[str] = []
    door = Door()

    async def access_token(refused: str | None) -> str:
        if refused is not None:
            rejected.append(refused)
            tokens[0] = await asyncio.to_thread(lambda: sign_in(simulator, address).access_token)
        return tokens[0]

    mail = GraphMail(http, simulator.graph_base_url, door, access_token, timeout_seconds=20)
    return Outlook(address, simulator.admin, mail, door, rejected)
