"""Somebody who uses a mailbox while we mirror it: mail comes, is read, flagged, filed, thrown away and fetched back."""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import httpx

from dev.graph_simulator.client import SimulatorAdmin

PLACES: Final = ("inbox", "archive", "sentitems", "junkemail", "deleteditems")
PARENTS: Final = ("msgfolderroot", "inbox", "archive")
MOST_MOVED: Final = 12


@dataclass(frozen=True, slots=True)
class Action:
    """What is done, so many seconds after the seed's start; on what, `dice` decides from what there is then."""

    at: float
    kind: str
    dice: int

    def __str__(self) -> str:
        return f"{self.at:.1f} s {self.kind}"


def plan_actions(chance: random.Random, *, count: int, until: float) -> list[Action]:
    kinds = chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=count)
    moments = sorted(chance.uniform(0, until) for _ in range(count))
    return [Action(at, kind, chance.randrange(2**32)) for at, kind in zip(moments, kinds, strict=True)]


class MailboxUser:
    """Acts on one mailbox, past Graph."""

    def __init__(self, admin: SimulatorAdmin, address: str) -> None:
        self._admin = admin
        self._address = address
        self._gone: list[str] = []  # immutable ids of what was deleted for good

    def act(self, action: Action) -> None:
        """Do it, unless the mailbox has nothing to do it on, or does not allow it."""
        with suppress(httpx.HTTPStatusError, IndexError):
            _DEEDS[action.kind](self, random.Random(action.dice))  # noqa: S311 - repeatable

    def deliver(self, chance: random.Random) -> None:
        self._deliver_to(chance, "inbox")

    def deliver_many(self, chance: random.Random) -> None:
        for _ in range(chance.randint(3, 10)):
            self._deliver_to(chance, "inbox")

    def file(self, chance: random.Random) -> None:
        """Deliver straight into some folder, as a rule does."""
        self._deliver_to(chance, self._folder(chance))

    def _deliver_to(self, chance: random.Random, folder: str) -> None:
        word = chance.choice(("Minutes", "Invoice", "Zürich 会議", "Re: lunch", ""))
        sender = {"emailAddress": {"name": "Robin", "address": f"robin{chance.randrange(9)}@fabrikam.example"}}
        message = {"subject": f"{word} {chance.randrange(10**6)}", "from": sender}
        self._admin.deliver(self._address, message, folder=folder)

    def read(self, chance: random.Random) -> None:
        message = self._message(chance)
        self._admin.update(self._address, message["immutableId"], isRead=not message["isRead"])

    def flag(self, chance: random.Random) -> None:
        status = chance.choice(("flagged", "notFlagged", "complete"))
        self._admin.update(self._address, self._message(chance)["immutableId"], flag={"flagStatus": status})

    def categorise(self, chance: random.Random) -> None:
        categories = chance.sample(("Red", "Blue", "Green"), chance.randint(0, 3))
        self._admin.update(self._address, self._message(chance)["immutableId"], categories=categories)

    def move(self, chance: random.Random) -> None:
        self._admin.move(self._address, self._message(chance)["immutableId"], self._folder(chance))

    def move_there_and_back(self, chance: random.Random) -> None:
        message = self._message(chance)
        self._admin.move(self._address, message["immutableId"], self._folder(chance))
        self._admin.move(self._address, message["immutableId"], message["folderId"])

    def move_many(self, chance: random.Random) -> None:
        folder = self._folder(chance)
        messages = self._admin.messages(self._address)
        for message in chance.sample(messages, min(len(messages), MOST_MOVED)):
            self._admin.move(self._address, message["immutableId"], folder)

    def delete(self, chance: random.Random) -> None:
        self._admin.delete(self._address, self._message(chance)["immutableId"])

    def delete_for_good(self, chance: random.Random) -> None:
        message = self._message(chance)
        self._admin.delete(self._address, message["immutableId"], permanent=True)
        self._gone.append(message["immutableId"])

    def undelete(self, chance: random.Random) -> None:
        """Bring back what was deleted for good, as an administrator does."""
        self._admin.undelete(self._address, chance.choice(self._gone), chance.choice(("inbox", "archive")))

    def fetch_back(self, chance: random.Random) -> None:
        message = self._message(chance, "deleteditems")
        self._admin.move(self._address, message["immutableId"], "inbox")

    def make_folder(self, chance: random.Random) -> None:
        """Names are unique, or nearly: the simulator refuses a second one beside the first."""
        name = f"Project {chance.randrange(10**6)}"
        made = self._admin.create_folder(self._address, name, chance.choice(PARENTS))
        self._deliver_to(chance, made["id"])

    def rename_folder(self, chance: random.Random) -> None:
        name = f"Renamed {chance.randrange(10**6)}"
        self._admin.change_folder(self._address, self._own_folder(chance), name=name)

    def move_folder(self, chance: random.Random) -> None:
        self._admin.change_folder(self._address, self._own_folder(chance), parent=chance.choice(PARENTS))

    def delete_folder(self, chance: random.Random) -> None:
        self._admin.delete_folder(self._address, self._own_folder(chance))

    def delete_folder_for_good(self, chance: random.Random) -> None:
        self._admin.delete_folder(self._address, self._own_folder(chance), permanent=True)

    def _message(self, chance: random.Random, folder: str | None = None) -> dict[str, Any]:
        return chance.choice(self._admin.messages(self._address, folder))

    def _folder(self, chance: random.Random) -> str:
        return chance.choice([*PLACES, *self._own_folders()])

    def _own_folder(self, chance: random.Random) -> str:
        return chance.choice(self._own_folders())

    def _own_folders(self) -> Sequence[str]:
        folders = self._admin.folders(self._address)
        return [folder["id"] for folder in folders if not folder["wellKnownName"] and not folder["isHidden"]]


Deed = Callable[[MailboxUser, random.Random], None]
_DEEDS: Final[dict[str, Deed]] = {
    deed.__name__: deed
    for deed in (
        MailboxUser.deliver,
        MailboxUser.deliver_many,
        MailboxUser.file,
        MailboxUser.read,
        MailboxUser.flag,
        MailboxUser.categorise,
        MailboxUser.move,
        MailboxUser.move_there_and_back,
        MailboxUser.move_many,
        MailboxUser.delete,
        MailboxUser.delete_for_good,
        MailboxUser.undelete,
        MailboxUser.fetch_back,
        MailboxUser.make_folder,
        MailboxUser.rename_folder,
        MailboxUser.move_folder,
        MailboxUser.delete_folder,
        MailboxUser.delete_folder_for_good,
    )
}
WEIGHTS: Final = dict.fromkeys(_DEEDS, 1) | {"deliver": 5, "read": 4, "flag": 2, "move": 3, "delete": 2}
