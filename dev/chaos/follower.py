"""A client that keeps its own list of messages by following the change log, from the beginning to the end."""

import threading
from types import TracebackType
from typing import Final, Self

import httpx

from dev.person import Person

CHANGES_AT_ONCE: Final = 1_000
MESSAGES_AT_ONCE: Final = 200
PAUSE_SECONDS: Final = 0.7


class Follower:
    """
    Follows in a thread of its own, through whatever happens to the API meanwhile. Use it as a context manager.

    It does what the page does: reads on from the position it has, and lists anew only when it is told that a page of a
    sync arrived.
    """

    def __init__(self, person: Person) -> None:
        self._person = person
        self._messages: set[str] = set()
        self._position = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def messages(self) -> set[str]:
        """Stop, read the log to its end, and return the ids of the messages that are there."""
        self._over.set()
        self._thread.join()
        while self._read_on():
            pass
        return self._messages

    def _follow(self) -> None:
        while not self._over.wait(PAUSE_SECONDS):
            try:
                self._read_on()
            except httpx.HTTPError:  # the host is being killed
                continue

    def _read_on(self) -> bool:
        """Read a page of the log; return whether there is more."""
        answer = self._person.ask("/changes", after=self._position, limit=CHANGES_AT_ONCE)
        kinds = {change["kind"] for change in answer["items"]}
        messages = self._list() if "sync.page" in kinds else set(self._messages)
        for change in answer["items"]:
            if change["kind"] == "message.deleted":
                messages.discard(change["message_id"])
            elif change["kind"].startswith("message."):
                messages.add(change["message_id"])
        self._messages, self._position = messages, answer["position"]
        return bool(answer["has_more"])

    def _list(self) -> set[str]:
        found: set[str] = set()
        query: dict[str, str | float] = {"limit": MESSAGES_AT_ONCE}
        while True:
            page = self._person.ask("/messages", **query)
            found |= {item["id"] for item in page["items"]}
            if not page["next_cursor"]:
                return found
            query["cursor"] = page["next_cursor"]
