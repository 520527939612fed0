"""When notifications wait: for a token, for an endpoint that recovers, for a simulator that starts again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.graph_simulator.clock import Clock
from dev.graph_simulator.endpoints import Endpoints
from dev.graph_simulator.fixture import start_simulator
from dev.graph_simulator.sign_in import sign_in
from tests.simulator.people import Person, new_person
from tests.simulator.receiver import Receiver
from tests.simulator.test_subscriptions import in_minutes, subscribed

HOST = "mail.contoso.example"


@pytest.fixture
def aged(other_person: Person) -> Iterator[Person]:
    """Somebody whose simulator's clock and delivery are as they were, afterwards."""
    yield other_person
    other_person.admin.reset_delivery()


def renew_token(person: Person) -> None:
    token = sign_in(person.simulator, person.address).access_token
    person.http.headers["Authorization"] = f"Bearer {token}"


def test_what_waits_for_a_token_leaves_when_the_subscription_is_reauthorized(aged: Person, receiver: Receiver) -> None:
    aged.admin.delivery(is_reauthorization_asked=False)
    made = subscribed(aged, receiver, expirationDateTime=in_minutes(600))
    aged.admin.advance_clock(76 * 60)
    message = aged.deliver()
    renew_token(aged)
    other = subscribed(aged, receiver, expirationDateTime=in_minutes(600), changeType="created")
    aged.deliver(subject="heard by the other")
    assert {item["subscriptionId"] for item in receiver.wait(1)} == {other["id"]}
    assert aged.admin.stats()["notifications"]["held_items"] == 2
    assert aged.http.post(f"/subscriptions/{made['id']}/reauthorize").status_code == 204
    late = [item for item in receiver.wait(3) if item["subscriptionId"] == made["id"]]
    assert late[0]["resourceData"]["id"] == message["immutableId"]
    aged.admin.advance_clock(-76 * 60)


def test_what_waited_four_hours_for_a_token_is_lost(aged: Person, receiver: Receiver) -> None:
    aged.admin.delivery(is_reauthorization_asked=False)
    made = subscribed(aged, receiver, expirationDateTime=in_minutes(600))
    aged.admin.advance_clock(76 * 60)
    renew_token(aged)
    subscribed(aged, receiver, expirationDateTime=in_minutes(600), changeType="created")
    aged.deliver(subject="lost to the first, told to the second")
    receiver.wait(1)
    aged.admin.advance_clock(4 * 3600 + 1)
    assert aged.admin.stats()["notifications"]["held_items"] == 0
    renew_token(aged)
    assert aged.http.post(f"/subscriptions/{made['id']}/reauthorize").status_code == 204
    message = aged.deliver(subject="told to the first")
    last = receiver.wait(2)[-1]
    assert (last["subscriptionId"], last["resourceData"]["id"]) == (made["id"], message["immutableId"])
    aged.admin.advance_clock(-76 * 60 - 4 * 3600 - 1)


def test_a_subscription_is_asked_to_be_reauthorized_every_quarter_of_its_last_hour(
    aged: Person, receiver: Receiver
) -> None:
    subscribed(aged, receiver, expirationDateTime=in_minutes(600))
    aged.admin.advance_clock(14 * 60)
    assert aged.admin.stats()["notifications"]["lifecycle"] == 0
    aged.admin.advance_clock(2 * 60)
    assert receiver.wait(1)[0]["lifecycleEvent"] == "reauthorizationRequired"
    aged.admin.advance_clock(15 * 60)
    assert [item["lifecycleEvent"] for item in receiver.wait(2)] == ["reauthorizationRequired"] * 2
    aged.admin.advance_clock(-31 * 60)


def test_revoking_removes_subscriptions_with_a_word_on_demand(aged: Person, receiver: Receiver) -> None:
    made = subscribed(aged, receiver)
    aged.admin.delivery(is_removed_on_revoke=True)
    aged.admin.revoke(aged.address)
    item = receiver.wait(1)[0]
    assert (item["subscriptionId"], item["lifecycleEvent"]) == (made["id"], "subscriptionRemoved")
    assert made["id"] not in [one["id"] for one in aged.admin.subscriptions()]


def test_a_notification_that_nobody_accepted_is_sent_after_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    with start_simulator(state=tmp_path) as running:
        person = new_person(running)
        subscribed(person, receiver)
        running.admin.delivery(is_paused=True)
        message = person.deliver()
        person.http.close()
        running.kill()
    assert receiver.items() == []
    with start_simulator(state=tmp_path):
        assert receiver.wait(1)[0]["resourceData"]["id"] == message["immutableId"]


@pytest.mark.parametrize(("took", "state"), [(0.1, "good"), (3.0, "slow"), (10.0, "drop")])
def test_an_endpoint_is_judged_by_its_answers_and_forgiven_after_ten_minutes(took: float, state: str) -> None:
    clock = Clock()
    endpoints = Endpoints(clock)
    for seconds in [0.1] * 8 + [took] * 2:
        endpoints.record(HOST, seconds)
    assert endpoints.state(HOST) == state
    clock.advance(601)
    assert endpoints.state(HOST) == "good"


def test_answers_of_more_than_ten_minutes_ago_do_not_count() -> None:
    clock = Clock()
    endpoints = Endpoints(clock)
    for _ in range(9):
        endpoints.record(HOST, 10.0)
    clock.advance(601)
    endpoints.record(HOST, 10.0)
    assert endpoints.state(HOST) == "good"
