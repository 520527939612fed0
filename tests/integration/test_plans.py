"""Lists, searches and lookups find their rows by indexes, however many rows others have."""

from uuid import UUID, uuid4

import psycopg
import pytest

from benchmarks.growth import QUESTIONS_ASKED, arrange, grow
from shared.models.accounts import ConnectedAccount
from shared.models.api import AccountState
from shared.storage.database import Connection, Plans, Pool, user_transaction
from shared.storage.message_lists import get_message
from shared.storage.messages import stored_messages
from tests.conftest import Database

MAILBOXES = 40
MESSAGES = 40_000
TABLES = ["message", "message_body", "message_search", "attachment"]
Owner = tuple[UUID, UUID, UUID]


@pytest.fixture
def owner_of_many(database: Database) -> Owner:
    """One of the users of a database that has grown, with their account and folder."""
    arrange(database.owner_url, MAILBOXES)
    grow(database.owner_url, MESSAGES)
    with psycopg.connect(database.owner_url, autocommit=True) as conn:
        conn.execute(
            "INSERT INTO message_body (message_id, user_id, text, headers)"
            " SELECT id, user_id, subject, '[]' FROM message"
        )
        conn.execute("VACUUM ANALYZE")
        row = conn.execute("SELECT user_id, account_id, folder_id FROM arranged ORDER BY weight LIMIT 1").fetchone()
    assert row is not None
    return row


def read_whole(database: Database) -> dict[str, int]:
    """Count how often each table was read from its beginning to its end."""
    sql = "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname = ANY(%s)"
    with psycopg.connect(database.owner_url) as conn:
        return {str(row[0]): int(row[1]) for row in conn.execute(sql, [TABLES])}


async def look_up(conn: Connection, user_id: UUID, account_id: UUID) -> None:
    row = await (
        await conn.execute("SELECT id FROM message WHERE deleted_at IS NULL ORDER BY received_at DESC LIMIT 1")
    ).fetchone()
    assert row is not None
    await get_message(conn, user_id, row[0])
    account = ConnectedAccount(account_id, user_id, "owner@growth.example", AccountState.LIVE)
    await stored_messages(conn, account, [str(uuid4()) for _ in range(250)])


async def test_no_question_reads_a_whole_table(database: Database, pool: Pool, owner_of_many: Owner) -> None:
    user_id, account_id, folder_id = owner_of_many
    asked = {**QUESTIONS_ASKED, "look up": lambda conn, *_: look_up(conn, user_id, account_id)}
    readers = []
    for name, ask in asked.items():
        before = read_whole(database)
        plans: Plans = "force_generic_plan" if name == "look up" else "auto"
        async with user_transaction(pool, user_id, plans=plans) as conn:
            await ask(conn, user_id, account_id, folder_id)
            await conn.execute("SELECT pg_stat_force_next_flush()")
        read = {table for table, times in read_whole(database).items() if times > before[table]}
        readers += [f"{name} reads {table}" for table in sorted(read)]
    assert readers == []


@pytest.mark.usefixtures("owner_of_many")
def test_a_table_that_is_read_whole_would_be_seen(database: Database) -> None:
    before = read_whole(database)
    with psycopg.connect(database.owner_url, autocommit=True) as conn:
        conn.execute("SELECT count(*) FROM message WHERE preview LIKE '%%nothing%%'")
        conn.execute("SELECT pg_stat_force_next_flush()")
    assert read_whole(database)["message"] > before["message"]
