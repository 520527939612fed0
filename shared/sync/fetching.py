"""Fetching a page of a sync run."""

import logging
from collections.abc import Sequence
from typing import Final

from shared.errors import AnswerTooLarge, ProviderItemNotFound
from shared.jobs import Later
from shared.models.accounts import ConnectedAccount, SyncPage
from shared.models.api import AccountState, ChangeKind
from shared.models.mail import Fetched
from shared.providers.protocol import MailProvider
from shared.storage.database import user_transaction
from shared.storage.events import Event
from shared.storage.sync_pages import finish_page, narrow_page, set_page_messages, split_page
from shared.sync.answers import events_from, fetch_by_id, save_answer, with_homes
from shared.sync.engine import Engine, recorded_transaction
from shared.sync.pages import parts_of

log = logging.getLogger(__name__)
LEAST_MESSAGES: Final = 20  # one large message must not make the pages of all others tiny
NEARLY: Final = 0.75
GROWTH: Final = 8  # a page that went through lets the next be larger by this part
SLACK: Final = 10  # messages that arrived in the window since it was listed


async def fetch_page(engine: Engine, account: ConnectedAccount, provider: MailProvider, page: SyncPage) -> list[Later]:
    """
    Fetch what a page promises, save it and mark the page done in one transaction; return jobs to send.

    Where somebody else saved a message meanwhile, the page stays open for that message alone. One that is too large is
    cut into smaller ones, and so are those after it, without being asked for first; they grow again as they succeed.
    """
    promised = len(page.provider_message_ids)
    if page.most_messages and promised > page.most_messages:
        async with user_transaction(engine.pool, account.user_id) as conn:
            await split_page(conn, account, page, parts_of(page, page.most_messages))
        return []
    try:
        answers = await _answers(provider, page)
    except AnswerTooLarge as exc:
        if promised == 1:
            raise
        log.info("page cut", extra={"page_id": page.id, "messages": promised, "error_code": exc.code})
        half = promised // 2
        async with user_transaction(engine.pool, account.user_id) as conn:
            await set_page_messages(conn, account, page, max(half, LEAST_MESSAGES))
            await split_page(conn, account, page, parts_of(page, half))
        return []
    jobs: list[Later] = []
    settled: list[Fetched] = []
    for answer in answers:
        fetched, more_jobs = await with_homes(engine, account, provider, answer)
        settled.append(fetched)
        jobs += more_jobs
    async with recorded_transaction(engine, account) as (conn, events):
        contested: list[str] = []
        told: list[Event] = []
        for fetched in settled:
            saved, buried = await save_answer(conn, account, fetched)
            contested += [*saved.contested, *buried.contested]
            told += events_from(account, saved, buried)
        if contested:
            await narrow_page(conn, account, page, contested)
        elif await finish_page(conn, account, page) and page.most_messages and promised > NEARLY * page.most_messages:
            larger = page.most_messages + max(1, page.most_messages // GROWTH)
            most = larger if larger < engine.settings.sync_page_messages else None
            await set_page_messages(conn, account, page, most)
        if account.state is AccountState.LIVE:  # somebody follows it message by message
            events.extend(told)
        elif told:
            count: dict[str, int | str | None] = {"messages": len(told)}
            events.append(Event(ChangeKind.SYNC_PAGE, account.id, folder_id=page.folder_id, data=count))
    return jobs


async def _answers(provider: MailProvider, page: SyncPage) -> Sequence[Fetched]:
    """Fetch the page's window, then by id what it promised and the window did not bring."""
    promised = page.provider_message_ids
    if page.received_from is None or page.received_before is None or page.provider_folder_id is None:
        return [await fetch_by_id(provider, promised)]
    try:
        window = await provider.messages_between(
            page.provider_folder_id, page.received_from, page.received_before, limit=len(promised) + SLACK
        )
    except ProviderItemNotFound:  # the folder is gone; its messages may be elsewhere
        return [await fetch_by_id(provider, promised)]
    except AnswerTooLarge:
        if len(promised) > 1:
            raise
        return [await fetch_by_id(provider, promised)]  # which takes of one message what it can
    arrived = {message.provider_message_id for message in window.messages}
    stragglers = [provider_id for provider_id in promised if provider_id not in arrived]
    return [window, await fetch_by_id(provider, stragglers)] if stragglers else [window]
