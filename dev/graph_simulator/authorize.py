"""The authorize endpoint: the consent page, and the redirect with a code or an error."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import quote, urlencode, urlsplit
from uuid import uuid4

from aiohttp import web

from dev.graph_simulator.directory import App, User
from dev.graph_simulator.entra_pages import consent_page, error_page, form_post_page
from dev.graph_simulator.entra_settings import AuthorizeFault
from dev.graph_simulator.grants import CODE_SECONDS, Code
from dev.graph_simulator.json_text import to_json
from dev.graph_simulator.scopes import UnknownScope, granted, scopes_from
from dev.graph_simulator.simulator import Simulator
from dev.graph_simulator.webhooks import is_loopback


@dataclass(frozen=True, slots=True)
class _Wish:
    """An authorization request whose application and redirect URI have been checked."""

    app: App
    authority: str
    redirect_uri: str
    parameters: Mapping[str, str]

    @property
    def state(self) -> dict[str, str]:
        return {"state": self.parameters["state"]} if "state" in self.parameters else {}


class _Refused(Exception):
    """An error that goes to the application."""

    def __init__(self, error: str, description: str, subcode: str | None = None) -> None:
        super().__init__(description)
        self.parameters = {"error": error, "error_description": description}
        if subcode:
            self.parameters["error_subcode"] = subcode


class _NotOurs(Exception):
    """An error that only the person may see: the redirect URI is not to be trusted."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


async def authorize(simulator: Simulator, authority: str, request: web.Request) -> web.Response:
    """Answer a browser that was sent here to sign in, or that comes back from the consent page."""
    form = await request.post() if request.method == "POST" else {}
    try:
        wish = _wish(simulator, authority, request.query)
    except _NotOurs as problem:
        return _html(error_page(problem.code, str(problem)), 400)
    try:
        scopes = _checked_scopes(simulator, wish)
        user = _chosen(simulator, wish, str(form.get("user", "")), str(form.get("action", "")))
        if user is None:
            users = simulator.directory.users_for(authority)
            return _html(consent_page(wish.app.name, users, _suggested(simulator, wish), scopes))
        answer = _success(simulator, wish, user, scopes)
    except _Refused as refused:
        answer = refused.parameters | wish.state
    simulator.store.commit()
    return _sent_back(wish, answer)


def _wish(simulator: Simulator, authority: str, query: Mapping[str, str]) -> _Wish:
    app = simulator.directory.apps.get(query.get("client_id", ""))
    if app is None:
        name = query.get("client_id", "")
        raise _NotOurs(700016, f"Application with identifier '{name}' was not found in the directory.")
    redirect_uri = query.get("redirect_uri", "")
    if not is_redirect_uri(app, redirect_uri):
        raise _NotOurs(
            50011,
            f"The redirect URI '{redirect_uri}' specified in the request does not match the redirect URIs "
            f"configured for the application '{app.id}'.",
        )
    return _Wish(app, authority, redirect_uri, query)


def is_redirect_uri(app: App, uri: str) -> bool:
    """Return whether an application may be answered there: exactly a registered URI, or loopback while none is."""
    if app.redirect_uris:
        return uri in app.redirect_uris
    return urlsplit(uri).scheme in ("http", "https") and is_loopback(uri)


def _checked_scopes(simulator: Simulator, wish: _Wish) -> list[str]:
    if fault := _due_fault(simulator):
        raise _Refused(fault.error, fault.description, fault.error_subcode)
    asked = wish.parameters
    if asked.get("response_type") != "code":
        _refuse("unsupported_response_type", 700054, "The provided value for 'response_type' is not supported here.")
    if asked.get("code_challenge_method", "plain") not in ("S256", "plain"):
        _refuse("invalid_request", 50147, "The code_challenge_method is invalid.")
    if asked.get("response_mode", "query") not in ("query", "fragment", "form_post"):
        _refuse("invalid_request", 70007, "The value of 'response_mode' is not supported.")
    try:
        scopes = scopes_from(asked.get("scope", ""))
    except UnknownScope as unknown:
        _refuse("invalid_scope", 70011, f"The scope {unknown} isn't valid.")
    if not scopes:
        _refuse("invalid_request", 900144, "The request body must contain the following parameter: 'scope'.")
    return scopes


def _due_fault(simulator: Simulator) -> AuthorizeFault | None:
    for fault in simulator.settings.entra.authorize_faults:
        if fault.times is None or fault.times > 0:
            fault.times = None if fault.times is None else fault.times - 1
            return fault
    return None


def _refuse(error: str, code: int, text: str) -> NoReturn:
    raise _Refused(error, f"AADSTS{code}: {text}")


def _chosen(simulator: Simulator, wish: _Wish, user_id: str, action: str) -> User | None:
    """Return who signs in, or None to ask the person."""
    if action == "cancel":
        raise _Refused("access_denied", "AADSTS65004: User declined to consent to access the app.", "cancel")
    if action == "accept":
        found = [one for one in simulator.directory.users_for(wish.authority) if one.id == user_id]
        if not found:
            _refuse("access_denied", 50020, "The user account does not exist in the tenant.")
        return found[0]
    if simulator.settings.entra.is_auto_consent:
        return _suggested(simulator, wish)
    if wish.parameters.get("prompt") == "none":
        _refuse("login_required", 50058, "A silent sign-in request was sent but no user is signed in.")
    return None


def _suggested(simulator: Simulator, wish: _Wish) -> User | None:
    users = simulator.directory.users_for(wish.authority)
    hint = wish.parameters.get("login_hint", "").lower()
    return next((one for one in users if one.address.lower() == hint), users[0] if users else None)


def _success(simulator: Simulator, wish: _Wish, user: User, scopes: list[str]) -> dict[str, str]:
    allowed = granted(scopes, simulator.settings.entra.refused_scopes)
    grant = simulator.grants.allow(wish.app, user, allowed)
    asked = wish.parameters
    code = Code(
        grant=grant.id,
        authority=wish.authority.lower(),
        redirect_uri=wish.redirect_uri,
        expires=simulator.clock.now().timestamp() + CODE_SECONDS,
        challenge=asked.get("code_challenge"),
        challenge_method=asked.get("code_challenge_method", "plain"),
        nonce=asked.get("nonce"),
        scopes=tuple(allowed),
    )
    answer = {"code": simulator.grants.new_code(code)} | wish.state
    if asked.get("client_info") == "1":
        answer["client_info"] = client_info(user)
    return answer | {"session_state": str(uuid4())}


def client_info(user: User) -> str:
    """Return whom a token is for, as MSAL reads it."""
    return base64.urlsafe_b64encode(to_json({"uid": user.id, "utid": user.tenant})).decode().rstrip("=")


def _sent_back(wish: _Wish, answer: Mapping[str, str]) -> web.Response:
    mode = wish.parameters.get("response_mode", "query")
    if mode == "form_post":
        return _html(form_post_page(wish.redirect_uri, answer))
    mark = "#" if mode == "fragment" else "&" if urlsplit(wish.redirect_uri).query else "?"
    location = f"{wish.redirect_uri}{mark}{urlencode(answer, quote_via=quote)}"
    return web.Response(status=302, headers={"Location": location, "Cache-Control": "no-store"})


def _html(page: str, status: int = 200) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    return web.Response(text=page, status=status, content_type="text/html", headers=headers)
