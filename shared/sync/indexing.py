"""Making messages searchable, off the way of fetching them: the text of their HTML and their search vectors."""

import asyncio
from typing import Final

from shared.jobs import Later
from shared.models.accounts import ConnectedAccount
from shared.models.jobs import IndexMessages
from shared.plain_text import plain_text
from shared.storage.database import Connection, user_transaction
from shared.storage.search import bodies_without_text, save_texts, take_search_backlog, write_vectors
from shared.sync.engine import Engine

INDEXED_AT_ONCE: Final = 200
CHARACTERS_AT_ONCE: Final = 16_000_000


async def index_messages(engine: Engine, account: ConnectedAccount, job: IndexMessages) -> list[Later]:
    """Work through the account's backlog for one turn; return the successor if some is left."""
    turn_ends = asyncio.get_running_loop().time() + engine.settings.lane_seconds
    while asyncio.get_running_loop().time() < turn_ends:
        async with user_transaction(engine.pool, account.user_id, plans="force_generic_plan") as conn:
            if await index_some_messages(conn, account, INDEXED_AT_ONCE) == 0:
                return []
    return [Later(job)]


async def index_some_messages(conn: Connection, account: ConnectedAccount, limit: int) -> int:
    """Take a batch of the account's backlog, write its texts and vectors; return how many messages that were."""
    message_ids = await take_search_backlog(conn, account, most_messages=limit, most_characters=CHARACTERS_AT_ONCE)
    if not message_ids:
        return 0
    bodies = bodies_without_text(conn, account, message_ids)
    if texts := {message_id: plain_text(html) async for message_id, html in bodies}:
        await save_texts(conn, account, texts)
    await write_vectors(conn, account, message_ids)
    return len(message_ids)
