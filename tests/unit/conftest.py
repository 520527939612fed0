"""Settings as a deployment would give them, with keys made on the spot."""

import base64
import secrets
from typing import Any

import pytest

from shared.secrets import Secrets, SecretSource
from shared.settings import Settings


def new_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


@pytest.fixture(scope="session")
def given() -> dict[str, Any]:
    """What a deployment has to give."""
    return {
        "database_url": "postgresql://mail_app@127.0.0.1/mail",
        "microsoft_client_id": "client",
        "microsoft_client_secret": secrets.token_urlsafe(16),
        "public_base_url": "https://api.contoso.example",
        "web_base_url": "https://mail.contoso.example",
        "jwt_signing_keys": {"first": new_key()},
        "token_encryption_keys": {"first": new_key()},
        "audit_signing_keys": {"first": new_key()},
        "webhook_key": secrets.token_urlsafe(32),
    }


@pytest.fixture(scope="session")
def settings(given: dict[str, Any]) -> Settings:
    return Settings.model_validate(given)


def secrets_of(settings: Settings) -> Secrets:
    return SecretSource(settings, None).current
