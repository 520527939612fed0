"""Groups messages into conversations by References, In-Reply-To and, where those are missing, the subject."""

import hashlib
import re
from collections.abc import Sequence

from dev.demo_mailbox.mail import Mail

_PREFIX = re.compile(r"^\s*(?:(?:re|fwd?|aw|sv|antw)(?:\[\d+\])?\s*:|\[[^\]]{1,40}\])\s*", re.IGNORECASE)


def conversations(mails: Sequence[Mail]) -> list[str]:
    """Return one conversation key per mail, in the order given; mails of one thread share it."""
    groups = _Groups(len(mails))
    by_message_id: dict[str, int] = {}
    for position, mail in enumerate(mails):
        for message_id in [mail.message_id, *mail.references]:
            if message_id:
                groups.join(by_message_id.setdefault(message_id, position), position)
    by_subject: dict[str, int] = {}
    for position, mail in enumerate(mails):
        subject, is_reply = normal_subject(mail.subject or "")
        first = by_subject.setdefault(subject, position) if subject else position
        if is_reply and not mail.references:
            groups.join(first, position)
    return [_key(mails[groups.root(position)], groups.root(position)) for position in range(len(mails))]


def normal_subject(subject: str) -> tuple[str, bool]:
    """Return the subject without "Re:" and list tags, lower-cased, and whether it was a reply's."""
    is_reply = False
    while found := _PREFIX.match(subject):
        is_reply = is_reply or found[0].strip().endswith(":")
        subject = subject[found.end() :]
    return " ".join(subject.split()).lower(), is_reply


def _key(mail: Mail, position: int) -> str:
    return hashlib.sha256((mail.message_id or f"#{position}").encode("utf-8", "replace")).hexdigest()[:32]


class _Groups:
    """Disjoint sets of positions; the smallest position is a set's root."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def root(self, position: int) -> int:
        while self._parent[position] != position:
            self._parent[position] = self._parent[self._parent[position]]
            position = self._parent[position]
        return position

    def join(self, one: int, other: int) -> None:
        first, second = sorted((self.root(one), self.root(other)))
        self._parent[second] = first
