"""When audits are begun and forgotten."""

from typing import Any

import pytest
from psycopg import AsyncConnection

from shared.errors import Conflict, NotFound, ReauthenticationRequired
from shared.models.api import AuditState
from shared.models.jobs import AuditMailbox
from shared.storage.audits import (
    begin_due_audits,
)
from shared.storage.database import Pool, system_transaction
from shared.sync.audits import forget_audits, request_audits
from tests.integration.mirrored.mirror import Mirror

Owner = AsyncConnection[tuple[Any, ...]]


async def test_an_audit_is_asked_for_only_where_there_is_something_to_compare(mail: Mirror) -> None:
    await mail.query("UPDATE account SET state = 'syncing'")
    with pytest.raises(Conflict):
        await mail.request_audit()
    await mail.query("UPDATE account SET state = 'needs_sign_in'")
    with pytest.raises(ReauthenticationRequired):
        await mail.request_audit()


async def test_asking_again_goes_on_with_an_audit_whose_job_came_while_the_owner_had_to_sign_in(mail: Mirror) -> None:
    audit_id = await mail.request_audit()
    await mail.query("UPDATE account SET state = 'needs_sign_in'")
    await mail.run_all()
    await mail.query("UPDATE account SET state = 'live'")
    assert (await mail.audit()).id == audit_id
    assert (await mail.seen(audit_id)).state is AuditState.COMPLETED


async def test_the_timer_begins_an_audit_once_per_interval(mail: Mirror) -> None:
    await mail.query("UPDATE account SET connected_at = now() - interval '2 days'")
    await request_audits(mail.engine)
    (begun,) = mail.jobs.take()
    assert isinstance(begun.job, AuditMailbox)
    await request_audits(mail.engine)
    assert mail.jobs.take() == []
    await mail.run(begun.job)
    await request_audits(mail.engine)
    assert mail.jobs.take() == []
    assert await mail.query("SELECT origin::text, state::text FROM audit") == [("schedule", "completed")]


async def test_audits_of_accounts_connected_together_are_spread(pool: Pool, owner: Owner) -> None:
    await owner.execute(
        """WITH person AS (INSERT INTO app_user (id, email, password_hash, name)
                           VALUES (gen_random_uuid(), 'many@contoso.example', 'x', '') RETURNING id)
           INSERT INTO account (id, user_id, provider, provider_tenant_id, provider_user_id, address, display_name,
                                state, connected_at)
           SELECT gen_random_uuid(), person.id, 'outlook', 't', n::text, 'a', 'a', 'live', now() - interval '12 hours'
             FROM person, generate_series(1, 400) AS n"""
    )
    async with system_transaction(pool) as conn:
        due = await begin_due_audits(conn, 86_400, 1_000)
        assert 130 < len(due) < 270
        assert await begin_due_audits(conn, 86_400, 1_000) == []


async def test_old_audits_are_forgotten(mail: Mirror) -> None:
    audit = await mail.audit()
    await forget_audits(mail.engine)
    assert await mail.seen(audit.id)
    await mail.query("UPDATE audit SET finished_at = now() - interval '401 days'")
    await forget_audits(mail.engine)
    with pytest.raises(NotFound):
        await mail.seen(audit.id)
