"""Where raw messages come from: the SpamAssassin corpus, an mbox file, a Maildir, a folder of .eml files."""

import mailbox
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SPAM_ASSASSIN = "spam-assassin"
CORPUS = Path(__file__).parents[2] / "node_modules" / "@stdlib" / "datasets-spam-assassin" / "data"


class NoMailFound(Exception):
    """The given path holds no messages."""


@dataclass(frozen=True, slots=True)
class RawMail:
    """One message as found; `folder` are display names below the inbox, `group` is the corpus's own label."""

    raw: bytes
    folder: tuple[str, ...] = ()
    group: str = ""
    is_read: bool | None = None
    is_flagged: bool = False


def raw_mails(source: str) -> list[RawMail]:
    """
    Read every message of a source, in a stable order.

    Raises `NoMailFound` with advice when there is none.
    """
    if source == SPAM_ASSASSIN:
        found = list(_corpus())
        advice = f"the corpus is missing below {CORPUS}; run `npm ci`"
    else:
        found = list(_files(Path(source).expanduser()))
        advice = f"{source} is neither an mbox file, nor a Maildir, nor a folder of .eml files"
    if not found:
        raise NoMailFound(advice)
    return found


def _corpus() -> Iterator[RawMail]:
    for group in sorted(path for path in CORPUS.glob("*") if path.is_dir()):
        for file in sorted(group.glob("*.txt")):
            yield RawMail(file.read_bytes(), group=group.name)


def _files(path: Path) -> Iterator[RawMail]:
    if path.is_file():
        yield from _mbox(path)
    elif (path / "cur").is_dir() or (path / "new").is_dir():
        yield from _maildir(mailbox.Maildir(path, create=False), ())
    elif path.is_dir():
        for file in sorted(path.rglob("*.eml")):
            yield RawMail(file.read_bytes(), folder=file.relative_to(path).parent.parts)


def _mbox(path: Path) -> Iterator[RawMail]:
    if path.suffix.lower() == ".eml":
        yield RawMail(path.read_bytes())
        return
    box = mailbox.mbox(path, create=False)
    try:
        for key in box.keys():  # noqa: SIM118 - iterating a mailbox yields messages, not keys
            flags = box.get_message(key).get_flags()
            yield RawMail(box.get_bytes(key), is_read="R" in flags, is_flagged="F" in flags)
    finally:
        box.close()


def _maildir(box: mailbox.Maildir, folder: tuple[str, ...]) -> Iterator[RawMail]:
    for key in sorted(box.keys(), key=os.fsencode):
        flags = box.get_message(key).get_flags()
        yield RawMail(box.get_bytes(key), folder, is_read="S" in flags, is_flagged="F" in flags)
    for name in sorted(box.list_folders()):
        yield from _maildir(box.get_folder(name), (*folder, *name.split(".")))
