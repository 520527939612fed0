"""The token endpoint: codes and refresh tokens in, tokens or the service's errors out."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from aiohttp import web

from dev.graph_simulator.authorize import client_info
from dev.graph_simulator.directory import App, User
from dev.graph_simulator.entra_settings import TokenFault
from dev.graph_simulator.grants import Code, Grant, TokenRefused
from dev.graph_simulator.json_text import to_json
from dev.graph_simulator.scopes import UnknownScope, granted, scopes_from
from dev.graph_simulator.simulator import Simulator

ID_TOKEN_SECONDS = 3600


class TokenError(Exception):
    """An error answer; `code` is the AADSTS number."""

    def __init__(
        self,
        error: str,
        code: int,
        text: str,
        *,
        status: int = 400,
        suberror: str | None = None,
        claims: str | None = None,
    ) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.fields = {"error": error, "suberror": suberror, "claims": claims}


async def token(simulator: Simulator, authority: str, request: web.Request) -> web.Response:
    form = {name: str(value) for name, value in (await request.post()).items()}
    try:
        document = _answer(simulator, authority, form, request.headers.get("Authorization", ""))
        status = 200
    except TokenError as error:
        document, status = _error_document(simulator, error), error.status
    simulator.store.commit()
    headers = {"Cache-Control": "no-store, no-cache", "x-ms-request-id": str(uuid4())}
    return web.Response(body=to_json(document), status=status, content_type="application/json", headers=headers)


def _answer(simulator: Simulator, authority: str, form: Mapping[str, str], authorization: str) -> dict[str, Any]:
    app = _authenticated(simulator, form, authorization)
    grant_type = form.get("grant_type")
    _raise_due_fault(simulator, grant_type, form)
    if grant_type == "authorization_code":
        code, grant = _redeemed(simulator, authority, app, form)
        return _tokens(simulator, app, grant, list(code.scopes), code.nonce)
    if grant_type == "refresh_token":
        grant = _refreshed(simulator, authority, app, form)
        return _tokens(simulator, app, grant, _narrowed(grant, form), None)
    raise TokenError("unsupported_grant_type", 70003, f"The app requested an unsupported grant type '{grant_type}'.")


def _authenticated(simulator: Simulator, form: Mapping[str, str], authorization: str) -> App:
    client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    if authorization.startswith("Basic "):
        client_id, _, secret = base64.b64decode(authorization[6:]).decode().partition(":")
    app = simulator.directory.apps.get(client_id)
    if app is None:
        text = f"Application with identifier '{client_id}' was not found in the directory."
        raise TokenError("unauthorized_client", 700016, text)
    if not hmac.compare_digest(secret.encode(), app.secret.encode()):
        raise TokenError("invalid_client", 7000215, "Invalid client secret provided.", status=401)
    return app


def _raise_due_fault(simulator: Simulator, grant_type: str | None, form: Mapping[str, str]) -> None:
    for fault in simulator.settings.entra.token_faults:
        is_due = fault.times is None or fault.times > 0
        if is_due and fault.grant_type in (None, grant_type) and _concerns(simulator, fault, form):
            fault.times = None if fault.times is None else fault.times - 1
            raise TokenError(
                fault.error,
                fault.code,
                fault.description,
                status=fault.status,
                suberror=fault.suberror,
                claims=fault.claims,
            )


def _concerns(simulator: Simulator, fault: TokenFault, form: Mapping[str, str]) -> bool:
    if fault.user is None:
        return True
    try:
        grant = simulator.grants.read_refresh_token(form.get("refresh_token", ""))
    except TokenRefused:
        code = simulator.grants.code(form.get("code", ""))
        if code is None:
            return False
        grant = simulator.grants.grants[code.grant]
    return simulator.directory.users[grant.user].address.lower() == fault.user.lower()


def _redeemed(simulator: Simulator, authority: str, app: App, form: Mapping[str, str]) -> tuple[Code, Grant]:
    text = form.get("code", "")
    code = simulator.grants.code(text)
    grant = simulator.grants.grants.get(code.grant) if code else None
    if code is None or grant is None or grant.app != app.id:
        raise TokenError("invalid_grant", 70000, "The provided authorization code is malformed or not valid.")
    if code.is_used:
        raise TokenError("invalid_grant", 54005, "OAuth2 Authorization code was already redeemed.")
    if code.expires <= simulator.clock.now().timestamp():
        raise TokenError("invalid_grant", 70008, "The provided authorization code is expired.")
    if code.authority != authority.lower():
        raise TokenError("invalid_grant", 700005, "The authorization code was issued for another tenant.")
    if code.redirect_uri != form.get("redirect_uri"):
        text = "The reply address does not match the reply address provided when requesting the authorization code."
        raise TokenError("invalid_grant", 500112, text)
    if code.challenge and not _is_verified(code, form.get("code_verifier", "")):
        text = "The Code_Verifier does not match the code_challenge supplied in the authorization request."
        raise TokenError("invalid_grant", 501481, text)
    simulator.grants.use(form["code"], code)
    return code, grant


def _is_verified(code: Code, verifier: str) -> bool:
    if code.challenge_method == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        verifier = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return hmac.compare_digest(verifier.encode(), (code.challenge or "").encode())


def _refreshed(simulator: Simulator, authority: str, app: App, form: Mapping[str, str]) -> Grant:
    try:
        grant = simulator.grants.read_refresh_token(form.get("refresh_token", ""))
    except TokenRefused as refused:
        if str(refused) == "expired":
            text = "The refresh token has expired due to inactivity."
            raise TokenError("invalid_grant", 700082, text, suberror="token_expired") from refused
        if str(refused) == "revoked":
            text = "The provided grant has expired due to it being revoked, a fresh auth token is needed."
            raise TokenError("invalid_grant", 50173, text, suberror="bad_token") from refused
        text = "The provided value for the input parameter 'refresh_token' is not valid."
        raise TokenError("invalid_grant", 70000, text, suberror="bad_token") from refused
    if grant.app != app.id:
        raise TokenError("invalid_grant", 70000, "The refresh token was issued to another client.")
    if grant.user not in (one.id for one in simulator.directory.users_for(authority)):
        raise TokenError("invalid_grant", 700005, "The refresh token is not valid for this tenant.")
    return grant


def _narrowed(grant: Grant, form: Mapping[str, str]) -> list[str]:
    """Return the scopes of a refreshed token: those of the grant that were asked for, all when none were."""
    try:
        asked = {one.lower() for one in scopes_from(form.get("scope", ""))}
    except UnknownScope as unknown:
        raise TokenError("invalid_scope", 70011, f"The scope {unknown} isn't valid.") from unknown
    return [one for one in grant.scopes if not asked or one.lower() in asked or one in ("openid", "offline_access")]


def _tokens(simulator: Simulator, app: App, grant: Grant, scopes: list[str], nonce: str | None) -> dict[str, Any]:
    user = simulator.directory.users[grant.user]
    seconds = simulator.settings.entra.access_token_seconds
    scopes = granted(scopes, simulator.settings.entra.refused_scopes)
    document: dict[str, Any] = {
        "token_type": "Bearer",
        "scope": " ".join(one for one in scopes if one != "offline_access"),
        "expires_in": seconds,
        "ext_expires_in": seconds,
        "access_token": simulator.grants.access_token(grant, scopes, seconds),
        "client_info": client_info(user),
    }
    if "offline_access" in scopes:
        document["refresh_token"] = simulator.grants.refresh_token(grant)
    if "openid" in scopes:
        document["id_token"] = _id_token(simulator, app, user, scopes, nonce)
    return document


def _id_token(simulator: Simulator, app: App, user: User, scopes: list[str], nonce: str | None) -> str:
    now = int(simulator.clock.now().timestamp())
    claims: dict[str, Any] = {
        "aud": app.id,
        "iss": f"{simulator.base_url}/{user.tenant}/v2.0",
        "iat": now,
        "nbf": now,
        "exp": now + ID_TOKEN_SECONDS,
        "sub": hashlib.sha256(f"{app.id}:{user.id}".encode()).hexdigest()[:43],
        "tid": user.tenant,
        "uti": uuid4().hex,
        "ver": "2.0",
    }
    if "profile" in scopes:
        claims |= {"oid": user.id, "name": user.name, "preferred_username": user.address}
    if "email" in scopes:
        claims["email"] = user.address
    if nonce:
        claims["nonce"] = nonce
    return simulator.keys.sign(claims, simulator.directory.tenants[user.tenant])


def _error_document(simulator: Simulator, error: TokenError) -> dict[str, Any]:
    trace, correlation = str(uuid4()), str(uuid4())
    at = simulator.clock.now().strftime("%Y-%m-%d %H:%M:%SZ")
    document = {
        "error": error.fields["error"],
        "error_description": (
            f"AADSTS{error.code}: {error}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {at}"
        ),
        "error_codes": [error.code],
        "timestamp": at,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={error.code}",
    }
    return document | {name: error.fields[name] for name in ("suberror", "claims") if error.fields[name]}
