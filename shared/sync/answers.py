"""Carrying a provider's answers into the database."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from shared.errors import AnswerTooLarge, ProviderUnavailable
from shared.jobs import Later
from shared.models.accounts import ConnectedAccount
from shared.models.api import ChangeKind
from shared.models.mail import Fetched, folder_id_from
from shared.providers.protocol import MailProvider
from shared.storage.database import Connection, user_transaction
from shared.storage.events import Event
from shared.storage.folders import known_folder_ids
from shared.storage.messages import Saved, bury_messages, save_messages
from shared.sync.engine import Engine, recorded_transaction
from shared.sync.folders import refresh_folders

FETCHED_AT_ONCE: Final = 100
MOST_ROUNDS: Final = 5


async def with_homes(
    engine: Engine, account: ConnectedAccount, provider: MailProvider, fetched: Fetched
) -> tuple[Fetched, list[Later]]:
    """
    Make sure that an answer's folders are known, reading the tree again if not; return jobs to send as well.

    A message in a folder that we do not mirror, such as a hidden one, counts as missing.
    """
    jobs: list[Later] = []
    strangers = await _strangers(engine, account, fetched)
    if strangers:
        jobs = await refresh_folders(engine, account, provider)
        strangers = await _strangers(engine, account, fetched)
    at_home = [m for m in fetched.messages if m.provider_message_id not in strangers]
    return replace(fetched, messages=at_home, missing_ids=[*fetched.missing_ids, *strangers]), jobs


async def _strangers(engine: Engine, account: ConnectedAccount, fetched: Fetched) -> set[str]:
    async with user_transaction(engine.pool, account.user_id) as conn:
        known = await known_folder_ids(conn, account)
    return {
        message.provider_message_id
        for message in fetched.messages
        if folder_id_from(account.id, message.provider_folder_id) not in known
    }


async def settle(
    engine: Engine, account: ConnectedAccount, provider: MailProvider, provider_message_ids: Sequence[str]
) -> list[Later]:
    """
    Make the rows of some messages equal to what the provider says of them now; return jobs to send.

    What others save meanwhile is fetched again, until every row is known to be the newest. Raises ProviderUnavailable
    when that does not come to rest.
    """
    jobs: list[Later] = []
    for start in range(0, len(provider_message_ids), FETCHED_AT_ONCE):
        wanted: Sequence[str] = provider_message_ids[start : start + FETCHED_AT_ONCE]
        for _ in range(MOST_ROUNDS):
            fetched, more_jobs = await with_homes(engine, account, provider, await fetch_by_id(provider, wanted))
            jobs += more_jobs
            async with recorded_transaction(engine, account) as (conn, events):
                saved, buried = await save_answer(conn, account, fetched)
                events.extend(events_from(account, saved, buried))
            wanted = [*saved.contested, *buried.contested]
            if not wanted:
                break
        else:
            raise ProviderUnavailable("messages change faster than they can be fetched", retry_after_seconds=5)
    return jobs


async def fetch_by_id(provider: MailProvider, provider_message_ids: Sequence[str]) -> Fetched:
    """Fetch messages by id, in halves where they are too large to come together."""
    try:
        return await provider.messages(provider_message_ids)
    except AnswerTooLarge:
        if len(provider_message_ids) == 1:
            raise
    middle = len(provider_message_ids) // 2
    first = await fetch_by_id(provider, provider_message_ids[:middle])
    second = await fetch_by_id(provider, provider_message_ids[middle:])
    return Fetched(
        asked_at=min(first.asked_at, second.asked_at),
        messages=[*first.messages, *second.messages],
        missing_ids=[*first.missing_ids, *second.missing_ids],
    )


async def save_answer(conn: Connection, account: ConnectedAccount, fetched: Fetched) -> tuple[Saved, Saved]:
    """Save the messages of an answer and bury those that it says are missing."""
    saved = await save_messages(conn, account, fetched)
    buried = await bury_messages(conn, account, fetched.missing_ids, asked_at=fetched.asked_at)
    return saved, buried


def events_from(account: ConnectedAccount, saved: Saved, buried: Saved) -> list[Event]:
    kinds = (
        (ChangeKind.MESSAGE_CREATED, saved.created),
        (ChangeKind.MESSAGE_UPDATED, saved.updated),
        (ChangeKind.MESSAGE_DELETED, buried.updated),
    )
    return [Event(kind, account.id, message_id=message_id) for kind, ids in kinds for message_id in ids]
