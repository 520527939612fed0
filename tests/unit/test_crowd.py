"""Who has room in a process that works for several mailboxes."""

from contextlib import ExitStack
from uuid import uuid4

import pytest

from shared.sync.crowd import LINGER_SECONDS, MOST_BESIDE_OTHERS, Crowd

LARGE, SMALL = uuid4(), uuid4()


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def test_a_mailbox_alone_may_fill_the_process() -> None:
    crowd = Crowd()
    with crowd.joined(LARGE), crowd.joined(LARGE), crowd.joined(LARGE) as third:
        assert not third.is_spare()
        assert crowd.room_for(LARGE) is None


def test_beside_others_the_first_jobs_of_a_mailbox_stay() -> None:
    crowd = Crowd()
    with ExitStack() as at_work:
        places = [at_work.enter_context(crowd.joined(account_id)) for account_id in (LARGE, LARGE, LARGE, SMALL)]
        assert [place.is_spare() for place in places] == [False, False, True, False]
        assert crowd.room_for(LARGE) == 0
        assert crowd.room_for(SMALL) == MOST_BESIDE_OTHERS - 1


def test_when_one_leaves_the_next_is_not_spare_any_more() -> None:
    crowd = Crowd()
    with crowd.joined(SMALL), crowd.joined(LARGE), ExitStack() as first:
        first.enter_context(crowd.joined(LARGE))
        with crowd.joined(LARGE) as place:
            assert place.is_spare()
            first.close()
            assert not place.is_spare()


def test_who_left_may_be_between_two_jobs() -> None:
    clock = Clock()
    crowd = Crowd(clock)
    with crowd.joined(LARGE) as place:
        with crowd.joined(SMALL):
            assert not place.is_alone_again()
        clock.seconds += LINGER_SECONDS / 2
        assert crowd.has_others(LARGE)
        assert not place.is_alone_again()
        clock.seconds += LINGER_SECONDS
        assert not crowd.has_others(LARGE)
        assert place.is_alone_again()
        assert not place.is_alone_again()


def test_ones_own_last_job_is_no_other() -> None:
    crowd = Crowd()
    with crowd.joined(LARGE):
        pass
    assert not crowd.has_others(LARGE)


def test_a_job_that_fails_leaves_too() -> None:
    clock = Clock()
    crowd = Crowd(clock)
    with pytest.raises(ZeroDivisionError), crowd.joined(SMALL):
        _ = 1 / 0
    clock.seconds += 2 * LINGER_SECONDS
    assert not crowd.has_others(LARGE)
    assert crowd.places_of(SMALL) == []
