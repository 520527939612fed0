"""Access tokens for connected mailboxes: renewed in time, once, and kept for the next process."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection

from shared.auth.mailbox_tokens import MailboxTokens
from shared.errors import (
    MailboxUnavailable,
    ProviderMisconfigured,
    ProviderUnavailable,
    ReauthenticationRequired,
)
from shared.models.accounts import ConnectedAccount
from shared.secrets import SecretSource
from shared.settings import Settings
from shared.storage.database import Pool
from tests.provider.connecting import Browser

Owner = AsyncConnection[tuple[Any, ...]]


@dataclass
class Connected:
    """An account just connected, as any number of processes see it."""

    account: ConnectedAccount
    browser: Browser
    pool: Pool

    def process(self, settings: Settings | None = None) -> MailboxTokens:
        connector = self.browser.connector
        return MailboxTokens(SecretSource(settings or connector.settings, None), self.pool, connector.entra)

    async def token(self, tokens: MailboxTokens, rejected: str | None = None) -> str:
        return await tokens.access_token(self.account.id, self.account.user_id, rejected)

    async def works(self, token: str) -> bool:
        settings = self.browser.connector.settings
        answer = await self.browser.connector.http.get(
            f"{settings.graph_base_url}/me", headers={"Authorization": f"Bearer {token}"}
        )
        return answer.status_code == 200


@pytest.fixture
async def connected(browser: Browser, owner: Owner, pool: Pool) -> Connected:
    user_id = uuid4()
    sql = "INSERT INTO app_user (id, email, password_hash, name) VALUES (%s, %s, 'x', '')"
    await owner.execute(sql, [user_id, f"{user_id}@contoso.example"])
    return Connected(await browser.connect(user_id), browser, pool)


async def test_a_process_renews_once_however_many_ask(connected: Connected) -> None:
    tokens = connected.process()
    given = await asyncio.gather(*(connected.token(tokens) for _ in range(20)))
    assert len(set(given)) == 1
    assert await connected.works(given[0])


async def test_what_one_process_renewed_serves_the_next(connected: Connected) -> None:
    token = await connected.token(connected.process())
    assert await connected.token(connected.process()) == token


async def test_a_rejected_token_is_not_given_again(connected: Connected) -> None:
    tokens = connected.process()
    token = await connected.token(tokens)
    connected.browser.simulator.admin.expire_access_tokens(connected.browser.address)
    assert not await connected.works(token)
    connected.browser.simulator.admin.advance_clock(2)  # it counts the issue of tokens in whole seconds
    given = await asyncio.gather(*(connected.token(tokens, token) for _ in range(5)))
    assert len({token, *given}) == 2
    assert await connected.works(given[0])


async def test_two_processes_may_renew_at_once(connected: Connected) -> None:
    token = await connected.token(connected.process())
    given = await asyncio.gather(*(connected.token(connected.process(), token) for _ in range(4)))
    assert token not in given
    assert all([await connected.works(each) for each in given])
    assert await connected.token(connected.process()) in given


async def test_a_withdrawn_right_asks_for_the_owner(connected: Connected) -> None:
    tokens = connected.process()
    token = await connected.token(tokens)
    connected.browser.simulator.admin.revoke(connected.browser.address)
    with pytest.raises(ReauthenticationRequired):
        await connected.token(tokens, token)
    account = await connected.browser.connect(connected.account.user_id)
    assert account.id == connected.account.id
    assert await connected.works(await connected.token(tokens, token))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"error": "invalid_grant", "code": 50076, "suberror": "basic_action"}, ReauthenticationRequired),
        ({"error": "invalid_grant", "code": 50057}, MailboxUnavailable),
        ({"error": "invalid_client", "code": 7000215, "status": 401}, ProviderMisconfigured),
        ({"error": "temporarily_unavailable", "code": 90033, "status": 503}, ProviderUnavailable),
    ],
)
async def test_what_entra_refuses_is_told_apart(
    connected: Connected, fault: dict[str, Any], error: type[Exception]
) -> None:
    admin = connected.browser.simulator.admin
    admin.token_fault(grant_type="refresh_token", user=connected.browser.address, **fault)
    with pytest.raises(error):
        await connected.token(connected.process())
    admin.clear_faults()


async def test_tokens_of_another_account_do_not_open(connected: Connected, owner: Owner) -> None:
    await owner.execute("UPDATE account_token SET ciphertext = ciphertext || '\\x00'")
    with pytest.raises(ProviderMisconfigured):
        await connected.token(connected.process())


async def test_a_key_may_be_rotated(connected: Connected, owner: Owner) -> None:
    settings = connected.browser.connector.settings
    keys = {"second": secrets.token_bytes(32), **(settings.token_encryption_keys or {})}
    rotated = settings.model_copy(update={"token_encryption_keys": keys})
    assert await connected.works(await connected.token(connected.process(rotated)))
    assert await (await owner.execute("SELECT key_id FROM account_token")).fetchone() == ("second",)


async def test_an_account_without_tokens_asks_for_the_owner(connected: Connected) -> None:
    with pytest.raises(ReauthenticationRequired):
        await connected.process().access_token(uuid4(), connected.account.user_id)


async def test_another_users_account_has_no_tokens(connected: Connected) -> None:
    with pytest.raises(ReauthenticationRequired):
        await connected.process().access_token(connected.account.id, UUID(int=1))
