"""Cutting what a folder holds into pages to fetch, and a page that is too large into smaller ones."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, groupby, repeat
from typing import Final
from uuid import UUID

from shared.models.accounts import SyncPage
from shared.models.mail import ListedMessage
from shared.storage.sync_pages import PlannedPage

ONE_SECOND: Final = timedelta(seconds=1)
END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC, microsecond=0) - ONE_SECOND


def pages_from(
    folder_id: UUID, listed: Sequence[ListedMessage], size: int, *, first_sizes: Sequence[int] = ()
) -> Iterator[PlannedPage]:
    """
    Cut a listing into windows of received times of at most `size` messages, the first ones smaller, newest first.

    A window never ends inside a second, because a fetch could not tell its two halves apart; a second with more than
    `size` messages, and messages without a time or at the end of all time, become pages by id.
    """
    sizes = chain(first_sizes, repeat(size))
    most = min(next(sizes), size)
    timed = sorted((m for m in listed if _fits_a_window(m)), key=_second_of, reverse=True)
    window: list[ListedMessage] = []
    by_id = [m.provider_message_id for m in listed if not _fits_a_window(m)]
    for _, group in groupby(timed, key=_second_of):
        same_second = list(group)
        if len(same_second) > size:
            by_id += [m.provider_message_id for m in same_second]
            continue
        if window and len(window) + len(same_second) > most:
            yield _window_from(folder_id, window)
            window, most = [], min(next(sizes), size)
        window += same_second
    if window:
        yield _window_from(folder_id, window)
    for start in range(0, len(by_id), size):
        yield PlannedPage(folder_id, by_id[start : start + size])


def parts_of(page: SyncPage, size: int) -> list[PlannedPage]:
    """Cut a page into pages of at most `size` messages that promise the same."""
    times: Sequence[datetime | None] = page.received_times or [None] * len(page.provider_message_ids)
    listed = [ListedMessage(*each, change_key=None) for each in zip(page.provider_message_ids, times, strict=True)]
    return list(pages_from(page.folder_id, listed, size))


def _window_from(folder_id: UUID, messages: Sequence[ListedMessage]) -> PlannedPage:
    return PlannedPage(
        folder_id,
        [m.provider_message_id for m in messages],
        received_from=_second_of(messages[-1]),
        received_before=_second_of(messages[0]) + ONE_SECOND,
        received_times=[m.received_at for m in messages],
    )


def _fits_a_window(message: ListedMessage) -> bool:
    return message.received_at is not None and message.received_at < END_OF_TIME


def _second_of(message: ListedMessage) -> datetime:
    if message.received_at is None:
        raise ValueError("a message without a received time has no second")
    return message.received_at.replace(microsecond=0)
