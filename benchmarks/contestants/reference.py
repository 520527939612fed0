"""
As fast as one can reasonably be, and nothing else: four fetchers in parallel, typed decoding, bulk writes.

No queue, no cursor, no recipients to search by, no change log, no row-level security, and mail that arrives meanwhile
may be missed: `$skip` is not safe against it.
"""

import asyncio
import ssl
from collections.abc import Iterator
from urllib.parse import quote

import aiohttp
import msgspec
from psycopg import AsyncConnection

from benchmarks.contestants.task import FIELDS, FOLDERS, IMMUTABLE, Task, perform

IN_FLIGHT = 4
CHUNK = 1 << 20
TABLES = """
    DROP TABLE IF EXISTS reference_message, reference_body;
    CREATE TABLE reference_message (
        id text COLLATE "C" PRIMARY KEY, folder_id text COLLATE "C", thread_id text COLLATE "C", change_key text,
        subject text, preview text, sender text, received_at timestamptz, is_read boolean,
        has_attachments boolean, flag text);
    CREATE INDEX ON reference_message (folder_id, received_at);
    CREATE TABLE reference_body (
        id text COLLATE "C" PRIMARY KEY, html text, headers text)
"""
SAVE_MESSAGES = """
    INSERT INTO reference_message
    SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[],
                         %t::timestamptz[], %b::bool[], %b::bool[], %b::text[])
    ON CONFLICT (id) DO UPDATE
       SET folder_id = excluded.folder_id, change_key = excluded.change_key, subject = excluded.subject,
           preview = excluded.preview, is_read = excluded.is_read, flag = excluded.flag
     WHERE reference_message.change_key IS DISTINCT FROM excluded.change_key
"""
SAVE_BODIES = """
    INSERT INTO reference_body SELECT * FROM unnest(%b::text[], %b::text[], %b::text[])
    ON CONFLICT (id) DO UPDATE SET html = excluded.html, headers = excluded.headers
"""


class Address(msgspec.Struct):
    address: str | None = None


class Sender(msgspec.Struct, rename="camel"):
    email_address: Address | None = None


class Body(msgspec.Struct):
    content: str = ""


class Flag(msgspec.Struct, rename="camel"):
    flag_status: str = "notFlagged"


class Message(msgspec.Struct, rename="camel"):
    id: str
    parent_folder_id: str
    received_date_time: str
    conversation_id: str | None = None
    change_key: str | None = None
    subject: str | None = None
    body_preview: str | None = None
    sender: Sender | None = None
    is_read: bool | None = None
    has_attachments: bool | None = None
    flag: Flag | None = None
    body: Body | None = None
    internet_message_headers: msgspec.Raw = msgspec.Raw(b"[]")


class Page(msgspec.Struct):
    value: list[Message]


class Count(msgspec.Struct, rename="camel"):
    total_item_count: int


DECODE = msgspec.json.Decoder(Page)


def sync(task: Task) -> int:
    return asyncio.run(_sync(task))


async def _sync(task: Task) -> int:
    tls = ssl.create_default_context(cafile=task.ca)
    headers = {"Authorization": f"Bearer {task.token}", "Prefer": IMMUTABLE, "Accept-Encoding": "identity"}
    connector = aiohttp.TCPConnector(ssl=tls, limit=IN_FLIGHT)
    async with (
        aiohttp.ClientSession(headers=headers, connector=connector, read_bufsize=CHUNK) as graph,
        await AsyncConnection.connect(task.database, autocommit=True) as conn,
    ):
        await conn.execute(TABLES)
        windows = iter([window for folder in FOLDERS for window in await _windows(graph, task, folder)])
        saved = await asyncio.gather(*(_fetch(graph, task, windows) for _ in range(IN_FLIGHT)))
    return sum(saved)


async def _windows(graph: aiohttp.ClientSession, task: Task, folder: str) -> list[str]:
    async with graph.get(f"{task.graph}/me/mailFolders/{folder}?$select=totalItemCount") as answer:
        count = msgspec.json.decode(await answer.read(), type=Count).total_item_count
    path = f"{task.graph}/me/mailFolders/{folder}/messages?$top={task.page}&$select={quote(FIELDS)}"
    return [f"{path}&$skip={start}" for start in range(0, count, task.page)]


async def _fetch(graph: aiohttp.ClientSession, task: Task, windows: Iterator[str]) -> int:
    """Fetch windows until there are none; save each while the next one is on its way."""
    saved = 0
    saving: asyncio.Task[None] | None = None
    async with await AsyncConnection.connect(task.database, autocommit=True) as conn:
        for window in windows:
            async with graph.get(window) as answer:
                answer.raise_for_status()
                messages = DECODE.decode(await answer.read()).value
            if saving:
                await saving
            saving = asyncio.create_task(_save(conn, messages))
            saved += len(messages)
        if saving:
            await saving
    return saved


async def _save(conn: AsyncConnection[tuple[object, ...]], messages: list[Message]) -> None:
    columns = [
        [m.id for m in messages],
        [m.parent_folder_id for m in messages],
        [m.conversation_id for m in messages],
        [m.change_key for m in messages],
        [m.subject for m in messages],
        [m.body_preview for m in messages],
        [m.sender.email_address.address if m.sender and m.sender.email_address else None for m in messages],
        [m.received_date_time for m in messages],
        [m.is_read for m in messages],
        [m.has_attachments for m in messages],
        [m.flag.flag_status if m.flag else None for m in messages],
    ]
    bodies = [m.body.content.replace("\0", "") if m.body else "" for m in messages]
    headers = [bytes(m.internet_message_headers).decode() for m in messages]
    async with conn.transaction():
        await conn.execute(SAVE_MESSAGES, columns)
        await conn.execute(SAVE_BODIES, [columns[0], bodies, headers])


if __name__ == "__main__":
    perform(sync)
