"""Accounts: one row per connected mailbox."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from shared.errors import MailboxTaken, NotFound
from shared.models.accounts import ConnectedAccount
from shared.models.api import AccountState
from shared.models.mail import ProviderProfile
from shared.storage.database import Connection
from shared.storage.sync_runs import ensure_run

_WORKING: Final = (AccountState.CONNECTING, AccountState.SYNCING, AccountState.LIVE)
VISITED_STATES: Final = (AccountState.NEEDS_ADMIN, AccountState.SUSPENDED)
LEADING_TO: Final[Mapping[AccountState, Sequence[AccountState]]] = {
    AccountState.SYNCING: (AccountState.CONNECTING, AccountState.NEEDS_SIGN_IN, *VISITED_STATES),
    AccountState.LIVE: (AccountState.CONNECTING, AccountState.SYNCING),
    AccountState.NEEDS_SIGN_IN: (*_WORKING, *VISITED_STATES),
    AccountState.NEEDS_ADMIN: (*_WORKING, AccountState.NEEDS_SIGN_IN, AccountState.SUSPENDED),
    AccountState.SUSPENDED: (*_WORKING, AccountState.NEEDS_SIGN_IN, AccountState.NEEDS_ADMIN),
    AccountState.DISCONNECTED: (*_WORKING, AccountState.NEEDS_SIGN_IN, *VISITED_STATES),
}
"""From which states each may be reached; the type's comment in the database says when."""


async def owner_of_account(conn: Connection, account_id: UUID) -> UUID:
    """Tell whose account it is, for work that arrives with the account's id only. Raises NotFound."""
    sql = "SELECT owner_of_account(%(account_id)s)"
    row = await (await conn.execute(sql, {"account_id": account_id})).fetchone()
    if row is None or row[0] is None:
        raise NotFound(f"account {account_id}")
    return UUID(str(row[0]))


async def get_account(conn: Connection, user_id: UUID, account_id: UUID) -> ConnectedAccount:
    sql = """
        SELECT id, user_id, address, state, delayed_until IS NOT NULL AS is_delayed
          FROM account
         WHERE id = %(account_id)s
           AND user_id = %(user_id)s
    """
    async with conn.cursor(row_factory=class_row(ConnectedAccount)) as cur:
        await cur.execute(sql, {"account_id": account_id, "user_id": user_id})
        if account := await cur.fetchone():
            return account
    raise NotFound(f"account {account_id}")


async def connect_mailbox(conn: Connection, user_id: UUID, provider: str, profile: ProviderProfile) -> ConnectedAccount:
    """
    Record that a user connected a mailbox, or connected it again; the id stays the same.

    A new account has its first sync run in the same transaction: if nobody sends its job, the sweep does.
    Raises MailboxTaken when another user has it.
    """
    if account_id := await _connected_account_id(conn, user_id, provider, profile):
        return await _reconnect(conn, user_id, account_id, profile)
    account_id = uuid4()
    try:
        async with conn.transaction():
            await _insert_account(conn, user_id, account_id, provider, profile)
    except UniqueViolation as exc:
        raise MailboxTaken(f"a mailbox of tenant {profile.tenant_id}") from exc
    await _insert_request_slots(conn, user_id, account_id)
    await _insert_request_pace(conn, user_id, account_id)
    account = await get_account(conn, user_id, account_id)
    await ensure_run(conn, account)
    return account


async def _connected_account_id(
    conn: Connection, user_id: UUID, provider: str, profile: ProviderProfile
) -> UUID | None:
    sql = """
        SELECT id, user_id
          FROM account_of_mailbox(%(provider)s, %(tenant_id)s, %(provider_user_id)s)
    """
    params = {"provider": provider, "tenant_id": profile.tenant_id, "provider_user_id": profile.user_id}
    row = await (await conn.execute(sql, params)).fetchone()
    if row is None:
        return None
    if row[1] != user_id:
        raise MailboxTaken(f"account {row[0]}")
    return UUID(str(row[0]))


async def _reconnect(conn: Connection, user_id: UUID, account_id: UUID, profile: ProviderProfile) -> ConnectedAccount:
    sql = """
        UPDATE account
           SET address = %(address)s,
               display_name = %(display_name)s,
               state = CASE WHEN state IN ('needs_sign_in', 'needs_admin', 'suspended') THEN 'syncing' ELSE state END,
               state_reason = NULL,
               delayed_until = NULL,
               delay_reason = NULL,
               visit_at = NULL,
               sign_in_claims = NULL
         WHERE id = %(account_id)s
           AND user_id = %(user_id)s
    """
    await conn.execute(
        sql,
        {
            "account_id": account_id,
            "user_id": user_id,
            "address": profile.address,
            "display_name": profile.display_name,
        },
    )
    return await get_account(conn, user_id, account_id)


async def _insert_account(
    conn: Connection, user_id: UUID, account_id: UUID, provider: str, profile: ProviderProfile
) -> None:
    sql = """
        INSERT INTO account (id, user_id, provider, provider_tenant_id, provider_user_id, address, display_name)
        VALUES (%(id)s, %(user_id)s, %(provider)s, %(tenant_id)s, %(provider_user_id)s, %(address)s, %(display_name)s)
    """
    await conn.execute(
        sql,
        {
            "id": account_id,
            "user_id": user_id,
            "provider": provider,
            "tenant_id": profile.tenant_id,
            "provider_user_id": profile.user_id,
            "address": profile.address,
            "display_name": profile.display_name,
        },
    )


async def _insert_request_slots(conn: Connection, user_id: UUID, account_id: UUID) -> None:
    sql = """
        INSERT INTO request_slot (account_id, slot, user_id)
        SELECT %(account_id)s, slot, %(user_id)s FROM generate_series(0, 3) AS slot
    """
    await conn.execute(sql, {"account_id": account_id, "user_id": user_id})


async def _insert_request_pace(conn: Connection, user_id: UUID, account_id: UUID) -> None:
    sql = "INSERT INTO request_pace (account_id, user_id) VALUES (%(account_id)s, %(user_id)s)"
    await conn.execute(sql, {"account_id": account_id, "user_id": user_id})


async def change_account_state(
    conn: Connection, account: ConnectedAccount, to: AccountState, *, reason: str | None = None
) -> bool:
    """
    Move an account to another state, if one leads there; return whether it moved.

    A state that needs an administrator is visited again, for the first time after an hour.
    """
    sql = """
        UPDATE account
           SET state = %(to)s,
               state_reason = %(reason)s,
               delayed_until = NULL,
               delay_reason = NULL,
               visits = 0,
               visit_at = CASE WHEN %(is_visited)s THEN clock_timestamp() + interval '1 hour' END
         WHERE id = %(account_id)s
           AND user_id = %(user_id)s
           AND state = ANY (%(allowed)s::account_state[])
    """
    params = {
        "account_id": account.id,
        "user_id": account.user_id,
        "to": to,
        "reason": reason,
        "allowed": [state.value for state in LEADING_TO[to]],
        "is_visited": to in VISITED_STATES,
    }
    return (await conn.execute(sql, params)).rowcount == 1


async def keep_claims(conn: Connection, account: ConnectedAccount, claims: str) -> None:
    """Keep what the provider wants to see proved when the owner signs in again."""
    sql = """
        UPDATE account
           SET sign_in_claims = %(claims)s
         WHERE id = %(account_id)s
           AND user_id = %(user_id)s
    """
    await conn.execute(sql, {"account_id": account.id, "user_id": account.user_id, "claims": claims})


async def wanted_claims(conn: Connection, user_id: UUID) -> str | None:
    """Tell what a user has to prove at the next sign-in, for the account that was connected last of those that wait."""
    sql = """
        SELECT sign_in_claims
          FROM account
         WHERE user_id = %(user_id)s
           AND state = 'needs_sign_in'
           AND sign_in_claims IS NOT NULL
         ORDER BY connected_at DESC
         LIMIT 1
    """
    row = await (await conn.execute(sql, {"user_id": user_id})).fetchone()
    return str(row[0]) if row else None


async def delay_account(conn: Connection, account: ConnectedAccount, *, seconds: float, reason: str) -> bool:
    """
    Note until when a working account waits for its provider; return whether its owner should be told.

    That is when it did not wait, or waits for another reason, or for a minute longer or shorter than was told.
    """
    sql = """
        WITH wait AS (SELECT clock_timestamp() + make_interval(secs => %(seconds)s) AS until)
        UPDATE account
           SET delayed_until = wait.until, delay_reason = %(reason)s
          FROM wait
         WHERE id = %(account_id)s
           AND user_id = %(user_id)s
           AND state IN ('connecting', 'syncing', 'live')
           AND (delayed_until IS NULL
                OR delay_reason IS DISTINCT FROM %(reason)s
                OR abs(extract(epoch FROM wait.until - delayed_until)) > 60)
    """
    params = {"account_id": account.id, "user_id": account.user_id, "seconds": seconds, "reason": reason}
    return (await conn.execute(sql, params)).rowcount == 1


async def end_delay(conn: Connection, account: ConnectedAccount) -> bool:
    """Note that a provider answers again; return whether an account waited for it."""
    sql = """
        UPDATE account
           SET delayed_until = NULL, delay_reason = NULL
         WHERE id = %(account_id)s
           AND user_id = %(user_id)s
           AND delayed_until IS NOT NULL
    """
    return (await conn.execute(sql, {"account_id": account.id, "user_id": account.user_id})).rowcount == 1


async def accounts_due_for_visit(conn: Connection, limit: int) -> list[UUID]:
    """Claim those whose mailbox may have been opened again; each is due less often than before."""
    sql = "SELECT accounts_due_for_visit(%(limit)s)"
    return [row[0] for row in await (await conn.execute(sql, {"limit": limit})).fetchall()]


async def claim_changes(conn: Connection, account: ConnectedAccount, lease_seconds: float) -> bool:
    """
    Be the only one to follow an account's delta; return whether nobody does.

    Who comes second leaves word, so that the first goes through it once more.
    """
    sql = """
        UPDATE account
           SET changes_wanted = changes_leased_until >= clock_timestamp(),
               changes_leased_until = CASE WHEN changes_leased_until < clock_timestamp()
                                           THEN clock_timestamp() + make_interval(secs => %(lease_seconds)s)
                                           ELSE changes_leased_until END
         WHERE id = %(account_id)s
           AND user_id = %(user_id)s
        RETURNING NOT changes_wanted
    """
    params = {"account_id": account.id, "user_id": account.user_id, "lease_seconds": lease_seconds}
    row = await (await conn.execute(sql, params)).fetchone()
    return bool(row and row[0])


async def hold_changes(conn: Connection, account: ConnectedAccount, seconds: float) -> None:
    """Keep others from following an account's delta for so long, then let anybody."""
    sql = """
        UPDATE account
           SET changes_leased_until = clock_timestamp() + make_interval(secs => %(seconds)s)
         WHERE id = %(account_id)s
           AND user_id = %(user_id)s
    """
    await conn.execute(sql, {"account_id": account.id, "user_id": account.user_id, "seconds": seconds})


async def finish_changes(conn: Connection, account: ConnectedAccount) -> bool:
    """Note that delta went through every folder; return whether somebody wanted it meanwhile."""
    sql = """
        UPDATE account
           SET changes_checked_at = clock_timestamp(), changes_leased_until = '-infinity'
         WHERE id = %(account_id)s
           AND user_id = %(user_id)s
        RETURNING changes_wanted
    """
    row = await (await conn.execute(sql, {"account_id": account.id, "user_id": account.user_id})).fetchone()
    return bool(row and row[0])


async def delete_account(conn: Connection, user_id: UUID, account_id: UUID) -> None:
    """Delete a disconnected account's row, and by cascade what is small; its messages must be gone before."""
    sql = """
        DELETE FROM account
         WHERE id = %(account_id)s
           AND user_id = %(user_id)s
           AND state = 'disconnected'
    """
    await conn.execute(sql, {"account_id": account_id, "user_id": user_id})


async def claim_accounts_for_changes(
    conn: Connection, *, shortest_seconds: float, longest_seconds: float, most: int
) -> list[UUID]:
    """Take accounts of which a folder is due, or that nobody visited for `longest_seconds`; each once in a while."""
    sql = """
        SELECT claim_accounts_for_changes(clock_timestamp() - make_interval(secs => %(shortest)s),
                                          clock_timestamp() - make_interval(secs => %(longest)s), %(most)s)
    """
    params = {"shortest": shortest_seconds, "longest": longest_seconds, "most": most}
    return [row[0] for row in await (await conn.execute(sql, params)).fetchall()]


async def count_unannounced(
    conn: Connection, account: ConnectedAccount, message_ids: Sequence[UUID], *, since: datetime, latency_seconds: float
) -> int:
    """
    Count which of some messages delta has brought since a moment, though a notification had time to.

    That is, the provider changed them longer ago than its notifications take, and after the present subscription was
    made. The account's owner sees the sum. Removals carry no time, and are not counted.
    """
    sql = """
        WITH late AS (
            SELECT count(*) AS changes
              FROM message
              JOIN subscription ON subscription.account_id = message.account_id
             WHERE message.id = ANY(%(message_ids)s)
               AND message.user_id = %(user_id)s
               AND saved_at >= %(since)s
               AND deleted_at IS NULL
               AND last_modified_at < clock_timestamp() - make_interval(secs => %(latency)s)
               AND last_modified_at > made_at
               AND subscription.expires_at > clock_timestamp()
        )
        UPDATE account
           SET changes_unannounced = changes_unannounced + late.changes
          FROM late
         WHERE account.id = %(account_id)s
           AND account.user_id = %(user_id)s
           AND late.changes > 0
        RETURNING late.changes
    """
    params = {
        "account_id": account.id,
        "user_id": account.user_id,
        "message_ids": list(message_ids),
        "since": since,
        "latency": latency_seconds,
    }
    row = await (await conn.execute(sql, params)).fetchone()
    return int(row[0]) if row else 0


async def accounts_to_remove(conn: Connection) -> list[UUID]:
    return [row[0] for row in await (await conn.execute("SELECT accounts_to_remove()")).fetchall()]
