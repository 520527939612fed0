"""How fast a mailbox may be asked: who waits, and until when its provider asked for patience."""

from datetime import datetime

from shared.models.accounts import ConnectedAccount, Urgency
from shared.storage.database import Connection


async def announce_waiting(conn: Connection, account: ConnectedAccount, urgency: Urgency, seconds: float) -> None:
    """Have the less urgent stand back for so long."""
    sql = """
        WITH wish AS (SELECT clock_timestamp() + make_interval(secs => %(seconds)s) AS until)
        UPDATE request_pace
           SET user_until = CASE WHEN %(is_user)s THEN until ELSE user_until END,
               urgent_until = CASE WHEN %(is_user)s THEN urgent_until ELSE until END
          FROM wish
         WHERE account_id = %(account_id)s
           AND user_id = %(user_id)s
    """
    params = {
        "account_id": account.id,
        "user_id": account.user_id,
        "is_user": urgency is Urgency.USER,
        "seconds": seconds,
    }
    await conn.execute(sql, params)


async def count_throttle(conn: Connection, account: ConnectedAccount, asked_at: datetime) -> int:
    """
    Count a refusal in a row; return how many they are.

    One that came after this request was asked counts for it too: those in flight together are one.
    """
    sql = """
        UPDATE request_pace
           SET throttles = throttles + CASE WHEN throttled_at < %(asked_at)s THEN 1 ELSE 0 END,
               throttled_at = CASE WHEN throttled_at < %(asked_at)s THEN clock_timestamp() ELSE throttled_at END
         WHERE account_id = %(account_id)s
           AND user_id = %(user_id)s
        RETURNING throttles
    """
    params = {"account_id": account.id, "user_id": account.user_id, "asked_at": asked_at}
    row = await (await conn.execute(sql, params)).fetchone()
    return int(row[0]) if row else 1


async def forget_throttles(conn: Connection, account: ConnectedAccount, asked_at: datetime) -> None:
    """Start counting anew, because a request that was asked after the last refusal went through."""
    sql = """
        UPDATE request_pace
           SET throttles = 0
         WHERE account_id = %(account_id)s
           AND user_id = %(user_id)s
           AND throttled_at < %(asked_at)s
    """
    await conn.execute(sql, {"account_id": account.id, "user_id": account.user_id, "asked_at": asked_at})


async def hold_requests(conn: Connection, account: ConnectedAccount, seconds: float) -> None:
    """Let no request to the mailbox out for so long."""
    sql = """
        UPDATE request_pace
           SET not_before = greatest(not_before, clock_timestamp() + make_interval(secs => %(seconds)s))
         WHERE account_id = %(account_id)s
           AND user_id = %(user_id)s
    """
    await conn.execute(sql, {"account_id": account.id, "user_id": account.user_id, "seconds": seconds})
