"""What becomes of an audit when its worker dies, others work on it too, or the provider refuses."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from psycopg import AsyncConnection

from shared.errors import NotFound
from shared.models.accounts import ConnectedAccount
from shared.models.api import AuditOrigin, AuditState
from shared.models.audits import Finding, Tally, WindowReport
from shared.models.jobs import AuditMailbox
from shared.storage.audits import (
    begin_audit,
    claim_audit,
    count_settled,
    record_window,
    renew_audit,
    start_audit,
)
from shared.storage.database import Pool, user_transaction
from shared.sync.audits import request_audits
from tests.integration.mirrored.mirror import Mirror, WorkerDied, damage

TREE_REQUESTS = 3  # as for a clean mailbox
Owner = AsyncConnection[tuple[Any, ...]]


async def test_a_worker_may_die_before_any_request_and_nothing_is_counted_twice_or_lost(mail: Mirror) -> None:
    async def die() -> None:
        raise WorkerDied

    number = 0
    is_done = False
    while not is_done:
        number += 1
        await damage(mail)
        mail.doorstep.reset()
        mail.doorstep.before = {number: die}
        audit_id = await mail.request_audit()
        try:
            await mail.run_all()
            is_done = True
        except WorkerDied:
            await mail.query("UPDATE audit SET holder = gen_random_uuid(), requested_at = now() - interval '1 hour'")
            await mail.query("UPDATE audit SET leased_until = now() - interval '1 hour'")
            await request_audits(mail.engine)
            await mail.run_all()
        audit = await mail.seen(audit_id)
        assert audit.state is AuditState.COMPLETED, number
        assert (audit.missing, audit.different, audit.extra, audit.repaired) == (3, 5, 2, 10), number
        assert mail.prove().holds, number
    assert number > TREE_REQUESTS + 4


async def test_many_jobs_of_one_audit_count_once(mail: Mirror) -> None:
    await damage(mail)
    audit_id = await mail.request_audit()
    job = AuditMailbox(account_id=mail.account.id, audit_id=audit_id)
    await asyncio.gather(*(mail.run(job) for _ in range(4)))
    await mail.run_all()
    audit = await mail.seen(audit_id)
    assert (audit.compared, audit.missing, audit.different, audit.extra, audit.repaired) == (60, 3, 5, 2, 10)
    assert mail.prove().holds


async def test_what_two_workers_record_of_one_window_counts_once(
    pool: Pool, account: ConnectedAccount, owner: Owner
) -> None:
    window = WindowReport(received_from=None, received_before=None, compared=7, elsewhere=0, digest="d")
    findings = [Finding(provider_message_id=name, row=None, is_listed=True, is_recent=False) for name in "abc"]
    async with user_transaction(pool, account.user_id) as conn:
        audit_id = await begin_audit(conn, account, AuditOrigin.OWNER)
        holder = uuid4()
        await claim_audit(conn, account, audit_id, holder, 60)
        await start_audit(conn, account, audit_id)
        at = await renew_audit(conn, account, audit_id, holder, 60)
        assert at is not None
        assert await record_window(conn, account, at, window, folders={"inbox": 7}, findings=findings)
        assert not await record_window(conn, account, at, window, folders={"inbox": 7}, findings=findings)
        at = await renew_audit(conn, account, audit_id, holder, 60)
        assert at is not None
        assert at.findings == findings
        assert await count_settled(conn, account, at, Tally(missing=2), left=findings[2:])
        assert not await count_settled(conn, account, at, Tally(missing=2), left=findings[2:])
    assert await (await owner.execute("SELECT compared, missing FROM audit")).fetchall() == [(7, 2)]


async def test_throttling_midway_puts_the_audit_off_and_changes_nothing(mail: Mirror) -> None:
    await damage(mail)
    mail.admin.fault("throttled", path="me/messages\\?", after=1, times=1, retry_after_seconds=1)
    audit_id = await mail.request_audit()
    (first,) = mail.jobs.take()
    await mail.run(first.job)
    (later,) = mail.jobs.take(AuditMailbox)
    assert later.delay_seconds >= 1
    assert (await mail.seen(audit_id)).state is AuditState.RUNNING
    await mail.query("UPDATE request_pace SET not_before = '-infinity'")
    await mail.query("UPDATE audit SET leased_until = '-infinity'")
    await mail.run(later.job)
    await mail.run_all()
    audit = await mail.seen(audit_id)
    assert (audit.state, audit.missing, audit.different, audit.extra) == (AuditState.COMPLETED, 3, 5, 2)
    assert mail.prove().holds


async def test_a_provider_that_takes_too_long_is_asked_for_less(mail: Mirror) -> None:
    mail.admin.fault("timeout", path="me/messages\\?.*top=(1000|500|250|125|62|31)&?", times=None)
    audit = await mail.audit()
    assert (audit.state, audit.compared) == (AuditState.COMPLETED, 60)


async def test_an_audit_of_an_owner_who_must_sign_in_is_stopped(mail: Mirror) -> None:
    async def revoke() -> None:
        mail.admin.revoke(mail.address)

    mail.doorstep.before[TREE_REQUESTS + 2] = revoke
    audit = await mail.audit()
    assert audit.state is AuditState.STOPPED
    assert audit.finished_at is not None
    assert await mail.query("SELECT state::text FROM account") == [("needs_sign_in",)]
    assert await mail.query("SELECT data ->> 'state' FROM event WHERE kind = 'audit.finished'") == [("stopped",)]
    with pytest.raises(NotFound):
        await mail.report(audit.id)


async def test_the_timer_stops_audits_of_accounts_that_another_job_found_closed(mail: Mirror) -> None:
    audit_id = await mail.request_audit()
    await mail.query("UPDATE audit SET requested_at = now() - interval '1 hour'")
    await mail.query("UPDATE account SET state = 'suspended'")
    await request_audits(mail.engine)
    assert (await mail.seen(audit_id)).state is AuditState.STOPPED
