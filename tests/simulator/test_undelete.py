"""A deleted message comes back: told as new, by delta too, under the immutable id that it had."""

from pathlib import Path

import pytest

from dev.graph_simulator.fixture import start_simulator
from tests.simulator.delta_client import Mirror
from tests.simulator.people import Person, new_person
from tests.simulator.receiver import Receiver
from tests.simulator.test_subscriptions import subscribed


@pytest.mark.parametrize(("deletions", "is_purged"), [(1, False), (2, False), (0, True)])
def test_a_deleted_message_comes_back_with_its_immutable_id(
    person: Person, receiver: Receiver, *, deletions: int, is_purged: bool
) -> None:
    message_id = person.deliver()["immutableId"]
    mirror = Mirror(person)
    mirror.round()
    for _ in range(deletions):
        person.admin.delete(person.address, message_id)
    if is_purged:
        person.admin.delete(person.address, message_id, permanent=True)
    mirror.round()
    assert message_id not in mirror.messages
    subscribed(person, receiver, changeType="created")
    back = person.admin.undelete(person.address, message_id)
    assert back["immutableId"] == message_id
    heard = receiver.wait(1)[0]
    assert (heard["changeType"], heard["resourceData"]["id"]) == ("created", message_id)
    mirror.round()
    assert message_id in mirror.messages


def test_a_purged_message_comes_back_after_a_restart(tmp_path: Path) -> None:
    with start_simulator(state=tmp_path) as running:
        person = new_person(running)
        message_id = person.deliver(subject="kept")["immutableId"]
        running.admin.delete(person.address, message_id, permanent=True)
        person.http.close()
        running.kill()
    with start_simulator(state=tmp_path) as running:
        assert running.admin.undelete(person.address, message_id, "archive")["subject"] == "kept"
