"""Subscriptions: one per account, and when somebody sees to them next."""

from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from shared.models.accounts import Subscription
from shared.storage.database import Connection


async def get_subscription(conn: Connection, user_id: UUID, account_id: UUID) -> Subscription | None:
    sql = """
        SELECT provider_subscription_id, expires_at, terms, renew_at < clock_timestamp() AS is_due
          FROM subscription
         WHERE account_id = %(account_id)s
           AND user_id = %(user_id)s
    """
    async with conn.cursor(row_factory=class_row(Subscription)) as cur:
        await cur.execute(sql, {"account_id": account_id, "user_id": user_id})
        return await cur.fetchone()


async def claim_accounts_to_subscribe(conn: Connection, *, terms: str, hold_seconds: float, most: int) -> list[UUID]:
    """Take accounts whose subscription is missing, due, or on other terms; nobody else gets them for a while."""
    sql = "SELECT claim_accounts_to_subscribe(%(terms)s, %(hold_seconds)s, %(most)s)"
    params = {"terms": terms, "hold_seconds": hold_seconds, "most": most}
    return [row[0] for row in await (await conn.execute(sql, params)).fetchall()]


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
    conn: Connection,
    user_id: UUID,
    account_id: UUID,
    *,
    provider_subscription_id: str,
    expires_at: datetime,
    terms: str,
    share: float,
) -> bool:
    """
    Keep what the provider granted, due again after `share` of what is left of its life.

    Return False, and keep nothing, when the account was disconnected meanwhile.
    """
    sql = """
        INSERT INTO subscription (account_id, user_id, provider_subscription_id, expires_at, terms, renew_at)
        SELECT id, user_id, %(provider_subscription_id)s, %(expires_at)s, %(terms)s,
               clock_timestamp() + %(share)s * greatest(%(expires_at)s - clock_timestamp(), interval '0')
          FROM account
         WHERE id = %(account_id)s
           AND user_id = %(user_id)s
           AND state <> 'disconnected'
           FOR UPDATE
        ON CONFLICT (account_id) DO UPDATE
           SET provider_subscription_id = excluded.provider_subscription_id,
               expires_at = excluded.expires_at,
               terms = excluded.terms,
               renew_at = excluded.renew_at,
               renewed_at = clock_timestamp(),
               made_at = CASE WHEN subscription.provider_subscription_id = excluded.provider_subscription_id
                              THEN subscription.made_at ELSE clock_timestamp() END
    """
    params = {
        "account_id": account_id,
        "user_id": user_id,
        "provider_subscription_id": provider_subscription_id,
        "expires_at": expires_at,
        "terms": terms,
        "share": share,
    }
    return (await conn.execute(sql, params)).rowcount == 1


async def clear_subscription_problem(conn: Connection, user_id: UUID, account_id: UUID) -> bool:
    """Forget refusals; return whether the owner saw a problem so far."""
    sql = """
        WITH before AS (
            SELECT id, subscription_problem
              FROM account
             WHERE id = %(account_id)s
               AND user_id = %(user_id)s
               FOR UPDATE
        )
        UPDATE account
           SET subscription_problem = NULL, subscription_failures = 0, subscribe_not_before = '-infinity'
          FROM before
         WHERE account.id = before.id
        RETURNING before.subscription_problem IS NOT NULL
    """
    row = await (await conn.execute(sql, {"account_id": account_id, "user_id": user_id})).fetchone()
    return bool(row and row[0])


async def record_subscription_problem(
    conn: Connection, user_id: UUID, account_id: UUID, *, error_code: str, first_seconds: float, most_seconds: float
) -> bool:
    """Have the timer ask again later, each time twice as late; return whether the owner sees another problem now."""
    sql = """
        WITH before AS (
            SELECT id, subscription_problem
              FROM account
             WHERE id = %(account_id)s
               AND user_id = %(user_id)s
               FOR UPDATE
        )
        UPDATE account
           SET subscription_problem = %(error_code)s,
               subscription_failures = least(subscription_failures + 1, 30),
               subscribe_not_before = clock_timestamp() + make_interval(
                   secs => least(%(first_seconds)s * 2 ^ subscription_failures, %(most_seconds)s))
          FROM before
         WHERE account.id = before.id
        RETURNING before.subscription_problem IS DISTINCT FROM %(error_code)s
    """
    params = {
        "account_id": account_id,
        "user_id": user_id,
        "error_code": error_code,
        "first_seconds": first_seconds,
        "most_seconds": most_seconds,
    }
    row = await (await conn.execute(sql, params)).fetchone()
    return bool(row and row[0])


async def delete_subscription(conn: Connection, user_id: UUID, account_id: UUID) -> None:
    sql = "DELETE FROM subscription WHERE account_id = %(account_id)s AND user_id = %(user_id)s"
    await conn.execute(sql, {"account_id": account_id, "user_id": user_id})
