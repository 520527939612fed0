"""What a mailbox's owner sees of its audits."""

from uuid import UUID

from shared.mail.cursors import cursor_from, place_from
from shared.models.api import Audit, AuditQuery, Audits
from shared.storage.account_lists import read_account
from shared.storage.audit_lists import get_audit, get_report, list_audits
from shared.storage.database import Pool, user_transaction
from shared.storage.message_lists import Place


async def read_audits(pool: Pool, user_id: UUID, account_id: UUID, wanted: AuditQuery) -> Audits:
    """Read a page of an account's audits, newest first. Raises NotFound, and InvalidRequest for a foreign cursor."""
    place = place_from(wanted.cursor) if wanted.cursor else None
    before = (place.received_at, place.id) if place else None
    async with user_transaction(pool, user_id) as conn:
        await read_account(conn, user_id, account_id)
        found = await list_audits(conn, user_id, account_id, before=before, limit=wanted.limit + 1)
    items = list(found[: wanted.limit])
    more = cursor_from(Place(items[-1].requested_at, items[-1].id)) if len(found) > wanted.limit else None
    return Audits(items=items, next_cursor=more)


async def read_audit(pool: Pool, user_id: UUID, account_id: UUID, audit_id: UUID) -> Audit:
    async with user_transaction(pool, user_id) as conn:
        await read_account(conn, user_id, account_id)
        return await get_audit(conn, user_id, account_id, audit_id)


async def read_audit_report(pool: Pool, user_id: UUID, account_id: UUID, audit_id: UUID) -> str:
    """Read an audit's signed report. Raises NotFound also while the audit has none."""
    async with user_transaction(pool, user_id) as conn:
        await read_account(conn, user_id, account_id)
        return await get_report(conn, user_id, account_id, audit_id)
