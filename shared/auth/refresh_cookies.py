"""The cookie that carries the refresh token, and which pages may use it."""

from typing import Final
from urllib.parse import urlsplit

from shared.auth.sessions import SESSION_SECONDS
from shared.errors import Forbidden
from shared.settings import Settings

NAME: Final = "refresh_token"


def cookie_for(settings: Settings, refresh_token: str) -> str:
    return _set_cookie(settings, refresh_token, SESSION_SECONDS)


def cleared_cookie(settings: Settings) -> str:
    return _set_cookie(settings, "", 0)


def presented_token(cookie_header: str | None) -> str | None:
    """Find ours among the cookies of a host that other programs may share, however theirs are written."""
    pairs = (pair.strip().partition("=") for pair in (cookie_header or "").split(";"))
    return next((value for name, _, value in pairs if name == NAME), None)


def refuse_foreign_origin(settings: Settings, origin: str | None) -> None:
    """
    Raise Forbidden for a page that is not ours: the browser adds the cookie for it when `SameSite` is `None`.

    Programs send no Origin, and hold the cookie only if they signed in.
    """
    if origin is not None and origin.lower() not in allowed_origins(settings):
        raise Forbidden("foreign origin")


def allowed_origins(settings: Settings) -> set[str]:
    urls = [settings.web_base_url, *settings.allowed_origins.split(",")]
    return {f"{url.scheme}://{url.netloc}".lower() for url in map(urlsplit, map(str.strip, urls)) if url.netloc}


def _set_cookie(settings: Settings, value: str, seconds: int) -> str:
    site = settings.refresh_cookie_same_site.capitalize()
    return f"{NAME}={value}; Max-Age={seconds}; Path=/api/auth; HttpOnly; Secure; SameSite={site}"
