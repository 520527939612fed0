"""Certificates, and content encrypted for them as Graph does it."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

HEADER: dict[str, object] = {
    "id": "AAMkAGU=",
    "changeKey": "CQAAABYB",
    "parentFolderId@odata.type": "#String",
    "parentFolderId": "inbox-id",
    "subject": "Minutes",
    "bodyPreview": "Dear all",
    "categories": ["Red category"],
    "importance@odata.type": "#microsoft.graph.importance",
    "importance": "high",
    "flag": {"@odata.type": "#microsoft.graph.followupFlag", "flagStatus": "flagged"},
    "isRead": True,
    "isDraft": False,
    "lastModifiedDateTime@odata.type": "#DateTimeOffset",
    "lastModifiedDateTime": "2026-11-20T10:00:05Z",
    "hasAttachments": False,
    "inferenceClassification": "focused",
}


class CertificateHolder:
    """Makes an RSA key and its certificate, and encrypts for it."""

    def __init__(self) -> None:
        self.key = generate_private_key(public_exponent=65537, key_size=2048)

    @cached_property
    def pem(self) -> str:
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "notifications")])
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(name, name, self.key.public_key(), x509.random_serial_number())
        made = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(self.key, hashes.SHA256())
        pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return (pem + made.public_bytes(Encoding.PEM)).decode()

    def sealed(self, document: Mapping[str, object] | bytes, *, key_bytes: int = 32) -> "Sealed":
        clear = document if isinstance(document, bytes) else json.dumps(document).encode()
        key = secrets.token_bytes(key_bytes)
        padder = PKCS7(128).padder()
        encryptor = Cipher(AES256(key.ljust(32, b"\0")), CBC(key[:16].ljust(16, b"\0"))).encryptor()
        data = encryptor.update(padder.update(clear) + padder.finalize()) + encryptor.finalize()
        wrapped = self.key.public_key().encrypt(key, OAEP(MGF1(hashes.SHA1()), hashes.SHA1(), None))  # noqa: S303 - Graph's choice
        return Sealed(_text(data), _text(wrapped), _text(hmac.digest(key, data, hashlib.sha256)))


@dataclass(frozen=True)
class Sealed:
    data: str
    data_key: str
    data_signature: str

    def in_notification(self, certificate_id: str) -> dict[str, str]:
        return {
            "data": self.data,
            "dataKey": self.data_key,
            "dataSignature": self.data_signature,
            "encryptionCertificateId": certificate_id,
            "encryptionCertificateThumbprint": "0" * 40,
        }


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
