"""Connecting a mailbox as a page does: ask, go to the sign-in, land on the page again."""

import itertools
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from dev.graph_simulator.fixture import RunningSimulator
from tests.api.conftest import WEB_BASE_URL, SignedIn

CALLBACK = "/oauth/callback/outlook"
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def without_faults(simulator: RunningSimulator) -> Iterator[None]:
    yield
    simulator.admin.clear_faults()


@pytest.fixture
def address(simulator: RunningSimulator) -> str:
    address = f"newcomer{next(_numbers)}@contoso.example"
    simulator.admin.create_user(address)
    return address


async def start(user: SignedIn, address: str) -> str:
    """Ask for the sign-in's URL; the client keeps the cookie."""
    answer = await user.api.post("/accounts/connect/outlook")
    assert answer.status_code == 200, answer.text
    return f"{answer.json()['authorization_url']}&login_hint={address}"


async def consent(simulator: RunningSimulator, url: str) -> str:
    """Go to the sign-in and agree; return where it sends the browser."""
    async with httpx.AsyncClient(verify=simulator.admin.tls, trust_env=False) as http:
        return str((await http.get(url)).headers["Location"])


def landing(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 302
    url, _, query = answer.headers["Location"].partition("?")
    assert url == f"{WEB_BASE_URL}/connected"
    return dict(parse_qsl(query))


async def test_a_mailbox_is_connected_and_its_first_sync_asked_for(
    user: SignedIn, simulator: RunningSimulator, address: str
) -> None:
    callback = await consent(simulator, await start(user, address))
    told = landing(await user.api.get(callback))
    accounts = (await user.api.get("/accounts")).json()["items"]
    assert [(account["id"], account["address"]) for account in accounts] == [(told["account"], address)]
    progress = await user.api.get(f"/accounts/{told['account']}/sync")
    assert progress.status_code == 200
    assert progress.json()["account_id"] == told["account"]


async def test_the_answer_is_neither_kept_nor_passed_on(
    user: SignedIn, simulator: RunningSimulator, address: str
) -> None:
    answer = await user.api.get(await consent(simulator, await start(user, address)))
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "max-age=0" in answer.headers["Set-Cookie"].lower()


async def test_who_is_sent_a_strangers_sign_in_does_not_give_their_mailbox_away(
    user: SignedIn, stranger: SignedIn, simulator: RunningSimulator, address: str
) -> None:
    """The stranger starts, and has somebody else agree."""
    callback = await consent(simulator, await start(stranger, address))
    assert landing(await user.api.get(callback)) == {"error": "other_browser"}
    assert landing(await stranger.api.get(callback)) == {"error": "expired"}
    for one in (user, stranger):
        assert (await one.api.get("/accounts")).json()["items"] == []


async def test_a_mailbox_of_another_user_is_refused(
    user: SignedIn, stranger: SignedIn, simulator: RunningSimulator, address: str
) -> None:
    assert "account" in landing(await user.api.get(await consent(simulator, await start(user, address))))
    answer = await stranger.api.get(await consent(simulator, await start(stranger, address)))
    assert landing(answer) == {"error": "mailbox_taken"}


async def test_who_says_no_lands_on_the_page_without_the_providers_words(
    user: SignedIn, simulator: RunningSimulator, address: str
) -> None:
    url = await start(user, address)
    simulator.admin.authorize_fault(error="access_denied", error_subcode="cancel", description="Secret words")
    assert landing(await user.api.get(await consent(simulator, url))) == {"error": "denied"}


async def test_a_sign_in_service_that_is_down_lands_on_the_page(
    user: SignedIn, simulator: RunningSimulator, address: str
) -> None:
    callback = await consent(simulator, await start(user, address))
    simulator.admin.token_fault(error="server_error", status=503, grant_type="authorization_code")
    assert landing(await user.api.get(callback)) == {"error": "provider_unavailable"}


@pytest.mark.parametrize(
    "query",
    ["", "?state=", "?state=made-up&code=c", "?code=c", "?error=access_denied", "?state=a&state=b", "?state=%00"],
)
async def test_what_nobody_waits_for_lands_on_the_page(user: SignedIn, query: str) -> None:
    assert landing(await user.api.get(f"{CALLBACK}{query}")) == {"error": "expired"}


async def test_only_a_signed_in_user_connects(anonymous: httpx.AsyncClient) -> None:
    assert (await anonymous.post("/accounts/connect/outlook")).status_code == 401


async def test_the_sign_in_comes_back_to_this_api_alone(user: SignedIn, address: str) -> None:
    options = dict(parse_qsl(urlsplit(await start(user, address)).query))
    assert options["redirect_uri"] == f"{str(user.api.base_url).rstrip('/')}{CALLBACK}"
    assert options["response_mode"] == "query"
    assert options["code_challenge_method"] == "S256"
