"""Search vectors, written from a backlog that messages enter when they are saved."""

from collections.abc import AsyncIterator, Mapping, Sequence
from uuid import UUID

from shared.models.accounts import ConnectedAccount
from shared.storage.database import Connection


async def take_search_backlog(
    conn: Connection, account: ConnectedAccount, *, most_messages: int, most_characters: int
) -> list[UUID]:
    """
    Take messages off the account's backlog, as many as have bodies of so many characters in all, but at least one.

    Their bodies stay locked, so who saves one of them meanwhile enters it again. Write their vectors in the same
    transaction.
    """
    sql = """
        WITH waiting AS (
            SELECT message_id, octet_length(html) AS characters
              FROM search_backlog JOIN message_body USING (message_id)
             WHERE search_backlog.account_id = %(account_id)s
               AND search_backlog.user_id = %(user_id)s
             LIMIT %(most_messages)s
               FOR UPDATE OF message_body SKIP LOCKED
        ), batch AS (
            SELECT message_id,
                   sum(characters) OVER (ORDER BY message_id ROWS UNBOUNDED PRECEDING) - characters AS before
              FROM waiting
        )
        DELETE FROM search_backlog
         WHERE message_id IN (SELECT message_id FROM batch WHERE coalesce(before, 0) <= %(most_characters)s)
           AND user_id = %(user_id)s
        RETURNING message_id
    """
    params = {
        "account_id": account.id,
        "user_id": account.user_id,
        "most_messages": most_messages,
        "most_characters": most_characters,
    }
    return [row[0] for row in await (await conn.execute(sql, params)).fetchall()]


async def bodies_without_text(
    conn: Connection, account: ConnectedAccount, message_ids: Sequence[UUID]
) -> AsyncIterator[tuple[UUID, str]]:
    """Give the HTML of those messages whose text nobody has taken from it yet."""
    sql = """
        SELECT message_id, html
          FROM message_body
         WHERE message_id = ANY(%(message_ids)b)
           AND user_id = %(user_id)s
           AND text IS NULL
           AND html IS NOT NULL
    """
    async with conn.cursor() as cur:
        await cur.execute(sql, {"message_ids": list(message_ids), "user_id": account.user_id}, binary=True)
        async for message_id, html in cur:
            yield message_id, html


async def save_texts(conn: Connection, account: ConnectedAccount, texts: Mapping[UUID, str]) -> None:
    sql = """
        UPDATE message_body
           SET text = new.text
          FROM unnest(%(message_ids)b::uuid[], %(texts)b::text[]) AS new (message_id, text)
         WHERE message_body.message_id = new.message_id
           AND user_id = %(user_id)s
    """
    params = {"message_ids": list(texts), "texts": list(texts.values()), "user_id": account.user_id}
    await conn.execute(sql, params)


async def write_vectors(conn: Connection, account: ConnectedAccount, message_ids: Sequence[UUID]) -> None:
    """
    Write the search vectors of some messages.

    Names and subject are matched as written and weigh more; the text is stemmed as English. Text beyond 200,000
    characters is left out, because a vector holds 1 MB at most. The owner is among the words: `messages_matching` asks
    for them.
    """
    sql = """
        INSERT INTO message_search (message_id, user_id, vector)
        SELECT message.id, message.user_id,
               array_to_tsvector(ARRAY['owner:' || message.user_id])
               || setweight(to_tsvector('simple', left(concat_ws(' ',
                   message.subject, message.from_name, message.from_address,
                   jsonb_path_query_array(message.to_recipients, '$[*].* ? (@ <> null)')::text,
                   jsonb_path_query_array(message.cc_recipients, '$[*].* ? (@ <> null)')::text), 20000)), 'A')
               || setweight(to_tsvector('english', left(message.subject, 2000)), 'A')
               || setweight(to_tsvector('english', left(coalesce(message_body.text, ''), 200000)), 'D')
          FROM message
          JOIN message_body ON message_body.message_id = message.id
         WHERE message.id = ANY(%(message_ids)b)
           AND message.user_id = %(user_id)s
           AND message.deleted_at IS NULL
        ON CONFLICT (message_id) DO UPDATE SET vector = excluded.vector
    """
    await conn.execute(sql, {"message_ids": list(message_ids), "user_id": account.user_id})


async def accounts_with_search_backlog(conn: Connection) -> list[UUID]:
    return [row[0] for row in await (await conn.execute("SELECT accounts_with_search_backlog()")).fetchall()]
