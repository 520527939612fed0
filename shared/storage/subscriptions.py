"""Subscriptions: one per account."""

from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from shared.models.accounts import Subscription
from shared.storage.database import Connection


async def get_subscription(conn: Connection, user_id: UUID, account_id: UUID) -> Subscription | None:
    sql = """
        SELECT provider_subscription_id, expires_at
          FROM subscription
         WHERE account_id = %(account_id)s
           AND user_id = %(user_id)s
    """
    async with conn.cursor(row_factory=class_row(Subscription)) as cur:
        await cur.execute(sql, {"account_id": account_id, "user_id": user_id})
        return await cur.fetchone()


async def claim_subscribing(conn: Connection, user_id: UUID, account_id: UUID, lease_seconds: float) -> bool:
    """Keep others from making a subscription of the account at the same time; return whether nobody does."""
    sql = """
        UPDATE account
           SET subscribing_until = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
         WHERE id = %(account_id)s
           AND user_id = %(user_id)s
           AND subscribing_until < clock_timestamp()
    """
    params = {"account_id": account_id, "user_id": user_id, "lease_seconds": lease_seconds}
    return (await conn.execute(sql, params)).rowcount == 1


async def release_subscribing(conn: Connection, user_id: UUID, account_id: UUID) -> None:
    sql = "UPDATE account SET subscribing_until = '-infinity' WHERE id = %(account_id)s AND user_id = %(user_id)s"
    await conn.execute(sql, {"account_id": account_id, "user_id": user_id})


async def save_subscription(
    conn: Connection, user_id: UUID, account_id: UUID, *, provider_subscription_id: str, expires_at: datetime
) -> None:
    sql = """
        INSERT INTO subscription (account_id, user_id, provider_subscription_id, expires_at)
        VALUES (%(account_id)s, %(user_id)s, %(provider_subscription_id)s, %(expires_at)s)
        ON CONFLICT (account_id) DO UPDATE
           SET provider_subscription_id = excluded.provider_subscription_id,
               expires_at = excluded.expires_at,
               renewed_at = clock_timestamp()
    """
    params = {
        "account_id": account_id,
        "user_id": user_id,
        "provider_subscription_id": provider_subscription_id,
        "expires_at": expires_at,
    }
    await conn.execute(sql, params)


async def delete_subscription(conn: Connection, user_id: UUID, account_id: UUID) -> None:
    sql = "DELETE FROM subscription WHERE account_id = %(account_id)s AND user_id = %(user_id)s"
    await conn.execute(sql, {"account_id": account_id, "user_id": user_id})
