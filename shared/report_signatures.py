"""Signatures by which a report can be shown to somebody who does not trust its bearer: JWS with Ed25519."""

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ALGORITHM: Final = "EdDSA"
REPORT_TYPE: Final = "audit-report+jwt"


def signed_report(keys: Mapping[str, bytes], report: Mapping[str, Any]) -> str:
    """Sign a report with the first key of the ring; the answer is a compact JWS, which names the key."""
    import jwt  # noqa: PLC0415 - only the end of an audit needs it

    key_id, seed = next(iter(keys.items()))
    headers = {"kid": key_id, "typ": REPORT_TYPE}
    return jwt.encode(dict(report), _private_key(seed), algorithm=ALGORITHM, headers=headers)


def public_keys(keys: Mapping[str, bytes]) -> dict[str, str]:
    """Give the public keys by key id, 32 bytes in base64url each, the signing one first."""
    return {key_id: _text_of_public_key(seed) for key_id, seed in keys.items()}


def _private_key(seed: bytes) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - heavy, as above
        Ed25519PrivateKey,
    )

    return Ed25519PrivateKey.from_private_bytes(seed)


def _text_of_public_key(seed: bytes) -> str:
    return base64.urlsafe_b64encode(_private_key(seed).public_key().public_bytes_raw()).decode().rstrip("=")
