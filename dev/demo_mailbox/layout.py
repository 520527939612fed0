"""
Spreads messages over folders, dates, flags and categories as a lived-in mailbox has them.

Everything is decided by the messages themselves, so the same source and end date give the same mailbox again.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from dev.demo_mailbox.mail import Address, Mail, PlacedMail
from dev.demo_mailbox.parsing import mail_from
from dev.demo_mailbox.sources import SPAM_ASSASSIN, RawMail
from dev.demo_mailbox.threads import conversations

SPREAD = timedelta(days=730)
PROGRESS_EVERY = 500
_CATEGORIES = ("Blue category", "Green category", "Red category", "Travel", "Invoices")
_LIST_NAME = re.compile(r"<?([\w-]+)[.@]")
# Shares of ordinary mail in percent: the rest stays in the inbox and, for mailing lists, below "Mailing lists".
_SENT_SHARE, _ARCHIVE_SHARE, _PROJECT_SHARE, _DELETED_SHARE = 6, 26, 10, 2
_SAME_SECOND_SHARE = 8  # of 256: some messages arrive in the same second as another

Progress = Callable[[int, int], None]


def placed_mails(
    raws: Sequence[RawMail], source: str, end: datetime, owner: Address, tell: Progress
) -> list[PlacedMail]:
    """Parse every message and give each its place. Received dates end at `end`; `tell` hears how far it is."""
    mails = []
    for position, raw in enumerate(raws):
        mails.append(mail_from(raw.raw))
        if (position + 1) % PROGRESS_EVERY == 0 or position + 1 == len(raws):
            tell(position + 1, len(raws))
    threads = conversations(mails)
    if source == SPAM_ASSASSIN:
        return _corpus_layout(raws, mails, threads, end, owner)
    return [_own_place(raw, mail, thread, end) for raw, mail, thread in zip(raws, mails, threads, strict=True)]


def _own_place(raw: RawMail, mail: Mail, thread: str, end: datetime) -> PlacedMail:
    is_read = True if raw.is_read is None else raw.is_read
    flag = "flagged" if raw.is_flagged else "notFlagged"
    return PlacedMail(mail, ("inbox", *raw.folder), mail.sent_at or end, thread, is_read, flag)


def _corpus_layout(
    raws: Sequence[RawMail], mails: Sequence[Mail], threads: Sequence[str], end: datetime, owner: Address
) -> list[PlacedMail]:
    received = _received_dates(mails, end)
    placed = []
    for position, (raw, mail) in enumerate(zip(raws, mails, strict=True)):
        dice = _dice(raw.raw)
        folder = _corpus_folder(raw.group, mail, dice)
        if folder[0] == "sentitems":
            mail.from_ = mail.sender = owner
        _date_sent(mail, received[position], dice)
        is_read = folder[0] in ("sentitems", "archive", "deleteditems") or dice[4] % 100 < 70  # noqa: PLR2004 - percent
        placed.append(
            PlacedMail(mail, folder, received[position], threads[position], is_read, _flag(dice), _categories(dice))
        )
    return placed


def _received_dates(mails: Sequence[Mail], end: datetime) -> list[datetime]:
    """Map the corpus's own order in time onto the two years before `end`, so that replies stay after originals."""
    lowest, highest = datetime(2001, 1, 1, tzinfo=UTC), datetime(2004, 1, 1, tzinfo=UTC)
    keys = [mail.sent_at if mail.sent_at and lowest < mail.sent_at < highest else highest for mail in mails]
    order = sorted(range(len(mails)), key=lambda position: (keys[position], position))
    received = [end] * len(mails)
    step = SPREAD / max(len(mails), 1)
    latest = end
    for rank, position in enumerate(reversed(order)):
        dice = _dice(repr(rank).encode())
        if rank == 0 or dice[1] > _SAME_SECOND_SHARE:
            latest = (end - rank * step - dice[0] / 256 * step).replace(microsecond=0)
        received[position] = latest
    return received


def _date_sent(mail: Mail, received: datetime, dice: bytes) -> None:
    # One mail in a hundred keeps its sender's own date: such dates are the sender's to choose, and may be anything.
    if mail.sent_at is None or dice[6] % 100 != 0:
        mail.sent_at = received - timedelta(seconds=dice[5] % 90)


def _corpus_folder(group: str, mail: Mail, dice: bytes) -> tuple[str, ...]:
    if group.startswith("spam"):
        return ("junkemail",) if dice[0] % 100 < 90 else ("inbox",)  # noqa: PLR2004 - some spam gets through
    share = dice[0] * 256 + dice[1]
    percent = share % 100
    for width, folder in (
        (_SENT_SHARE, ("sentitems",)),
        (_ARCHIVE_SHARE, ("archive",)),
        (_PROJECT_SHARE, ("inbox", "Projects", ("Apollo", "Borealis", "Q1/Q2 planning")[dice[2] % 3])),
        (_DELETED_SHARE, ("deleteditems",)),
    ):
        if percent < width:
            return folder
        percent -= width
    return _list_folder(mail) or ("inbox",)


def _list_folder(mail: Mail) -> tuple[str, ...] | None:
    for name, value in mail.headers:
        if name.lower() in ("list-id", "x-beenthere", "x-mailing-list"):
            tail = value.rpartition("<")[2]
            if found := _LIST_NAME.match(tail.strip()):
                return ("msgfolderroot", "Mailing lists", found[1].lower())
    return None


def _flag(dice: bytes) -> str:
    return {0: "flagged", 1: "flagged", 2: "complete"}.get(dice[7] % 50, "notFlagged")


def _categories(dice: bytes) -> list[str]:
    return [_CATEGORIES[dice[9] % len(_CATEGORIES)]] if dice[8] % 12 == 0 else []


def _dice(seed: bytes) -> bytes:
    """Bytes that look random and are the same for the same message."""
    return hashlib.sha256(seed).digest()
