"""Search vectors, written from a backlog that messages enter when they are saved."""

from uuid import UUID

from shared.models.accounts import ConnectedAccount
from shared.storage.database import Connection


async def index_some_messages(conn: Connection, account: ConnectedAccount, limit: int) -> int:
    """
    Write the vectors of a batch of the account's backlog and take it off; return how many.

    Names and subject are matched as written and weigh more; the text is stemmed as English. Text beyond 200,000
    characters is left out, because a vector holds 1 MB at most.
    """
    sql = """
        WITH batch AS (
            SELECT message_id
              FROM search_backlog
             WHERE account_id = %(account_id)s
               AND user_id = %(user_id)s
             LIMIT %(limit)s
               FOR UPDATE SKIP LOCKED
        ), vectors AS (
            INSERT INTO message_search (message_id, user_id, vector)
            SELECT message.id, message.user_id,
                   setweight(to_tsvector('simple', left(concat_ws(' ',
                       message.subject, message.from_name, message.from_address,
                       jsonb_path_query_array(message.to_recipients, '$[*].* ? (@ <> null)')::text,
                       jsonb_path_query_array(message.cc_recipients, '$[*].* ? (@ <> null)')::text), 20000)), 'A')
                   || setweight(to_tsvector('english', left(message.subject, 2000)), 'A')
                   || setweight(to_tsvector('english', left(message_body.text, 200000)), 'D')
              FROM batch
              JOIN message ON message.id = batch.message_id
              JOIN message_body ON message_body.message_id = message.id
             WHERE message.deleted_at IS NULL
            ON CONFLICT (message_id) DO UPDATE SET vector = excluded.vector
        )
        DELETE FROM search_backlog
         WHERE message_id IN (SELECT message_id FROM batch)
           AND user_id = %(user_id)s
    """
    params = {"account_id": account.id, "user_id": account.user_id, "limit": limit}
    return (await conn.execute(sql, params)).rowcount


async def accounts_with_search_backlog(conn: Connection) -> list[UUID]:
    return [row[0] for row in await (await conn.execute("SELECT accounts_with_search_backlog()")).fetchall()]
