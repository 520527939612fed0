"""Signing in: MSAL's flow, the consent page in a browser, tokens and every way in which they end."""

import base64
import hashlib
import json
import secrets
import warnings
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import jwt
import msal
import pytest
import requests
from playwright.sync_api import Page, expect, sync_playwright

from dev.graph_simulator.directory import CONSUMER_TENANT
from dev.graph_simulator.fixture import RunningSimulator, start_simulator
from dev.graph_simulator.sign_in import REDIRECT_URI, SCOPES, sign_in
from tests.simulator.people import Person
from tests.simulator.receiver import Receiver

CHROMIUM = "/usr/bin/chromium"


@pytest.fixture
def http(simulator: RunningSimulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=simulator.base_url, verify=simulator.admin.tls, trust_env=False) as client:
        yield client


@pytest.fixture
def address(simulator: RunningSimulator) -> str:
    address = f"{secrets.token_hex(4)}@contoso.example"
    simulator.admin.create_user(address)
    return address


def wish(simulator: RunningSimulator, address: str, **changes: str | None) -> dict[str, str]:
    parameters = {
        "client_id": simulator.client_id,
        "response_type": "code",
        "redirect_uri": REDIRECT_URI,
        "scope": " ".join(SCOPES),
        "state": "a state",
        "login_hint": address,
    }
    return {name: value for name, value in (parameters | changes).items() if value is not None}


def redirected(http: httpx.Client, parameters: dict[str, str], authority: str = "common") -> dict[str, str]:
    answer = http.get(f"/{authority}/oauth2/v2.0/authorize", params=parameters)
    assert answer.status_code == 302, answer.text
    location = urlsplit(answer.headers["Location"])
    assert f"{location.scheme}://{location.netloc}{location.path}" == REDIRECT_URI
    return {name: values[0] for name, values in parse_qs(location.query).items()}


def redeem(
    simulator: RunningSimulator, http: httpx.Client, code: str, authority: str = "common", **changes: str
) -> httpx.Response:
    form = {
        "client_id": simulator.client_id,
        "client_secret": simulator.client_secret,
        "grant_type": "authorization_code",
        "redirect_uri": REDIRECT_URI,
        "code": code,
    }
    return http.post(f"/{authority}/oauth2/v2.0/token", data=form | changes)


def refresh(simulator: RunningSimulator, http: httpx.Client, token: str, **changes: str) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return redeem(simulator, http, "", **(form | changes))


def failure(answer: httpx.Response) -> tuple[int, str, int]:
    document = answer.json()
    assert document["error_description"].startswith(f"AADSTS{document['error_codes'][0]}: ")
    assert {"timestamp", "trace_id", "correlation_id"} <= set(document)
    return answer.status_code, document["error"], document["error_codes"][0]


def msal_app(simulator: RunningSimulator, authority: str = "common") -> Any:  # noqa: ANN401 - MSAL is untyped
    session = requests.Session()
    session.trust_env = False
    session.verify = simulator.ca_file
    return msal.ConfidentialClientApplication(
        simulator.client_id,
        client_credential=simulator.client_secret,
        authority=f"{simulator.base_url}/{authority}",
        http_client=session,
        instance_discovery=False,
    )


def msal_tokens(http: httpx.Client, app: Any, address: str) -> dict[str, Any]:  # noqa: ANN401 - MSAL is untyped
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # MSAL recommends form_post
        flow = app.initiate_auth_code_flow(
            ["User.Read", "Mail.ReadWrite"], redirect_uri=REDIRECT_URI, login_hint=address
        )
    assert "code_challenge=" in flow["auth_uri"]
    assert "nonce=" in flow["auth_uri"]
    location = http.get(flow["auth_uri"]).headers["Location"]
    answer = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    result: dict[str, Any] = app.acquire_token_by_auth_code_flow(flow, answer)
    assert "access_token" in result, result
    return result


def test_msal_signs_in_and_renews_silently(simulator: RunningSimulator, http: httpx.Client, address: str) -> None:
    app = msal_app(simulator)
    result = msal_tokens(http, app, address)
    assert set(result["scope"].split()) == {"User.Read", "Mail.ReadWrite", "openid", "profile"}
    account = app.get_accounts()[0]
    assert account["username"] == address
    again = app.acquire_token_silent_with_error(["Mail.ReadWrite"], account=account)
    assert again["access_token"] == result["access_token"]
    renewed = app.acquire_token_silent_with_error(["Mail.ReadWrite"], account=account, force_refresh=True)
    assert renewed["access_token"] != result["access_token"]
    me = http.get("/v1.0/me", headers={"Authorization": f"Bearer {renewed['access_token']}"})
    assert me.json()["userPrincipalName"] == address


@pytest.mark.parametrize("tenant", ["contoso.example", "fabrikam.example", "consumers"])
def test_id_tokens_verify_against_the_keys_and_the_tenant_s_own_issuer(
    simulator: RunningSimulator, http: httpx.Client, tenant: str
) -> None:
    address = f"{secrets.token_hex(4)}@{tenant}.example"
    user = simulator.admin.create_user(address, tenant=tenant)
    code = redirected(http, wish(simulator, address, nonce="a nonce"))["code"]
    document = redeem(simulator, http, code).json()
    configuration = http.get("/common/v2.0/.well-known/openid-configuration").json()
    assert configuration["issuer"] == f"{simulator.base_url}/{{tenantid}}/v2.0"
    kid = jwt.get_unverified_header(document["id_token"])["kid"]
    key = next(one for one in http.get(configuration["jwks_uri"]).json()["keys"] if one["kid"] == kid)
    issuer = f"{simulator.base_url}/{user['tenant']}/v2.0"
    assert key["issuer"] in (issuer, issuer.replace(user["tenant"], "{tenantid}"))
    assert (CONSUMER_TENANT in key["issuer"]) == (tenant == "consumers")
    claims = jwt.decode(
        document["id_token"], jwt.PyJWK(key, "RS256"), ["RS256"], audience=simulator.client_id, issuer=issuer
    )
    assert (claims["tid"], claims["oid"]) == (user["tenant"], user["id"])
    assert claims["preferred_username"] == address
    assert (claims["nonce"], claims["ver"]) == ("a nonce", "2.0")
    info = document["client_info"]
    assert json.loads(base64.urlsafe_b64decode(info + "=" * (-len(info) % 4))) == {
        "uid": user["id"],
        "utid": user["tenant"],
    }


def test_a_code_is_good_once(simulator: RunningSimulator, http: httpx.Client, address: str) -> None:
    code = redirected(http, wish(simulator, address))["code"]
    assert redeem(simulator, http, code).status_code == 200
    assert failure(redeem(simulator, http, code)) == (400, "invalid_grant", 54005)


def test_a_code_is_good_for_ten_minutes_only(own_simulator: RunningSimulator) -> None:
    with httpx.Client(base_url=own_simulator.base_url, verify=own_simulator.admin.tls, trust_env=False) as http:
        own_simulator.admin.create_user("late@contoso.example")
        code = redirected(http, wish(own_simulator, "late@contoso.example"))["code"]
        own_simulator.admin.advance_clock(601)
        assert failure(redeem(own_simulator, http, code)) == (400, "invalid_grant", 70008)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"code_verifier": "wrong" * 10}, (400, "invalid_grant", 501481)),
        ({"redirect_uri": "http://localhost:7071/elsewhere"}, (400, "invalid_grant", 500112)),
        ({"code": "nonsense"}, (400, "invalid_grant", 70000)),
        ({"client_secret": "wrong"}, (401, "invalid_client", 7000215)),
        ({"client_id": "unknown"}, (400, "unauthorized_client", 700016)),
        ({"grant_type": "client_credentials"}, (400, "unsupported_grant_type", 70003)),
        ({"authority": "organizations"}, (400, "invalid_grant", 700005)),
    ],
)
def test_a_wrong_redemption_is_refused_and_the_right_one_still_works(
    simulator: RunningSimulator,
    http: httpx.Client,
    address: str,
    changes: dict[str, str],
    expected: tuple[int, str, int],
) -> None:
    verifier = secrets.token_urlsafe(40)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    asked = wish(simulator, address, code_challenge=challenge, code_challenge_method="S256")
    code = redirected(http, asked)["code"]
    right = {"code": code, "code_verifier": verifier}
    assert failure(redeem(simulator, http, **(right | changes))) == expected
    assert redeem(simulator, http, **right).status_code == 200


def test_a_used_refresh_token_stays_good_and_brings_a_new_one(
    simulator: RunningSimulator, http: httpx.Client, address: str
) -> None:
    first = sign_in(simulator, address).refresh_token
    second = refresh(simulator, http, first).json()["refresh_token"]
    assert second != first
    assert refresh(simulator, http, first).status_code == 200
    assert refresh(simulator, http, second).status_code == 200


def test_a_revoked_grant_ends_both_tokens(simulator: RunningSimulator, http: httpx.Client, address: str) -> None:
    tokens = sign_in(simulator, address)
    assert simulator.admin.revoke(address) == 1
    answer = refresh(simulator, http, tokens.refresh_token)
    assert failure(answer) == (400, "invalid_grant", 50173)
    assert answer.json()["suberror"] == "bad_token"
    me = http.get("/v1.0/me", headers={"Authorization": f"Bearer {tokens.access_token}"})
    assert (me.status_code, me.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")


def test_expired_access_tokens_are_told_and_a_refreshed_one_works(
    simulator: RunningSimulator, http: httpx.Client, address: str
) -> None:
    tokens = sign_in(simulator, address)
    simulator.admin.expire_access_tokens(address)
    me = http.get("/v1.0/me", headers={"Authorization": f"Bearer {tokens.access_token}"})
    assert (me.status_code, me.json()["error"]["message"]) == (401, "Access token has expired.")
    new = refresh(simulator, http, tokens.refresh_token).json()["access_token"]
    assert http.get("/v1.0/me", headers={"Authorization": f"Bearer {new}"}).status_code == 200


def test_an_access_token_lives_as_long_as_it_says(own_simulator: RunningSimulator) -> None:
    own_simulator.admin.create_user("soon@contoso.example")
    tokens = sign_in(own_simulator, "soon@contoso.example")
    assert 3600 <= tokens.document["expires_in"] <= 5400
    headers = {"Authorization": f"Bearer {tokens.access_token}"}
    with httpx.Client(base_url=own_simulator.base_url, verify=own_simulator.admin.tls, trust_env=False) as http:
        assert http.get("/v1.0/me", headers=headers).status_code == 200
        own_simulator.admin.advance_clock(tokens.document["expires_in"] + 1)
        assert http.get("/v1.0/me", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("header", "message"),
    [(None, "Access token is empty."), ("Bearer nonsense", "CompactToken parsing failed with error code: 80049217")],
)
def test_a_request_without_a_good_token_is_refused(http: httpx.Client, header: str | None, message: str) -> None:
    answer = http.get("/v1.0/me/messages", headers={"Authorization": header} if header else {})
    assert (answer.status_code, answer.json()["error"]["message"]) == (401, message)


def test_scopes_can_be_refused_and_the_answer_says_what_was_granted(own_simulator: RunningSimulator) -> None:
    own_simulator.admin.create_user("less@contoso.example")
    own_simulator.admin.entra(refused_scopes=["Mail.ReadWrite", "Mail.Send", "offline_access"])
    tokens = sign_in(own_simulator, "less@contoso.example")
    own_simulator.admin.entra(refused_scopes=[])
    assert set(tokens.document["scope"].split()) == {"openid", "profile", "User.Read"}
    assert "refresh_token" not in tokens.document
    with httpx.Client(base_url=own_simulator.base_url, verify=own_simulator.admin.tls, trust_env=False) as http:
        answer = http.get("/v1.0/me/messages", headers={"Authorization": f"Bearer {tokens.access_token}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "ErrorAccessDenied")


def test_errors_of_the_token_endpoint_come_on_demand(
    simulator: RunningSimulator, http: httpx.Client, address: str
) -> None:
    tokens = sign_in(simulator, address)
    simulator.admin.token_fault(
        error="interaction_required", code=50076, suberror="basic_action", claims='{"x":1}', user=address
    )
    answer = refresh(simulator, http, tokens.refresh_token)
    assert failure(answer) == (400, "interaction_required", 50076)
    assert (answer.json()["suberror"], answer.json()["claims"]) == ("basic_action", '{"x":1}')
    assert refresh(simulator, http, tokens.refresh_token).status_code == 200


def test_errors_of_the_sign_in_come_back_through_the_redirect(own_simulator: RunningSimulator) -> None:
    with httpx.Client(base_url=own_simulator.base_url, verify=own_simulator.admin.tls, trust_env=False) as http:
        own_simulator.admin.authorize_fault(error="access_denied", error_subcode="cancel")
        answer = redirected(http, wish(own_simulator, "demo@contoso.example"))
        assert (answer["error"], answer["error_subcode"], answer["state"]) == ("access_denied", "cancel", "a state")
        for changes, error in (
            ({"response_type": "token"}, "unsupported_response_type"),
            ({"scope": "https://example.contoso.com/read"}, "invalid_scope"),
            ({"code_challenge_method": "S512"}, "invalid_request"),
        ):
            assert redirected(http, wish(own_simulator, "demo@contoso.example", **changes))["error"] == error


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"redirect_uri": "https://evil.example/"}, "AADSTS50011"), ({"client_id": "unknown"}, "AADSTS700016")],
)
def test_a_redirect_uri_or_app_that_is_not_known_gets_a_page_and_no_redirect(
    simulator: RunningSimulator, http: httpx.Client, address: str, changes: dict[str, str], code: str
) -> None:
    answer = http.get("/common/oauth2/v2.0/authorize", params=wish(simulator, address, **changes))
    assert answer.status_code == 400
    assert code in answer.text


def test_registered_redirect_uris_are_compared_exactly(own_simulator: RunningSimulator) -> None:
    own_simulator.admin.create_app("strict", "its secret", ["http://localhost:7071/callback"])
    with httpx.Client(base_url=own_simulator.base_url, verify=own_simulator.admin.tls, trust_env=False) as http:
        for uri, status in (
            ("http://localhost:7071/callback", 302),
            ("http://localhost:7071/callback/", 400),
            ("http://localhost:7072/callback", 400),
        ):
            asked = wish(own_simulator, "demo@contoso.example", client_id="strict", redirect_uri=uri)
            assert http.get("/common/oauth2/v2.0/authorize", params=asked).status_code == status, uri


def test_who_may_sign_in_depends_on_the_authority(simulator: RunningSimulator, http: httpx.Client) -> None:
    personal = f"{secrets.token_hex(4)}@outlook.example"
    simulator.admin.create_user(personal, tenant="consumers")
    asked = wish(simulator, personal)
    for authority, is_found in (("consumers", True), ("common", True), ("organizations", False)):
        code = redirected(http, asked, authority)["code"]
        document = redeem(simulator, http, code, authority=authority).json()
        claims = jwt.decode(document["id_token"], options={"verify_signature": False})
        assert (claims["preferred_username"] == personal) == is_found, authority
    tokens = sign_in(simulator, personal)
    answer = refresh(simulator, http, tokens.refresh_token, authority="organizations")
    assert failure(answer) == (400, "invalid_grant", 700005)
    unknown = http.get("/nowhere.example/v2.0/.well-known/openid-configuration")
    assert (unknown.status_code, unknown.json()["error"]) == (400, "invalid_tenant")


def test_rotated_keys_are_published_beside_the_old_ones(own_simulator: RunningSimulator) -> None:
    with httpx.Client(base_url=own_simulator.base_url, verify=own_simulator.admin.tls, trust_env=False) as http:
        before = {one["kid"] for one in http.get("/common/discovery/v2.0/keys").json()["keys"]}
        own_simulator.admin.rotate_keys()
        after = {one["kid"] for one in http.get("/common/discovery/v2.0/keys").json()["keys"]}
        assert before < after
        document = sign_in(own_simulator, "demo@contoso.example").document
        assert jwt.get_unverified_header(document["id_token"])["kid"] in after - before


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        context = browser.new_context(ignore_https_errors=True)
        yield context.new_page()
        browser.close()


@pytest.fixture(scope="module")
def asking_simulator() -> Iterator[RunningSimulator]:
    with start_simulator(auto_consent=False) as running:
        yield running


def consent_url(simulator: RunningSimulator, application: Receiver) -> str:
    parameters = wish(simulator, "second@fabrikam.example", redirect_uri=application.url)
    return f"{simulator.base_url}/common/oauth2/v2.0/authorize?{urlencode(parameters)}"


def returned(page: Page, application: Receiver) -> dict[str, str]:
    page.wait_for_url(f"{application.url}**")
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def test_a_person_chooses_an_account_and_accepts_with_the_mouse(
    asking_simulator: RunningSimulator, page: Page, receiver: Receiver
) -> None:
    page.goto(consent_url(asking_simulator, receiver))
    assert page.get_by_role("radio", name="second@fabrikam.example").is_checked()
    assert page.locator("#scopes").inner_text().split() == list(SCOPES)
    page.get_by_role("radio", name="demo@contoso.example").check()
    page.get_by_role("button", name="Accept").click()
    answer = returned(page, receiver)
    assert answer["state"] == "a state"
    with httpx.Client(base_url=asking_simulator.base_url, verify=asking_simulator.admin.tls, trust_env=False) as http:
        document = redeem(asking_simulator, http, answer["code"], redirect_uri=receiver.url).json()
    claims = jwt.decode(document["id_token"], options={"verify_signature": False})
    assert claims["preferred_username"] == "demo@contoso.example"


def test_the_page_works_by_keyboard(asking_simulator: RunningSimulator, page: Page, receiver: Receiver) -> None:
    page.goto(consent_url(asking_simulator, receiver))
    expect(page.get_by_role("button", name="Accept")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("radio", name="demo@contoso.example")).to_be_checked()
    page.keyboard.press("Enter")
    assert "code" in returned(page, receiver)


def test_cancelling_is_an_error_for_the_application(
    asking_simulator: RunningSimulator, page: Page, receiver: Receiver
) -> None:
    page.goto(consent_url(asking_simulator, receiver))
    page.get_by_role("button", name="Cancel").click()
    answer = returned(page, receiver)
    assert (answer["error"], answer["error_subcode"], answer["state"]) == ("access_denied", "cancel", "a state")


def test_a_silent_sign_in_without_a_session_needs_a_login(asking_simulator: RunningSimulator) -> None:
    with httpx.Client(base_url=asking_simulator.base_url, verify=asking_simulator.admin.tls, trust_env=False) as http:
        answer = redirected(http, wish(asking_simulator, "demo@contoso.example", prompt="none"))
    assert answer["error"] == "login_required"


def test_the_answer_can_be_posted_or_put_into_the_fragment(
    simulator: RunningSimulator, http: httpx.Client, person: Person
) -> None:
    posted = http.get(
        "/common/oauth2/v2.0/authorize", params=wish(simulator, person.address, response_mode="form_post")
    )
    assert (posted.status_code, f'action="{REDIRECT_URI}"' in posted.text) == (200, True)
    fragment = http.get(
        "/common/oauth2/v2.0/authorize", params=wish(simulator, person.address, response_mode="fragment")
    )
    assert "#code=" in fragment.headers["Location"]
