"""What a request to Graph is for, in words of which there are few: its path without ids and without its query."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from shared.telemetry import REQUEST_DURATION, Kind, record, span

WORDS: Final = frozenset(
    {
        *("$batch", "$count", "$value", "attachments", "childFolders", "delta", "mailFolders", "me", "messages"),
        *("archive", "deleteditems", "drafts", "inbox", "junkemail", "msgfolderroot", "outbox", "sentitems"),
        *("reauthorize", "send", "sendMail", "subscriptions", "users"),
    }
)
"""Path segments that are the same for everybody. A new one is shown as an id until it is added."""
VERSIONS: Final = frozenset({"v1.0", "beta"})


def route_from(target: str) -> str:
    """Take a path, a link or a cursor; `me/messages/AAMk…?$select=id` becomes `me/messages/{id}`."""
    segments = [segment for segment in urlsplit(target).path.split("/") if segment]
    if target.startswith(("/", "https:", "http:")):
        start = next((place + 1 for place, segment in enumerate(segments) if segment in VERSIONS), 0)
        segments = segments[start:]
    return "/".join(_shown(segment) for segment in segments)


def _shown(segment: str) -> str:
    name, parenthesis, _ = segment.partition("(")
    known = name.rpartition(".")[2] if name.startswith("microsoft.graph.") else name
    if known in WORDS:
        return f"{known}()" if parenthesis else known
    return "{id}"


class Watch:
    """What a request turned out to be."""

    def __init__(self) -> None:
        self.status = 0  # no answer

    def answered(self, status: int) -> None:
        self.status = status


@contextmanager
def watched(method: str, target: str) -> Iterator[Watch]:
    """Have a request seen by operators: a span from its sending to the end of its answer, and a figure."""
    route, watch, started = route_from(target), Watch(), time.monotonic()
    facts = {"http.request.method": method, "http.route": route}
    with span(f"{method} {route}", Kind.CLIENT, facts, is_current=False) as asking:
        try:
            yield watch
        finally:
            facts_of_answer = {"http.response.status_code": watch.status}
            asking.note(facts_of_answer)
            record(REQUEST_DURATION, time.monotonic() - started, {**facts, **facts_of_answer})
