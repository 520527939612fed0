"""After a rotation of the token encryption keys all tokens come under the newest, whatever interrupts the jobs."""

import base64
import secrets
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection

from shared.encryption import Cipher, SealBroken, Sealed
from shared.jobs import Later
from shared.models.accounts import ConnectedAccount
from shared.models.jobs import ResealTokens
from shared.models.mail import ProviderProfile
from shared.providers.protocol import MailProvider
from shared.secrets import SecretSource
from shared.storage.account_tokens import StoredTokens, count_token_keys, find_tokens, put_tokens
from shared.storage.accounts import connect_mailbox
from shared.storage.database import Pool, system_transaction, user_transaction
from shared.sync.dispatch import run_job
from shared.sync.engine import Engine
from shared.sync.token_keys import request_resealing
from tests.deployment import settings_of
from tests.integration.conftest import add_user
from tests.integration.mirrored.mirror import KeptJobs

FIRST, SECOND = secrets.token_bytes(32), secrets.token_bytes(32)
Owner = AsyncConnection[tuple[Any, ...]]


def ring(**keys: bytes) -> dict[str, str]:
    return {key_id: base64.urlsafe_b64encode(key).decode() for key_id, key in keys.items()}


@dataclass
class Deployment:
    """Accounts with sealed tokens, and the keys that are in the settings now."""

    engine: Engine
    jobs: KeptJobs

    def take_keys(self, **keys: bytes) -> None:
        settings = settings_of(token_encryption_keys=ring(**keys))
        self.engine = replace(self.engine, settings=settings, secrets=SecretSource(settings, None))

    async def connect(self, user_id: UUID, number: int) -> ConnectedAccount:
        profile = ProviderProfile("tenant", f"object {number}", f"mailbox{number}@contoso.example", "")
        async with user_transaction(self.engine.pool, user_id) as conn:
            account = await connect_mailbox(conn, user_id, "outlook", profile)
            sealed = Cipher(self.engine.secrets.current.token_encryption_keys).seal(tokens_of(account), account.id)
            await put_tokens(conn, user_id, account.id, StoredTokens(sealed.key_id, sealed.nonce, sealed.ciphertext))
        return account

    async def asked(self) -> list[Later]:
        await request_resealing(self.engine)
        return self.jobs.take()

    async def run(self, later: Later) -> list[Later]:
        await run_job(self.engine, later.job.model_dump_json().encode())
        return self.jobs.take()

    async def opens(self, account: ConnectedAccount, **keys: bytes) -> bool:
        async with user_transaction(self.engine.pool, account.user_id) as conn:
            stored = await find_tokens(conn, account.user_id, account.id)
        assert stored is not None
        try:
            opened = Cipher(keys).open(Sealed(stored.key_id, stored.nonce, stored.ciphertext), account.id)
        except SealBroken:
            return False
        return opened == tokens_of(account)

    async def counted(self) -> dict[str, int]:
        async with system_transaction(self.engine.pool) as conn:
            return await count_token_keys(conn)


def tokens_of(account: ConnectedAccount) -> bytes:
    return f"tokens of {account.id}".encode()


def no_provider(*_: object) -> MailProvider:
    raise AssertionError("keys are no reason to ask a provider")


async def nobody_listens(*_: object) -> None: ...


@pytest.fixture
def deployment(pool: Pool) -> Deployment:
    settings, jobs = settings_of(token_encryption_keys=ring(first=FIRST)), KeptJobs()
    engine = Engine(settings, SecretSource(settings, None), pool, jobs, no_provider, nobody_listens)
    return Deployment(engine, jobs)


@pytest.fixture
async def accounts(deployment: Deployment, owner: Owner) -> list[ConnectedAccount]:
    """Of two users."""
    users = [await add_user(owner, f"user{number}@contoso.example") for number in range(2)]
    return [await deployment.connect(users[number % 2], number) for number in range(5)]


async def test_nothing_is_sealed_anew_while_the_newest_key_sealed_everything(
    deployment: Deployment, accounts: list[ConnectedAccount]
) -> None:
    assert await deployment.asked() == []
    assert await deployment.counted() == {"first": len(accounts)}


async def test_after_a_rotation_the_old_key_can_go(deployment: Deployment, accounts: list[ConnectedAccount]) -> None:
    deployment.take_keys(second=SECOND, first=FIRST)
    jobs = await deployment.asked()
    assert {later.job.account_id for later in jobs} == {account.id for account in accounts}
    for later in jobs:
        assert await deployment.run(later) == []
    assert await deployment.counted() == {"second": len(accounts)}
    assert all([await deployment.opens(account, second=SECOND) for account in accounts])
    assert await deployment.asked() == []


async def test_jobs_that_were_lost_are_sent_again_and_not_before_they_can_have_run(
    deployment: Deployment, accounts: list[ConnectedAccount], owner: Owner
) -> None:
    deployment.take_keys(second=SECOND, first=FIRST)
    lost = await deployment.asked()
    assert await deployment.asked() == []
    await deployment.run(lost[0])
    await owner.execute("UPDATE account_token SET resealing_until = resealing_until - interval '10 minutes'")
    again = await deployment.asked()
    assert {later.job.account_id for later in again} == {each.id for each in accounts} - {lost[0].job.account_id}


async def test_a_job_that_runs_twice_or_late_changes_nothing(
    deployment: Deployment, accounts: list[ConnectedAccount], owner: Owner
) -> None:
    deployment.take_keys(second=SECOND, first=FIRST)
    job = Later(ResealTokens(account_id=accounts[0].id))
    await deployment.run(job)
    before = await (await owner.execute("SELECT nonce FROM account_token ORDER BY account_id")).fetchall()
    await deployment.run(job)
    assert await (await owner.execute("SELECT nonce FROM account_token ORDER BY account_id")).fetchall() == before


@pytest.mark.parametrize("state", ["needs_sign_in", "needs_admin", "suspended", "disconnected"])
async def test_accounts_that_wait_for_somebody_are_sealed_anew_too(
    deployment: Deployment, accounts: list[ConnectedAccount], owner: Owner, state: str
) -> None:
    await owner.execute("UPDATE account SET state = %s::account_state", [state])
    deployment.take_keys(second=SECOND, first=FIRST)
    await deployment.run(Later(ResealTokens(account_id=accounts[0].id)))
    assert await deployment.opens(accounts[0], second=SECOND)


async def test_tokens_whose_key_is_gone_stay_and_are_looked_at_again_later(
    deployment: Deployment, accounts: list[ConnectedAccount]
) -> None:
    deployment.take_keys(second=SECOND)
    jobs = await deployment.asked()
    assert await deployment.run(jobs[0]) == []
    assert await deployment.asked() == []
    account = next(each for each in accounts if each.id == jobs[0].job.account_id)
    assert await deployment.opens(account, first=FIRST)
