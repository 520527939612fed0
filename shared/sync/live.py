"""Single messages, brought up to date after a notification."""

from typing import Final

from shared.jobs import Later
from shared.models.accounts import ConnectedAccount, Urgency
from shared.models.jobs import FetchMessage
from shared.storage.database import user_transaction
from shared.storage.messages import MessageVersion, stored_messages
from shared.sync.answers import events_from, fetch_by_id, save_answer, with_homes
from shared.sync.engine import Engine, recorded_transaction
from shared.sync.indexing import index_some_messages
from shared.telemetry import record_lag

MOST_ATTEMPTS: Final = 6  # after 2, 4, 8, 16 and 32 seconds: a message that is found later than that is left to delta
INDEXED_AT_ONCE: Final = 50


async def fetch_message(engine: Engine, account: ConnectedAccount, job: FetchMessage) -> list[Later]:
    """
    Make one message's row equal to what the provider has now; return jobs to send.

    No change is believed: whatever the notification says, the message is fetched, unless the row has the version that
    it names. A message that should exist and is not found is looked for again, because notifications run ahead.
    """
    wanted = job.provider_message_id
    async with user_transaction(engine.pool, account.user_id) as conn:
        stored = (await stored_messages(conn, account, [wanted])).get(wanted)
    if job.change != "deleted" and _is_known(stored, job.change_key):
        return []
    provider = engine.provider_for(account, Urgency.LIVE)
    fetched, jobs = await with_homes(engine, account, provider, await fetch_by_id(provider, [wanted]))
    if fetched.missing_ids and job.change != "deleted":
        return [*jobs, *_look_again(job)]
    async with recorded_transaction(engine, account) as (conn, events):
        saved, buried = await save_answer(conn, account, fetched)
        events.extend(events_from(account, saved, buried))
    record_lag(job.noticed_at, next((message.last_modified_at for message in fetched.messages), None))
    if saved.contested or buried.contested:
        return [*jobs, Later(job, delay_seconds=1)]
    async with user_transaction(engine.pool, account.user_id) as conn:
        await index_some_messages(conn, account, INDEXED_AT_ONCE)
    return jobs


def _is_known(stored: MessageVersion | None, change_key: str | None) -> bool:
    return stored is not None and not stored.is_deleted and stored.change_key == change_key


def _look_again(job: FetchMessage) -> list[Later]:
    if job.attempt >= MOST_ATTEMPTS:
        return []
    return [Later(job.model_copy(update={"attempt": job.attempt + 1}), delay_seconds=2**job.attempt)]
