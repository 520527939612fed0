"""Signs a user in without a browser: for tests that need a token and do not test signing in."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from dev.graph_simulator.fixture import RunningSimulator

SCOPES = ("openid", "profile", "offline_access", "User.Read", "Mail.ReadWrite", "Mail.Send")
REDIRECT_URI = "http://localhost:7071/api/oauth/callback/outlook"


@dataclass(frozen=True, slots=True)
class Tokens:
    access_token: str
    refresh_token: str
    document: dict[str, Any]


def sign_in(simulator: RunningSimulator, address: str, scopes: Sequence[str] = SCOPES) -> Tokens:
    """Return tokens of a user. The simulator must consent by itself (`auto_consent`)."""
    parameters = {
        "client_id": simulator.client_id,
        "response_type": "code",
        "redirect_uri": REDIRECT_URI,
        "scope": " ".join(scopes),
        "state": secrets.token_hex(8),
        "login_hint": address,
    }
    with httpx.Client(base_url=simulator.authority, verify=simulator.admin.tls, trust_env=False) as http:
        redirect = http.get("/oauth2/v2.0/authorize", params=parameters)
        code = parse_qs(urlsplit(redirect.headers["location"]).query)["code"][0]
        form = {
            "client_id": simulator.client_id,
            "client_secret": simulator.client_secret,
            "grant_type": "authorization_code",
            "redirect_uri": REDIRECT_URI,
            "code": code,
        }
        document = http.post("/oauth2/v2.0/token", data=form).raise_for_status().json()
    return Tokens(document["access_token"], document.get("refresh_token", ""), document)
