"""Signing up, signing in, staying signed in, signing out: what works, and what does not get in."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from psycopg import AsyncConnection

from tests.api.conftest import KEYS, PASSWORD, PUBLIC_BASE_URL, WEB_BASE_URL, SignedIn

Owner = AsyncConnection[tuple[Any, ...]]


def refresh_token(answer: httpx.Response) -> str:
    """Take the token out of the cookie, which a plain-HTTP client would not send back."""
    name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
    assert name == "refresh_token"
    return value


async def refresh(client: httpx.AsyncClient, token: str, **headers: str) -> httpx.Response:
    return await client.post("/auth/refresh", headers={"Cookie": f"refresh_token={token}", **headers})


async def log_in(client: httpx.AsyncClient, email: str, password: str = PASSWORD) -> httpx.Response:
    return await client.post("/auth/login", json={"email": email, "password": password})


async def age_rotation(owner: Owner, token: str) -> None:
    """Let the moments pass in which a replaced token is answered again."""
    session_id = token.partition(".")[0]
    await owner.execute(
        "UPDATE user_session SET rotated_at = rotated_at - interval '11 seconds' WHERE id = %s", [session_id]
    )


async def test_a_new_user_is_signed_in(user: SignedIn) -> None:
    me = await user.api.get("/me")
    assert me.status_code == 200
    assert me.json()["email"] == user.email
    assert me.json()["name"] == "Ada"


async def test_the_profile_can_be_changed_and_nothing_else(user: SignedIn) -> None:
    assert (await user.api.patch("/me", json={"name": "  Grace "})).json()["name"] == "Grace"
    assert (await user.api.patch("/me", json={})).json()["name"] == "Grace"
    assert (await user.api.patch("/me", json={"email": "root@contoso.example"})).status_code == 400
    assert (await user.api.get("/me")).json()["email"] == user.email


async def test_an_address_is_taken_in_any_case(user: SignedIn, anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.post("/auth/signup", json={"email": user.email.upper(), "password": PASSWORD})
    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/email_taken"


async def test_of_two_sign_ups_at_once_one_succeeds(anonymous: httpx.AsyncClient, owner: Owner) -> None:
    email = f"{uuid4().hex}@contoso.example"
    body = {"email": email, "password": PASSWORD}
    answers = await asyncio.gather(*(anonymous.post("/auth/signup", json=body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    found = await (await owner.execute("SELECT count(*) FROM app_user WHERE email = %s", [email])).fetchone()
    assert found == (1,)


async def test_logging_in_ignores_the_addresss_case(user: SignedIn, anonymous: httpx.AsyncClient) -> None:
    answer = await log_in(anonymous, user.email.upper())
    assert answer.status_code == 200
    assert answer.json()["user"]["email"] == user.email


async def test_a_wrong_password_and_an_unknown_address_look_alike(user: SignedIn, anonymous: httpx.AsyncClient) -> None:
    wrong = await log_in(anonymous, user.email, "wrong horse battery")
    unknown = await log_in(anonymous, "nobody@contoso.example")
    assert wrong.status_code == unknown.status_code == 401
    assert "set-cookie" not in wrong.headers
    one, other = wrong.json(), unknown.json()
    assert one.pop("request_id") != other.pop("request_id")
    assert one == other


async def test_a_password_is_the_same_however_its_accents_are_composed(anonymous: httpx.AsyncClient) -> None:
    email = f"{uuid4().hex}@contoso.example"
    await anonymous.post("/auth/signup", json={"email": email, "password": "caf\u00e9 caf\u00e9 caf\u00e9"})
    assert (await log_in(anonymous, email, "cafe\u0301 cafe\u0301 cafe\u0301")).status_code == 200


async def test_a_password_is_stored_as_argon2id_and_renewed_when_its_cost_changed(
    user: SignedIn, anonymous: httpx.AsyncClient, owner: Owner
) -> None:
    async def stored() -> str:
        row = await (await owner.execute("SELECT password_hash FROM app_user WHERE id = %s", [user.id])).fetchone()
        assert row is not None
        return str(row[0])

    from argon2 import PasswordHasher  # noqa: PLC0415 - only here

    assert (await stored()).startswith("$argon2id$v=19$m=8,t=1,p=1$")
    old = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    await owner.execute("UPDATE app_user SET password_hash = %s WHERE id = %s", [old, user.id])
    assert (await log_in(anonymous, user.email)).status_code == 200
    assert "m=8,t=1,p=1" in await stored()
    assert (await log_in(anonymous, user.email)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"email": "not an address", "password": PASSWORD},
        {"email": "a@b\u0000.example", "password": PASSWORD},
        {"email": "ada@contoso.example", "password": "short"},
        {"email": "ada@contoso.example", "password": "x" * 257},
        {"email": "ada@contoso.example", "password": PASSWORD, "name": "x" * 201},
        {"email": "ada@contoso.example", "password": PASSWORD, "id": str(uuid4())},
        {"email": ["ada@contoso.example"], "password": PASSWORD},
        {"email": None, "password": None},
        {},
    ],
)
async def test_a_bad_sign_up_is_refused_with_its_fields(anonymous: httpx.AsyncClient, body: dict[str, Any]) -> None:
    answer = await anonymous.post("/auth/signup", json=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert all(error["message"] for error in answer.json()["errors"])


@pytest.mark.parametrize("email", ["' OR 1=1 --", "a" * 5000, "\u0000", "%", ""])
async def test_hostile_log_ins_do_not_get_in(anonymous: httpx.AsyncClient, email: str) -> None:
    assert (await log_in(anonymous, email)).status_code in (400, 401)


async def test_the_cookie_is_out_of_scripts_reach(user: SignedIn, anonymous: httpx.AsyncClient) -> None:
    cookie = (await log_in(anonymous, user.email)).headers["set-cookie"]
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "secure", "samesite=strict", "path=/api/auth", "max-age=2592000"} <= attributes


async def test_refreshing_gives_a_new_token_and_the_old_one_is_spent(
    user: SignedIn, anonymous: httpx.AsyncClient, owner: Owner
) -> None:
    first = refresh_token(await log_in(anonymous, user.email))
    answer = await refresh(anonymous, first)
    second = refresh_token(answer)
    assert answer.status_code == 200
    assert answer.json()["user"]["email"] == user.email
    assert second != first
    third = refresh_token(await refresh(anonymous, second))
    await age_rotation(owner, first)
    assert (await refresh(anonymous, third)).status_code == 200


async def test_a_token_that_comes_back_ends_the_session_for_both(
    user: SignedIn, anonymous: httpx.AsyncClient, owner: Owner
) -> None:
    stolen = refresh_token(await log_in(anonymous, user.email))
    newest = refresh_token(await refresh(anonymous, stolen))
    await age_rotation(owner, stolen)
    assert (await refresh(anonymous, stolen)).status_code == 401
    assert (await refresh(anonymous, newest)).status_code == 401


async def test_a_token_two_steps_old_ends_the_session_at_once(user: SignedIn, anonymous: httpx.AsyncClient) -> None:
    first = refresh_token(await log_in(anonymous, user.email))
    second = refresh_token(await refresh(anonymous, first))
    third = refresh_token(await refresh(anonymous, second))
    assert (await refresh(anonymous, first)).status_code == 401
    assert (await refresh(anonymous, third)).status_code == 401


async def test_a_guessed_secret_ends_the_session(user: SignedIn, anonymous: httpx.AsyncClient) -> None:
    token = refresh_token(await log_in(anonymous, user.email))
    assert (await refresh(anonymous, token[:-1] + ("0" if token[-1] != "0" else "1"))).status_code == 401
    assert (await refresh(anonymous, token)).status_code == 401


async def test_many_tabs_that_refresh_at_once_go_on_with_one_token(
    user: SignedIn, anonymous: httpx.AsyncClient, owner: Owner
) -> None:
    token = refresh_token(await log_in(anonymous, user.email))
    answers = await asyncio.gather(*(refresh(anonymous, token) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    (successor,) = {refresh_token(answer) for answer in answers}
    await age_rotation(owner, token)
    assert (await refresh(anonymous, successor)).status_code == 200


async def test_sessions_end_one_by_one(user: SignedIn, anonymous: httpx.AsyncClient) -> None:
    one = refresh_token(await log_in(anonymous, user.email))
    other = refresh_token(await log_in(anonymous, user.email))
    out = await anonymous.post("/auth/logout", headers={"Cookie": f"refresh_token={one}"})
    assert out.status_code == 204
    assert "max-age=0" in out.headers["set-cookie"].lower()
    assert (await refresh(anonymous, one)).status_code == 401
    assert (await refresh(anonymous, other)).status_code == 200


async def test_a_session_ends_when_it_was_not_used_for_its_life(
    user: SignedIn, anonymous: httpx.AsyncClient, owner: Owner
) -> None:
    token = refresh_token(await log_in(anonymous, user.email))
    await owner.execute("UPDATE user_session SET expires_at = now() WHERE user_id = %s", [user.id])
    assert (await refresh(anonymous, token)).status_code == 401


@pytest.mark.parametrize("token", ["", "x", "\u00e9", f"{uuid4()}.abc", f"{uuid4()}", "a" * 9000, f"{uuid4()}.'--"])
async def test_a_made_up_refresh_token_is_refused(anonymous: httpx.AsyncClient, token: str) -> None:
    answer = await anonymous.post("/auth/refresh", headers={b"Cookie": b"refresh_token=" + token.encode()})
    assert answer.status_code == 401
    out = await anonymous.post("/auth/logout", headers={b"Cookie": b"refresh_token=" + token.encode()})
    assert out.status_code == 204


async def test_logging_out_without_a_session_is_fine(anonymous: httpx.AsyncClient) -> None:
    assert (await anonymous.post("/auth/logout")).status_code == 204


async def test_cookies_of_other_programs_do_not_hide_ours(user: SignedIn, anonymous: httpx.AsyncClient) -> None:
    token = refresh_token(await log_in(anonymous, user.email))
    cookies = f'other={{"a": "b;c"}}; =; bad name=1; refresh_token={token}; x_refresh_token=no'
    assert (await anonymous.post("/auth/refresh", headers={"Cookie": cookies})).status_code == 200


@pytest.mark.parametrize("path", ["/auth/refresh", "/auth/logout"])
async def test_another_sites_page_may_not_use_the_cookie(
    user: SignedIn, anonymous: httpx.AsyncClient, path: str
) -> None:
    token = refresh_token(await log_in(anonymous, user.email))
    for origin in ("https://evil.example", "null", f"{WEB_BASE_URL}.evil.example", "http://mail.contoso.example"):
        headers = {"Cookie": f"refresh_token={token}", "Origin": origin}
        assert (await anonymous.post(path, headers=headers)).status_code == 403
    assert (await refresh(anonymous, token, Origin=WEB_BASE_URL)).status_code == 200


def forged(**changes: object) -> dict[str, Any]:
    now = datetime.now(UTC)
    claims = {
        "iss": PUBLIC_BASE_URL,
        "aud": f"{PUBLIC_BASE_URL}/api",
        "sub": str(uuid4()),
        "iat": now,
        "exp": now + timedelta(minutes=5),
    }
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


async def status_with(client: httpx.AsyncClient, token: str) -> int:
    return (await client.get("/accounts", headers={"Authorization": f"Bearer {token}"})).status_code


async def test_every_key_of_the_ring_verifies(anonymous: httpx.AsyncClient) -> None:
    for name, key in KEYS.items():
        token = jwt.encode(forged(), key, algorithm="HS256", headers={"kid": name})
        assert await status_with(anonymous, token) == 200


async def test_the_first_key_signs(user: SignedIn) -> None:
    token = user.api.headers["Authorization"].removeprefix("Bearer ")
    assert jwt.get_unverified_header(token)["kid"] == "second"


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": datetime.now(UTC) - timedelta(seconds=1)},
        {"exp": None},
        {"sub": None},
        {"sub": "admin"},
        {"iss": "https://evil.example"},
        {"aud": "https://evil.example"},
        {"aud": None},
    ],
    ids=str,
)
async def test_a_token_with_a_wrong_claim_is_refused(anonymous: httpx.AsyncClient, changes: dict[str, Any]) -> None:
    token = jwt.encode(forged(**changes), KEYS["first"], algorithm="HS256", headers={"kid": "first"})
    assert await status_with(anonymous, token) == 401


async def test_a_token_of_another_key_or_algorithm_is_refused(anonymous: httpx.AsyncClient) -> None:
    for key, algorithm, key_id in (
        (b"x" * 32, "HS256", "first"),
        (KEYS["first"], "HS256", "third"),
        (KEYS["first"] * 2, "HS512", "first"),
        (None, "none", "first"),
    ):
        token = jwt.encode(forged(), key, algorithm=algorithm, headers={"kid": key_id})  # type: ignore[arg-type] # None is for "none"
        assert await status_with(anonymous, token) == 401
    unnamed = jwt.encode(forged(), KEYS["first"], algorithm="HS256")
    assert await status_with(anonymous, unnamed) == 401


@pytest.mark.parametrize("token", ["a", "a.b.c", "..", "\u00e9".encode().decode("latin-1"), "e30.e30."])
async def test_what_is_no_token_is_refused(anonymous: httpx.AsyncClient, token: str) -> None:
    answer = await anonymous.get("/me", headers={b"Authorization": f"Bearer {token}".encode("latin-1")})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
