"""Rich notifications: the resource's data, encrypted for one subscriber, and the tokens that prove the sender."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Literal
from uuid import uuid4

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

from dev.graph_simulator.directory import Tenant
from dev.graph_simulator.json_text import from_json, to_json
from dev.graph_simulator.mailbox import Mailbox, Message
from dev.graph_simulator.messages import SELECTABLE, Shape, message_json
from dev.graph_simulator.queries import select_from
from dev.graph_simulator.signing import SigningKeys
from dev.graph_simulator.subscription_list import Subscription

PUBLISHER_APP_ID = "0bf30f3b-4a52-48df-9a82-234910c4a086"
TOKEN_SECONDS = 3600
KEY_BITS = range(2048, 4097)
_FORBIDDEN = {"body", "uniqueBody"}
_IV_BYTES, _BLOCK_BITS = 16, 128

RichFault = Literal[
    "none", "signature", "audience", "application", "issuer", "expired", "no-token", "data", "certificate"
]


class CertificateRefused(Exception):
    """A certificate with which nothing can be encrypted; the text is the reason."""


def selected(text: str) -> tuple[str, ...]:
    """Return the properties of a $select. Raises `ValueError` for what notifications cannot carry."""
    names = select_from(text, SELECTABLE, "message") or ()
    if _FORBIDDEN & set(names):
        raise ValueError(f"Selecting {sorted(_FORBIDDEN & set(names))} is not supported with resource data.")
    return names


@lru_cache(maxsize=1024)
def public_key_of(certificate: str) -> tuple[RSAPublicKey, str]:
    """Return a Base64 certificate's key and thumbprint. Raises `CertificateRefused`."""
    try:
        loaded = x509.load_der_x509_certificate(base64.b64decode(certificate, validate=True))
    except ValueError as exc:
        raise CertificateRefused("The encryptionCertificate is not a Base64-encoded X.509 certificate.") from exc
    key = loaded.public_key()
    if not isinstance(key, RSAPublicKey) or key.key_size not in KEY_BITS:
        raise CertificateRefused("The encryptionCertificate must have an RSA key of 2,048 to 4,096 bits.")
    return key, loaded.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - a name, and the service's own


def encrypted_content(
    subscription: Subscription, mailbox: Mailbox, message: Message, fault: RichFault = "none"
) -> dict[str, str]:
    """Return an item's `encryptedContent`: the selected properties as they are now, under a key of their own."""
    key, thumbprint = public_key_of(subscription.certificate or "")
    secret = secrets.token_bytes(32)
    padder = padding.PKCS7(_BLOCK_BITS).padder()
    clear = padder.update(to_json(_content(subscription, mailbox, message))) + padder.finalize()
    encryptor = Cipher(AES256(secret), CBC(secret[:_IV_BYTES])).encryptor()
    data = encryptor.update(clear) + encryptor.finalize()
    signature = hmac.digest(secret, data, hashlib.sha256)
    if fault == "data":
        data = bytes([data[0] ^ 1]) + data[1:]
    wrapped = key.encrypt(secret, OAEP(MGF1(hashes.SHA1()), hashes.SHA1(), None))  # noqa: S303 - the service's own
    return {
        "data": base64.b64encode(data).decode(),
        "dataKey": base64.b64encode(wrapped).decode(),
        "dataSignature": base64.b64encode(signature).decode(),
        "encryptionCertificateId": "unknown" if fault == "certificate" else subscription.certificate_id or "",
        "encryptionCertificateThumbprint": "0" * 40 if fault == "certificate" else thumbprint,
    }


def validation_tokens(
    keys: SigningKeys, audiences: Iterable[tuple[str, Tenant]], now: float, fault: RichFault = "none"
) -> list[str]:
    """Return a signed token for each application and tenant in a POST: first-version tokens of their tenant."""
    if fault == "no-token":
        return []
    return [_token(keys, app_id, tenant, int(now), fault) for app_id, tenant in audiences]


def _token(keys: SigningKeys, app_id: str, tenant: Tenant, now: int, fault: RichFault) -> str:
    issuer = f"https://sts.windows.net/{tenant.id if fault != 'issuer' else uuid4()}/"
    start = now - 2 * TOKEN_SECONDS if fault == "expired" else now
    claims: dict[str, Any] = {
        "aud": str(uuid4()) if fault == "audience" else app_id,
        "iss": issuer,
        "iat": start,
        "nbf": start,
        "exp": start + TOKEN_SECONDS,
        "appid": str(uuid4()) if fault == "application" else PUBLISHER_APP_ID,
        "appidacr": "2",
        "idp": issuer,
        "tid": tenant.id,
        "uti": uuid4().hex,
        "ver": "1.0",
    }
    token = keys.sign(claims, tenant)
    if fault == "signature":
        forged = generate_private_key(public_exponent=65537, key_size=2048)
        return jwt.encode(claims, forged, algorithm="RS256", headers={"kid": jwt.get_unverified_header(token)["kid"]})
    return token


def _content(subscription: Subscription, mailbox: Mailbox, message: Message) -> dict[str, Any]:
    shape = Shape(select=tuple(subscription.select), is_immutable=subscription.is_immutable)
    whole: dict[str, Any] = from_json(message_json(mailbox, message, shape))
    content: dict[str, Any] = {}
    for name in subscription.select:
        if name not in whole:
            continue
        if kind := _kind(name):
            content[f"{name}@odata.type"] = kind
        content[name] = _annotated(name, whole[name])
    return content


def _kind(name: str) -> str | None:
    if name.endswith("DateTime"):
        return "#DateTimeOffset"
    return f"#microsoft.graph.{name}" if name in ("importance", "inferenceClassification") else None


def _annotated(name: str, value: object) -> object:
    if isinstance(value, list) and name in ("toRecipients", "ccRecipients", "bccRecipients", "replyTo"):
        return [_recipient(one) for one in value]
    if isinstance(value, dict) and name in ("from", "sender"):
        return _recipient(value)
    if isinstance(value, dict) and name == "flag":
        return {"@odata.type": "#microsoft.graph.followupFlag"} | value
    return value


def _recipient(value: dict[str, Any]) -> dict[str, Any]:
    address = {"@odata.type": "#microsoft.graph.emailAddress"} | (value.get("emailAddress") or {})
    return {"@odata.type": "#microsoft.graph.recipient", "emailAddress": address}
