"""The whole service out of reach: requests fail at once, notifications come afterwards."""

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.simulator.people import Person
from tests.simulator.receiver import Receiver
from tests.simulator.test_subscriptions import subscribed

LONG = 60


@pytest.fixture
def cut_off(other_person: Person) -> Iterator[Person]:
    yield other_person
    other_person.admin.outage(0)


async def is_reset(person: Person, url: str) -> bool:
    # Not with a synchronous client: Python's blocking TLS sockets take a reset for an end.
    async with httpx.AsyncClient(headers=person.http.headers, verify=person.admin.tls, trust_env=False) as http:
        try:
            await http.get(url)
        except httpx.ReadError:
            return True
    return False


@pytest.mark.parametrize("entra", [False, True])
async def test_an_outage_resets_graph_and_on_demand_sign_in(cut_off: Person, entra: bool) -> None:  # noqa: FBT001 - a parameter by name
    graph = f"{cut_off.simulator.graph_base_url}/me"
    sign_in = f"{cut_off.simulator.authority}/v2.0/.well-known/openid-configuration"
    cut_off.admin.outage(LONG, entra=entra)
    assert [await is_reset(cut_off, graph), await is_reset(cut_off, sign_in)] == [True, entra]
    cut_off.admin.outage(0)
    assert [await is_reset(cut_off, graph), await is_reset(cut_off, sign_in)] == [False, False]


def test_what_happens_in_an_outage_is_notified_after_it(cut_off: Person, receiver: Receiver) -> None:
    subscribed(cut_off, receiver)
    cut_off.admin.reset_stats()
    cut_off.admin.outage(LONG)
    message = cut_off.deliver()
    while cut_off.admin.stats()["notifications"]["waiting_items"]:
        time.sleep(0.01)
    assert cut_off.admin.stats()["notifications"]["posts"] == 0
    cut_off.admin.outage(0)
    assert receiver.wait(1)[0]["resourceData"]["id"] == message["immutableId"]
