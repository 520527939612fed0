"""The vault's secrets: which there are, and those that are missing. None that is there is ever made again."""

import base64
import getpass
import json
import secrets
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from infra.hooks.commands import az, required, stop, value_of

_VAULTS: Final = "Microsoft.KeyVault/vaults"
_API_VERSION: Final = "2023-07-01"


def _keyring() -> str:
    key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    return json.dumps({f"{datetime.now(UTC):%Y-%m}": key})


def _password() -> str:
    return secrets.token_urlsafe(32)


def _client_secret() -> str:
    asked = getpass.getpass("The application's client secret (not shown): ").strip() if sys.stdin.isatty() else ""
    return asked or stop(
        "The vault has no client secret yet. Set MICROSOFT_CLIENT_SECRET in the environment of this one command:\n"
        "it goes into the vault and nowhere else."
    )


MADE_BY: Final[dict[str, Callable[[], str]]] = {
    "jwt-signing-keys": _keyring,
    "token-encryption-keys": _keyring,
    "audit-signing-keys": _keyring,
    "webhook-key": _password,
    "microsoft-client-secret": _client_secret,
}


def missing_secrets() -> dict[str, str]:
    """
    Make each secret that this environment's vault does not have. Without a vault, that is all of them.

    What the command's environment gives, such as TOKEN_ENCRYPTION_KEYS of a deployment that moves, is taken as it is.
    """
    there = _secrets_there()
    return {name: value_of(_variable(name)) or make() for name, make in MADE_BY.items() if name not in there}


def _variable(secret_name: str) -> str:
    return secret_name.upper().replace("-", "_")


def _secrets_there() -> set[str]:
    """List names by way of Azure's management, which shows no value and needs no right in the vault itself."""
    names: set[str] = set()
    for group in az("group", "list", "--tag", f"azd-env-name={required('AZURE_ENV_NAME')}", "--query", "[].name"):
        for vault in az("resource", "list", "--resource-group", group, "--resource-type", _VAULTS, "--query", "[].id"):
            names |= _names_in(f"https://management.azure.com{vault}/secrets?api-version={_API_VERSION}")
    return names


def _names_in(url: str) -> set[str]:
    names: set[str] = set()
    while url:
        page = az("rest", "--method", "get", "--url", url)
        names |= {secret["name"] for secret in page["value"]}
        url = page.get("nextLink") or ""
    return names
