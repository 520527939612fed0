"""Whose sync runs a process works for at the moment, so that a large mailbox makes room for others."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

MOST_BESIDE_OTHERS: Final = 2
"""Jobs of one mailbox. With three or more a process has no time left over, and every step of the others waits."""
LINGER_SECONDS: Final = 1.0  # a mailbox that left may only be between one job and the next


class Crowd:
    """
    The jobs of sync runs that a process works on, by account, in the order in which they came.

    A mailbox alone may fill the whole process. Beside others, jobs of it beyond a few are spare: what they would gain
    for it is time that somebody else waits for the event loop and for the database.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._places: dict[UUID, list[Place]] = {}
        self._left_at: dict[UUID, float] = {}

    @contextmanager
    def joined(self, account_id: UUID) -> Iterator["Place"]:
        """Be one of those at work for as long as the block lasts."""
        place = Place(self, account_id)
        self._places.setdefault(account_id, []).append(place)
        try:
            yield place
        finally:
            self._leave(place)

    def places_of(self, account_id: UUID) -> list["Place"]:
        return self._places.get(account_id, [])

    def has_others(self, account_id: UUID) -> bool:
        """Tell whether somebody works for another account, or did a moment ago."""
        since = self._clock() - LINGER_SECONDS
        return any(other != account_id for other in self._places) or any(
            other != account_id and left_at > since for other, left_at in self._left_at.items()
        )

    def room_for(self, account_id: UUID) -> int | None:
        """Tell how many more jobs of an account would not be spare. None: any number."""
        if not self.has_others(account_id):
            return None
        return max(0, MOST_BESIDE_OTHERS - len(self.places_of(account_id)))

    def _leave(self, place: "Place") -> None:
        places = self._places[place.account_id]
        places.remove(place)
        if places:
            return
        del self._places[place.account_id]
        now = self._clock()
        self._left_at = {other: at for other, at in self._left_at.items() if at > now - LINGER_SECONDS}
        self._left_at[place.account_id] = now


class Place:
    """One job's place among those at work."""

    def __init__(self, crowd: Crowd, account_id: UUID) -> None:
        self.account_id = account_id
        self._crowd = crowd
        self._had_others = False

    def is_spare(self) -> bool:
        """Tell whether others are here, and enough jobs of the same account came before this one."""
        enough = self._crowd.places_of(self.account_id)[:MOST_BESIDE_OTHERS]
        return self not in enough and self._crowd.has_others(self.account_id)

    def is_alone_again(self) -> bool:
        """Tell whether the others have gone since this was asked last."""
        had_others, self._had_others = self._had_others, self._crowd.has_others(self.account_id)
        return had_others and not self._had_others
