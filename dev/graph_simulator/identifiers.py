"""
The ids of a mailbox, made from numbers: the same number gives the same id after every restart.

They keep what makes real ids awkward. One regular id in five has `/` and `+`, one immutable id in twenty-five; some end
in `=` and some do not; and now and then a message's id differs from the one before it in the case of one letter only.
"""

import base64
import hashlib
from urllib.parse import unquote
from uuid import UUID

_IMMUTABLE_HEAD = "AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A"
_REGULAR_LENGTH, _IMMUTABLE_LENGTH = 152, 100
_TAIL_LENGTH = 40
_SLASHED_REGULAR, _SLASHED_IMMUTABLE, _TWINS = (5, 2), (25, 7), (40, 2)  # (of how many, which)
_ENDINGS = ("AAA=", "AA==", "AAAA")


class MailboxIds:
    """Makes and recognises the ids of one mailbox."""

    def __init__(self, mailbox_id: UUID) -> None:
        self._seed = mailbox_id.bytes
        owner = base64.urlsafe_b64encode(str(mailbox_id).encode()).decode()
        short = base64.urlsafe_b64encode(self._seed).decode().rstrip("=")
        self._regular_head = f"AAMkA{owner}BGAAAAAA"
        self._immutable_head = f"{_IMMUTABLE_HEAD}{short}"
        self._folder_head = f"AQMkA{owner}AuAAAD"
        self._conversation_head = f"AAQkA{owner}AQA"

    def regular(self, number: int, generation: int) -> str:
        """Return the id that a message has until it moves; each move is a new generation."""
        is_twin = generation == 0 and _is_twin(number)
        tail = self._tail(
            "regular", number - is_twin, generation, slashed=_is_one(number, _SLASHED_REGULAR) and not is_twin
        )
        return _padded(self._regular_head, _with_other_case(tail) if is_twin else tail, number, _REGULAR_LENGTH)

    def immutable(self, number: int) -> str:
        is_twin = _is_twin(number)
        tail = self._tail("immutable", number - is_twin, 0, slashed=_is_one(number, _SLASHED_IMMUTABLE) and not is_twin)
        return _padded(self._immutable_head, _with_other_case(tail) if is_twin else tail, number, _IMMUTABLE_LENGTH)

    def folder(self, number: int) -> str:
        return f"{self._folder_head}{self._tail('folder', number, 0, slashed=False)}AAAA=="

    def conversation(self, key: str) -> str:
        return f"{self._conversation_head}{self._digest('conversation', key)[:22]}="

    def change_key(self, sequence: int) -> str:
        stamp = b"\x09\x00\x00\x00\x16\x00\x00\x00" + self._seed + sequence.to_bytes(6, "big")
        return base64.b64encode(stamp).decode()

    def attachment(self, message_id: str, position: int) -> str:
        """Return an attachment's id, which starts with its message's id of the same kind."""
        return f"{canonical(message_id).rstrip('=')}BEgAQA{self._digest('attachment', str(position))[:22]}="

    def is_well_formed(self, message_id: str) -> bool:
        """Return whether an id could be this mailbox's; a foreign or cut one could not."""
        plain = canonical(message_id)
        for head, length in ((self._regular_head, _REGULAR_LENGTH), (self._immutable_head, _IMMUTABLE_LENGTH)):
            if plain.startswith(canonical(head)) and len(plain) == length:
                return True
        return plain.startswith(canonical(self._folder_head)) and len(plain) == len(self.folder(0))

    def _tail(self, kind: str, number: int, generation: int, *, slashed: bool) -> str:
        tail = self._digest(kind, f"{number}.{generation}")[:_TAIL_LENGTH]
        if slashed:
            return f"{tail[:6]}/{tail[7:12]}+{tail[13:]}".replace("-", "+")
        return tail

    def _digest(self, kind: str, text: str) -> str:
        digest = hashlib.sha512(self._seed + f"{kind}:{text}".encode()).digest()
        return base64.urlsafe_b64encode(digest).decode()


def canonical(message_id: str) -> str:
    """Return the one form by which an id is looked up: `/` and `+` as their URL-safe letters, escapes undone."""
    if "%" in message_id:
        message_id = unquote(message_id)
    return message_id.replace("/", "-").replace("+", "_")


def _is_twin(number: int) -> bool:
    return _is_one(number, _TWINS)  # so that the first two messages of a mailbox are twins


def _is_one(number: int, share: tuple[int, int]) -> bool:
    return number % share[0] == share[1]


def _with_other_case(tail: str) -> str:
    position = next(index for index, letter in enumerate(tail) if letter.isalpha())
    return tail[:position] + tail[position].swapcase() + tail[position + 1 :]


def _padded(head: str, tail: str, number: int, length: int) -> str:
    # Twins share the ending too: an id and its twin differ in one letter only.
    ending = _ENDINGS[(number - _is_twin(number)) % len(_ENDINGS)]
    return head + tail + "A" * (length - len(head) - len(tail) - len(ending)) + ending
