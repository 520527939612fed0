"""Audits at work: begun, claimed, recorded window by window, ended. Reading is elsewhere."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID, uuid4

from psycopg.rows import class_row, dict_row

from shared.models.accounts import ConnectedAccount
from shared.models.api import AuditOrigin, AuditState
from shared.models.audits import AuditProgress, Finding, FolderReport, Tally, WindowReport
from shared.storage.database import Connection


@dataclass(frozen=True, slots=True)
class DueAudit:
    audit_id: UUID
    account_id: UUID


@dataclass(frozen=True, slots=True)
class SilentAudit:
    audit_id: UUID
    account_id: UUID
    is_stopped: bool  # its account no longer works


async def begin_audit(conn: Connection, account: ConnectedAccount, origin: AuditOrigin) -> UUID:
    """Record that an account is to be audited, unless it is being; return the audit's id."""
    sql = """
        INSERT INTO audit (id, user_id, account_id, origin)
        VALUES (%(id)s, %(user_id)s, %(account_id)s, %(origin)s)
        ON CONFLICT (account_id) WHERE state = 'running' DO UPDATE SET state = audit.state
        RETURNING id
    """
    params = {"id": uuid4(), "user_id": account.user_id, "account_id": account.id, "origin": origin}
    row = await (await conn.execute(sql, params)).fetchone()
    if row is None:
        raise LookupError(f"account {account.id} is gone")
    audit_id: UUID = row[0]
    return audit_id


async def claim_audit(
    conn: Connection, account: ConnectedAccount, audit_id: UUID, holder: UUID, lease_seconds: float
) -> bool:
    """Be the only one to work on a running audit for so long; return whether nobody does."""
    sql = """
        UPDATE audit
           SET holder = %(holder)s, leased_until = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
         WHERE id = %(audit_id)s
           AND account_id = %(account_id)s
           AND user_id = %(user_id)s
           AND state = 'running'
           AND leased_until < clock_timestamp()
    """
    params = {
        "audit_id": audit_id,
        "account_id": account.id,
        "user_id": account.user_id,
        "holder": holder,
        "lease_seconds": lease_seconds,
    }
    return (await conn.execute(sql, params)).rowcount == 1


async def renew_audit(
    conn: Connection, account: ConnectedAccount, audit_id: UUID, holder: UUID, lease_seconds: float
) -> AuditProgress | None:
    """Prolong a lease and tell how far the audit is; None when it is no longer ours, or no longer runs."""
    sql = """
        UPDATE audit
           SET leased_until = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
         WHERE id = %(audit_id)s
           AND user_id = %(user_id)s
           AND holder = %(holder)s
           AND state = 'running'
        RETURNING id, account_id, position, received_before, started_at IS NOT NULL AS is_started, is_through,
                  findings
    """
    params = {"audit_id": audit_id, "user_id": account.user_id, "holder": holder, "lease_seconds": lease_seconds}
    async with conn.cursor(row_factory=dict_row) as cur:
        await cur.execute(sql, params)
        row = await cur.fetchone()
    if row is None:
        return None
    findings = [Finding.model_validate(each) for each in row.pop("findings")]
    return AuditProgress(findings=findings, **row)


async def release_audit(
    conn: Connection, account: ConnectedAccount, audit_id: UUID, holder: UUID, *, in_seconds: float
) -> None:
    """Let the next job work on it, which comes in so many seconds; until then it looks taken."""
    sql = """
        UPDATE audit
           SET holder = NULL, leased_until = clock_timestamp() + make_interval(secs => %(in_seconds)s)
         WHERE id = %(audit_id)s
           AND user_id = %(user_id)s
           AND holder = %(holder)s
    """
    params = {"audit_id": audit_id, "user_id": account.user_id, "holder": holder, "in_seconds": in_seconds}
    await conn.execute(sql, params)


async def add_requests(conn: Connection, account: ConnectedAccount, audit_id: UUID, requests: int) -> None:
    """Count requests of a turn that did not end the audit: its end counts its own."""
    sql = """
        UPDATE audit
           SET requests = requests + %(requests)s
         WHERE id = %(audit_id)s
           AND user_id = %(user_id)s
           AND state = 'running'
    """
    await conn.execute(sql, {"requests": requests, "audit_id": audit_id, "user_id": account.user_id})


async def start_audit(conn: Connection, account: ConnectedAccount, audit_id: UUID) -> None:
    """Record that the folder tree was read, and the windows may begin."""
    sql = """
        UPDATE audit
           SET started_at = coalesce(started_at, clock_timestamp())
         WHERE id = %(audit_id)s
           AND user_id = %(user_id)s
    """
    await conn.execute(sql, {"audit_id": audit_id, "user_id": account.user_id})


async def record_window(
    conn: Connection,
    account: ConnectedAccount,
    at: AuditProgress,
    window: WindowReport,
    *,
    folders: Mapping[str, int],
    findings: Sequence[Finding],
) -> bool:
    """
    Record a compared window and what is to be settled of it; return False, changing nothing, when somebody else did.

    The comparison with `at` is what keeps a window that is compared twice from being counted twice.
    """
    sql = """
        WITH moved AS (
            UPDATE audit
               SET position = position + 1,
                   received_before = %(received_from)s,
                   is_through = %(received_from)s::timestamptz IS NULL,
                   compared = compared + %(compared)s,
                   findings = %(findings)s::jsonb
             WHERE id = %(audit_id)s
               AND user_id = %(user_id)s
               AND state = 'running'
               AND position = %(position)s
               AND NOT is_through
               AND findings = '[]'
            RETURNING id
        )
        INSERT INTO audit_window (audit_id, position, user_id, received_from, received_before, compared, elsewhere,
                                  folders, digest)
        SELECT id, %(position)s, %(user_id)s, %(received_from)s, %(received_before)s, %(compared)s, %(elsewhere)s,
               %(folders)s::jsonb, %(digest)s
          FROM moved
    """
    params = {
        "audit_id": at.id,
        "user_id": account.user_id,
        "position": at.position,
        "received_from": window.received_from,
        "received_before": window.received_before,
        "compared": window.compared,
        "elsewhere": window.elsewhere,
        "folders": json.dumps(dict(folders)),
        "digest": window.digest,
        "findings": _json_of(findings),
    }
    return (await conn.execute(sql, params)).rowcount == 1


async def count_settled(
    conn: Connection, account: ConnectedAccount, at: AuditProgress, tally: Tally, *, left: Sequence[Finding]
) -> bool:
    """Count what became of some findings and keep the others; return False, counting nothing, if somebody else did."""
    sql = """
        UPDATE audit
           SET findings = %(left)s::jsonb,
               missing = missing + %(missing)s,
               different = different + %(different)s,
               extra = extra + %(extra)s,
               recent = recent + %(recent)s,
               repaired = repaired + %(repaired)s
         WHERE id = %(audit_id)s
           AND user_id = %(user_id)s
           AND state = 'running'
           AND position = %(position)s
           AND jsonb_array_length(findings) = %(count)s
    """
    params = {
        "audit_id": at.id,
        "user_id": account.user_id,
        "position": at.position,
        "count": len(at.findings),
        "left": _json_of(left),
        **asdict(tally),
    }
    return (await conn.execute(sql, params)).rowcount == 1


def _json_of(findings: Sequence[Finding]) -> str:
    return json.dumps([finding.model_dump(mode="json") for finding in findings])


async def end_audit(
    conn: Connection,
    account: ConnectedAccount,
    audit_id: UUID,
    state: AuditState,
    *,
    report: str | None = None,
    requests: int = 0,
) -> dict[str, Any] | None:
    """
    End a running audit, whose last turn made some requests; return its counts, None when somebody else ended it.

    Its windows go: the report has them.
    """
    await _delete_windows(conn, account, audit_id)
    sql = """
        UPDATE audit
           SET state = %(state)s, finished_at = clock_timestamp(), report = %(report)s, findings = '[]',
               requests = requests + %(requests)s
         WHERE id = %(audit_id)s
           AND user_id = %(user_id)s
           AND state = 'running'
        RETURNING compared, missing, different, extra, recent, repaired, requests
    """
    params = {
        "audit_id": audit_id,
        "user_id": account.user_id,
        "state": state,
        "report": report,
        "requests": requests,
    }
    async with conn.cursor(row_factory=dict_row) as cur:
        await cur.execute(sql, params)
        return await cur.fetchone()


async def _delete_windows(conn: Connection, account: ConnectedAccount, audit_id: UUID) -> None:
    sql = "DELETE FROM audit_window WHERE audit_id = %(audit_id)s AND user_id = %(user_id)s"
    await conn.execute(sql, {"audit_id": audit_id, "user_id": account.user_id})


# For the report


async def lock_audit_facts(conn: Connection, account: ConnectedAccount, audit_id: UUID) -> dict[str, Any] | None:
    """Lock an audit that is through against being ended by somebody else, and give what its report says of it."""
    sql = """
        SELECT audit.id AS audit_id, audit.account_id, account.provider, account.provider_tenant_id,
               account.provider_user_id, audit.origin, audit.requested_at, audit.started_at,
               clock_timestamp() AS finished_at, audit.compared, audit.missing, audit.different, audit.extra,
               audit.recent, audit.repaired, audit.requests
          FROM audit JOIN account ON account.id = audit.account_id
         WHERE audit.id = %(audit_id)s
           AND audit.user_id = %(user_id)s
           AND audit.state = 'running'
           AND audit.is_through
           AND audit.findings = '[]'
           FOR UPDATE OF audit
    """
    async with conn.cursor(row_factory=dict_row) as cur:
        await cur.execute(sql, {"audit_id": audit_id, "user_id": account.user_id})
        return await cur.fetchone()


async def list_windows(conn: Connection, account: ConnectedAccount, audit_id: UUID) -> list[WindowReport]:
    sql = """
        SELECT received_from, received_before, compared, elsewhere, digest
          FROM audit_window
         WHERE audit_id = %(audit_id)s
           AND user_id = %(user_id)s
         ORDER BY position
    """
    async with conn.cursor(row_factory=class_row(WindowReport)) as cur:
        await cur.execute(sql, {"audit_id": audit_id, "user_id": account.user_id})
        return await cur.fetchall()


async def list_folder_reports(conn: Connection, account: ConnectedAccount, audit_id: UUID) -> list[FolderReport]:
    sql = """
        SELECT folder.provider_folder_id, folder.well_known_name,
               (SELECT coalesce(sum((audit_window.folders ->> folder.provider_folder_id)::bigint), 0)
                  FROM audit_window
                 WHERE audit_window.audit_id = %(audit_id)s)::bigint AS compared,
               folder.provider_total_count AS provider_count,
               (SELECT count(*) FROM message
                 WHERE message.folder_id = folder.id AND deleted_at IS NULL) AS stored_count
          FROM folder
         WHERE folder.account_id = %(account_id)s
           AND folder.user_id = %(user_id)s
         ORDER BY folder.provider_folder_id
    """
    params = {"audit_id": audit_id, "account_id": account.id, "user_id": account.user_id}
    async with conn.cursor(row_factory=class_row(FolderReport)) as cur:
        await cur.execute(sql, params)
        return await cur.fetchall()


# Across users


async def begin_due_audits(conn: Connection, interval_seconds: float, most: int) -> list[DueAudit]:
    """Begin the audits of live accounts that are due, at most so many at once."""
    sql = "SELECT audit_id, account_id FROM begin_due_audits(%(interval_seconds)s, %(most)s)"
    async with conn.cursor(row_factory=class_row(DueAudit)) as cur:
        await cur.execute(sql, {"interval_seconds": interval_seconds, "most": most})
        return await cur.fetchall()


async def silent_audits(conn: Connection, silent_seconds: float) -> list[SilentAudit]:
    sql = """
        SELECT audit_id, account_id, is_stopped
          FROM silent_audits(clock_timestamp() - make_interval(secs => %(silent_seconds)s))
    """
    async with conn.cursor(row_factory=class_row(SilentAudit)) as cur:
        await cur.execute(sql, {"silent_seconds": silent_seconds})
        return await cur.fetchall()


async def purge_audits(conn: Connection, older_than_days: int) -> int:
    sql = "SELECT purge_audits(now() - make_interval(days => %(days)s))"
    row = await (await conn.execute(sql, {"days": older_than_days})).fetchone()
    return int(row[0]) if row else 0
