"""Connecting a mailbox: the whole way out to the sign-in and back."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection

from shared.auth.connections import (
    ConnectionFailure,
    Connector,
    FlowUnknown,
    OtherBrowser,
    PermissionsMissing,
    failure_from,
)
from shared.errors import (
    AdminConsentRequired,
    MailboxTaken,
    MailError,
    ProviderMisconfigured,
    ProviderUnavailable,
    ReauthenticationRequired,
)
from shared.models.accounts import ConnectedAccount
from shared.providers.entra.errors import ConsentDenied
from shared.storage.oauth_flows import StoredFlow, delete_expired_flows, put_flow, take_flow
from tests.provider.connecting import Browser

Owner = AsyncConnection[tuple[Any, ...]]


@pytest.fixture
async def user_id(owner: Owner) -> UUID:
    return await new_user(owner)


@pytest.fixture(autouse=True)
def cleared(browser: Browser) -> Iterator[None]:
    yield
    browser.simulator.admin.clear_faults()
    browser.simulator.admin.entra(refused_scopes=[])


async def new_user(owner: Owner) -> UUID:
    user_id = uuid4()
    email = f"{user_id}@contoso.example"
    await owner.execute(
        "INSERT INTO app_user (id, email, password_hash, name) VALUES (%s, %s, 'x', '')", [user_id, email]
    )
    return user_id


async def stored_tokens(owner: Owner, account: ConnectedAccount) -> tuple[Any, ...]:
    sql = "SELECT user_id, key_id, ciphertext FROM account_token WHERE account_id = %s"
    row = await (await owner.execute(sql, [account.id])).fetchone()
    assert row is not None
    return row


async def test_a_connected_mailbox_has_its_owner_its_tokens_and_a_first_sync(
    browser: Browser, user_id: UUID, owner: Owner
) -> None:
    account = await browser.connect(user_id)
    person = browser.simulator.admin.create_user(browser.address)
    sql = "SELECT user_id, provider, provider_tenant_id, provider_user_id, address, display_name, state FROM account"
    assert await (await owner.execute(sql)).fetchall() == [
        (user_id, "outlook", person["tenant"], person["id"], browser.address, "Ada Lovelace", "connecting")
    ]
    assert (account.user_id, account.address) == (user_id, browser.address)
    assert await (await owner.execute("SELECT account_id, state FROM sync_run")).fetchall() == [
        (account.id, "starting")
    ]
    assert (await stored_tokens(owner, account))[:2] == (user_id, "first")
    assert await browser.connector.tokens.access_token(account.id, user_id)


async def test_stored_tokens_cannot_be_read_without_the_key(browser: Browser, user_id: UUID, owner: Owner) -> None:
    account = await browser.connect(user_id)
    ciphertext = (await stored_tokens(owner, account))[2]
    for telling in (b"AccessToken", b"RefreshToken", b"M.C", b"EwB", browser.address.encode()):
        assert telling not in ciphertext


async def test_the_authorization_url_carries_pkce_state_and_nonce(browser: Browser, user_id: UUID) -> None:
    url = (await browser.start(user_id)).authorization_url
    for part in ("code_challenge=", "code_challenge_method=S256", "state=", "nonce=", "prompt=select_account"):
        assert part in url
    assert url.startswith(browser.connector.settings.microsoft_authority)


async def test_connecting_again_keeps_the_account_and_takes_the_new_tokens(
    browser: Browser, user_id: UUID, owner: Owner
) -> None:
    first = await browser.connect(user_id)
    before = await stored_tokens(owner, first)
    again = await browser.connect(user_id)
    assert again.id == first.id
    assert await stored_tokens(owner, again) != before


async def test_a_mailbox_belongs_to_the_user_who_connected_it(browser: Browser, user_id: UUID, owner: Owner) -> None:
    account = await browser.connect(user_id)
    before = await stored_tokens(owner, account)
    with pytest.raises(MailboxTaken):
        await browser.connect(await new_user(owner))
    assert await stored_tokens(owner, account) == before


# What the browser brings back


async def test_an_answer_counts_once(browser: Browser, user_id: UUID) -> None:
    answer = await browser.consent(await browser.start(user_id))
    await browser.finish(answer)
    with pytest.raises(FlowUnknown):
        await browser.finish(answer)


async def test_of_two_answers_at_once_one_counts(browser: Browser, user_id: UUID, owner: Owner) -> None:
    answer = await browser.consent(await browser.start(user_id))
    outcomes = await asyncio.gather(*(browser.finish(answer) for _ in range(5)), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["ConnectedAccount"] + ["FlowUnknown"] * 4
    assert await (await owner.execute("SELECT count(*) FROM account")).fetchone() == (1,)


@pytest.mark.parametrize("cookie", [None, "", "connecting_0000=x"])
async def test_an_answer_from_another_browser_is_refused_and_spends_the_sign_in(
    browser: Browser, user_id: UUID, owner: Owner, cookie: str | None
) -> None:
    answer = await browser.consent(await browser.start(user_id))
    own, browser.cookie = browser.cookie, cookie
    with pytest.raises(OtherBrowser):
        await browser.finish(answer)
    browser.cookie = own
    with pytest.raises(FlowUnknown):
        await browser.finish(answer)
    assert await (await owner.execute("SELECT count(*) FROM account")).fetchone() == (0,)


@pytest.mark.parametrize("state", [None, "made-up", "\ud800", "x" * 5000])
async def test_an_answer_that_nobody_waits_for_is_refused(browser: Browser, state: str | None) -> None:
    with pytest.raises(FlowUnknown):
        await browser.finish({"code": "c"} | ({} if state is None else {"state": state}))


async def test_two_sign_ins_at_once_do_not_disturb_each_other(browser: Browser, user_id: UUID) -> None:
    other = replace(browser, cookie=None)
    started, also_started = await browser.start(user_id), await other.start(user_id)
    browser.cookie = f"{browser.cookie}; {other.cookie}"
    account = await browser.finish(await browser.consent(started))
    assert (await browser.finish(await browser.consent(also_started))).id == account.id


async def test_a_code_of_another_sign_in_is_refused(browser: Browser, user_id: UUID) -> None:
    other = replace(browser, cookie=None)
    stolen = await other.consent(await other.start(user_id))
    answer = await browser.consent(await browser.start(user_id))
    with pytest.raises(ReauthenticationRequired):  # its verifier does not fit
        await browser.finish(answer | {"code": stolen["code"]})


async def test_a_sign_in_is_over_after_ten_minutes(connector: Connector, browser: Browser, user_id: UUID) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=9)
    await put_flow(connector.tables, "late", StoredFlow(user_id, "h", {}, datetime.now(UTC) - timedelta(seconds=1)))
    await put_flow(connector.tables, "forgotten", StoredFlow(user_id, "h", {}, datetime.now(UTC)))
    await put_flow(connector.tables, "open", StoredFlow(user_id, "h", {"nonce": "n"}, soon))
    with pytest.raises(FlowUnknown):
        await browser.finish({"state": "late", "code": "c"})
    assert await delete_expired_flows(connector.tables) >= 1
    assert await take_flow(connector.tables, "forgotten") is None
    assert await take_flow(connector.tables, "open") == StoredFlow(user_id, "h", {"nonce": "n"}, soon)


# What Entra says


@pytest.mark.parametrize(
    ("fault", "error", "failure"),
    [
        ({"error": "access_denied", "error_subcode": "cancel"}, ConsentDenied, ConnectionFailure.DENIED),
        ({"error": "consent_required"}, AdminConsentRequired, ConnectionFailure.CONSENT_REQUIRED),
        ({"error": "server_error"}, ProviderUnavailable, ConnectionFailure.PROVIDER_UNAVAILABLE),
        ({"error": "invalid_scope"}, ProviderMisconfigured, ConnectionFailure.PROVIDER_MISCONFIGURED),
    ],
)
async def test_a_sign_in_that_ends_with_an_error_connects_nothing(
    browser: Browser, user_id: UUID, fault: dict[str, str], error: type[MailError], failure: ConnectionFailure
) -> None:
    browser.simulator.admin.authorize_fault(**fault)
    with pytest.raises(error) as refusal:
        await browser.connect(user_id)
    assert failure_from(refusal.value) is failure


@pytest.mark.parametrize(
    ("fault", "error", "failure"),
    [
        ({"error": "invalid_grant", "code": 70008}, ReauthenticationRequired, ConnectionFailure.EXPIRED),
        (
            {"error": "invalid_client", "code": 7000222, "status": 401},
            ProviderMisconfigured,
            ConnectionFailure.PROVIDER_MISCONFIGURED,
        ),
        (
            {"error": "temporarily_unavailable", "code": 90033, "status": 503},
            ProviderUnavailable,
            ConnectionFailure.PROVIDER_UNAVAILABLE,
        ),
        ({"error": "server_error", "status": 429}, ProviderUnavailable, ConnectionFailure.PROVIDER_UNAVAILABLE),
    ],
)
async def test_a_code_that_entra_does_not_take_connects_nothing(
    browser: Browser, user_id: UUID, fault: dict[str, Any], error: type[MailError], failure: ConnectionFailure
) -> None:
    browser.simulator.admin.token_fault(grant_type="authorization_code", **fault)
    with pytest.raises(error) as refusal:
        await browser.connect(user_id)
    assert failure_from(refusal.value) is failure


@pytest.mark.parametrize("refused", [["Mail.ReadWrite"], ["offline_access"]])
async def test_less_consent_than_reading_needs_connects_nothing(
    browser: Browser, user_id: UUID, refused: list[str]
) -> None:
    browser.simulator.admin.entra(refused_scopes=refused)
    with pytest.raises(PermissionsMissing):
        await browser.connect(user_id)


async def test_without_leave_to_send_a_mailbox_can_still_be_read(browser: Browser, user_id: UUID) -> None:
    browser.simulator.admin.entra(refused_scopes=["Mail.Send"])
    account = await browser.connect(user_id)
    assert await browser.connector.tokens.access_token(account.id, user_id)
