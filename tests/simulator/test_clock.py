"""The simulator's clock, set off from the machine's."""

from datetime import UTC, datetime, timedelta

from tests.simulator.people import Person


def test_an_offset_replaces_the_one_before_it(other_person: Person) -> None:
    other_person.admin.set_clock(3600)
    other_person.admin.set_clock(-600)
    ahead = datetime.fromisoformat(other_person.admin.health()["time"]) - datetime.now(UTC)
    assert abs(ahead + timedelta(seconds=600)) < timedelta(seconds=30)
    other_person.admin.set_clock(0)
