"""Tokens that expire, are withdrawn or challenged while a mailbox is being read."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from psycopg import AsyncConnection

from dev.graph_simulator.client import SimulatorAdmin
from shared.errors import ReauthenticationRequired
from shared.models.accounts import ConnectedAccount
from shared.models.api import AccountState
from shared.providers.graph.mail import GraphMail
from shared.storage.accounts import change_account_state, keep_claims
from shared.storage.database import Pool, user_transaction
from tests.provider.connecting import Browser

Owner = AsyncConnection[tuple[Any, ...]]
NBF = {"essential": True, "value": "1702682181"}  # what the simulator's challenge asks for


@dataclass
class Reading:
    account: ConnectedAccount
    browser: Browser
    mail: GraphMail
    inbox_id: str

    @property
    def admin(self) -> SimulatorAdmin:
        return self.browser.simulator.admin

    async def pages(self, between: Callable[[], object]) -> int:
        """Read the Inbox's changes page by page, and have something happen between the first two."""
        page = await self.mail.changes(self.inbox_id, None, page_messages=2)
        between()
        seen = len(page.listed)
        while page.has_more:
            page = await self.mail.changes(self.inbox_id, page.cursor, page_messages=2)
            seen += len(page.listed)
        return seen


@pytest.fixture
async def reading(browser: Browser, owner: Owner) -> Reading:
    user_id = uuid4()
    sql = "INSERT INTO app_user (id, email, password_hash, name) VALUES (%s, %s, 'x', '')"
    await owner.execute(sql, [user_id, f"{user_id}@contoso.example"])
    account = await browser.connect(user_id)
    connector, admin = browser.connector, browser.simulator.admin
    admin.make_synthetic(browser.address, 6, folders=["inbox"], seed=1)
    mail = GraphMail(
        connector.http,
        connector.settings.graph_base_url,
        lambda: nullcontext(datetime.now(UTC)),
        partial(connector.tokens.access_token, account.id, account.user_id),
        timeout_seconds=20,
    )
    folders = await mail.list_folders()
    inbox_id = next(each.provider_folder_id for each in folders if each.well_known_name == "inbox")
    return Reading(account, browser, mail, inbox_id)


async def test_a_token_that_expires_between_two_pages_is_renewed(reading: Reading) -> None:
    def expire() -> None:
        reading.admin.expire_access_tokens(reading.browser.address)
        reading.admin.advance_clock(2)  # it counts the issue of tokens in whole seconds

    assert await reading.pages(expire) == 6


async def test_a_right_that_is_withdrawn_between_two_pages_asks_for_the_owner(reading: Reading) -> None:
    with pytest.raises(ReauthenticationRequired):
        await reading.pages(lambda: reading.admin.revoke(reading.browser.address))


async def test_a_challenged_token_is_renewed_by_its_claims(reading: Reading) -> None:
    def challenge() -> None:
        reading.admin.fault("challenge", mailbox=reading.browser.address, times=1)

    assert await reading.pages(challenge) == 6


async def test_a_challenge_that_only_a_person_can_meet_tells_what_to_prove(reading: Reading) -> None:
    def challenge() -> None:
        reading.admin.fault("challenge", mailbox=reading.browser.address, times=1)
        reading.admin.token_fault(
            error="invalid_grant", code=50076, suberror="basic_action", grant_type="refresh_token", times=1
        )

    with pytest.raises(ReauthenticationRequired) as refused:
        await reading.pages(challenge)
    assert json.loads(refused.value.claims or "") == {"access_token": {"nbf": NBF}}


async def test_a_challenge_that_goes_on_tells_what_to_prove(reading: Reading) -> None:
    def challenge() -> None:
        reading.admin.fault("challenge", mailbox=reading.browser.address, times=2)

    with pytest.raises(ReauthenticationRequired) as refused:
        await reading.pages(challenge)
    assert json.loads(refused.value.claims or "") == {"access_token": {"nbf": NBF}}


async def test_the_next_sign_in_carries_what_is_to_be_proved_until_it_is(reading: Reading, pool: Pool) -> None:
    account, browser = reading.account, reading.browser
    async with user_transaction(pool, account.user_id) as conn:
        await change_account_state(conn, account, AccountState.NEEDS_SIGN_IN)
        await keep_claims(conn, account, json.dumps({"access_token": {"nbf": NBF}}))
    started = await browser.start(account.user_id)
    assert _claims_of(started.authorization_url)["access_token"] == {"nbf": NBF, "xms_cc": {"values": ["cp1"]}}
    await browser.finish(await browser.consent(started))
    again = await browser.start(account.user_id)
    assert _claims_of(again.authorization_url)["access_token"] == {"xms_cc": {"values": ["cp1"]}}


def _claims_of(url: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(parse_qs(urlsplit(url).query)["claims"][0])
    return claims
