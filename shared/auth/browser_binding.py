"""
The cookie that ties a sign-in to the browser that started it.

State and user alone would not do: whoever starts a connection may send its authorization URL to somebody else, whose
consent would then put their mail into the sender's account. The state in that URL is good, and so is the user it is
bound to; only the browser is another one. So the browser that starts gets a secret in a cookie, the flow keeps its
hash, and the callback believes nobody who cannot show it.

A page on another site than the API needs `SameSite=None`, like the cookie that keeps its user signed in; a browser that
refuses one refuses both.
"""

import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import Final

from shared.settings import Settings

PATH: Final = "/api/oauth/callback"
LIFETIME: Final = timedelta(minutes=10)  # of a sign-in that was started


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def cookie_for(settings: Settings, state: str, secret: str) -> str:
    """Make one cookie per flow, so that two tabs do not take each other's."""
    return _set_cookie(settings, state, secret, int(LIFETIME.total_seconds()))


def cleared_cookie(settings: Settings, state: str) -> str:
    return _set_cookie(settings, state, "", 0)


def is_same_browser(cookie_header: str | None, state: str, secret_hash: str) -> bool:
    pairs = (pair.strip().partition("=") for pair in (cookie_header or "").split(";"))
    shown = next((value for name, _, value in pairs if name == _name_of(state)), "")
    return hmac.compare_digest(hash_of(shown), secret_hash)


def _name_of(state: str) -> str:
    return f"connecting_{hash_of(state)[:16]}"


def _set_cookie(settings: Settings, state: str, value: str, seconds: int) -> str:
    is_secure = settings.public_base_url.startswith("https:")  # over plain HTTP there is only loopback
    site = "None" if is_secure and settings.refresh_cookie_same_site == "none" else "Lax"
    secure = "; Secure" if is_secure else ""
    return f"{_name_of(state)}={value}; Max-Age={seconds}; Path={PATH}; HttpOnly; SameSite={site}{secure}"
