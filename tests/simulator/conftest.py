"""One simulator for all tests here; every test brings a user, and so a mailbox, of its own."""

from collections.abc import Iterator

import pytest

from dev.graph_simulator.fixture import RunningSimulator, start_simulator
from tests.simulator.people import Person, new_person
from tests.simulator.receiver import Receiver, running_receiver


@pytest.fixture(scope="session")
def simulator() -> Iterator[RunningSimulator]:
    with start_simulator() as running:
        yield running
        assert not [line for line in running.output if "Traceback" in line], "".join(running.output)


@pytest.fixture(scope="module")
def own_simulator() -> Iterator[RunningSimulator]:
    """Start a simulator for tests that change what all users share: the clock, the limits, the keys."""
    with start_simulator() as running:
        yield running


@pytest.fixture
def person(simulator: RunningSimulator) -> Iterator[Person]:
    somebody = new_person(simulator)
    yield somebody
    somebody.http.close()


@pytest.fixture
def other_person(own_simulator: RunningSimulator) -> Iterator[Person]:
    """Make a user of the simulator that the module has for itself."""
    somebody = new_person(own_simulator)
    yield somebody
    somebody.http.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running
