"""Settings of a deployment whose keys nobody needs to know."""

import base64
import secrets
from typing import Any

from shared.settings import Settings


def new_ring() -> dict[str, str]:
    return {"first": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}


def settings_of(**given: Any) -> Settings:  # noqa: ANN401 - whatever a deployment sets
    """Fill in what has to be set and does not matter to the test."""
    return Settings.model_validate(
        {
            "database_url": "postgresql://mail_app@127.0.0.1/unused",
            "microsoft_client_id": "client",
            "microsoft_client_secret": secrets.token_urlsafe(16),
            "public_base_url": "http://127.0.0.1:7071",
            "web_base_url": "http://127.0.0.1:5173",
            "jwt_signing_keys": new_ring(),
            "token_encryption_keys": new_ring(),
            "audit_signing_keys": new_ring(),
            "webhook_key": secrets.token_urlsafe(32),
            **given,
        }
    )
