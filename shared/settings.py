"""The environment, read once and typed. Nothing else in the product touches `os.environ`."""

import base64
import binascii
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    PlainValidator,
    PostgresDsn,
    SecretStr,
    model_validator,
)

KEY_BYTES = 32
CERTIFICATE_ID_LENGTH = 128
WEBHOOK_KEY_CHARACTERS = 32
IN_VAULT_UNLESS_SET = (
    "jwt_signing_keys",
    "token_encryption_keys",
    "audit_signing_keys",
    "webhook_key",
    "microsoft_client_secret",
)
"""What is read from Key Vault where it is not set, under the same name with hyphens."""


def keyring_from(value: object) -> Mapping[str, bytes]:
    """
    Decode `{"kid": "base64url", …}`, or its text, into keys of 32 bytes, in order.

    Raises ValueError when there is no key or a key has another length.
    """
    example = '{"2026-01": "<32 bytes in base64url>"}'
    keys = {key_id: _key_from(encoded) for key_id, encoded in _object_from(value, example).items()}
    if not keys:
        raise ValueError(f"expected a key, as in {example}")
    return MappingProxyType(keys)


def _object_from(value: object, example: str) -> dict[str, Any]:
    """Read a JSON object, unless it was read before. Raises ValueError, without the value."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, dict):
        raise ValueError(f"expected a JSON object such as {example}")  # noqa: TRY004 - pydantic's
    return value


def _key_from(encoded: object) -> bytes:
    try:
        key = base64.urlsafe_b64decode(f"{encoded}{'=' * (-len(str(encoded)) % 4)}")
    except binascii.Error as exc:
        raise ValueError("a key is not base64url") from exc
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key needs {KEY_BYTES} bytes in base64url")
    return key


def _base_url_from(value: str) -> str:
    return str(HttpUrl(value)).rstrip("/")


Keyring = Annotated[Mapping[str, bytes], PlainValidator(keyring_from)]
"""Keys by id. The first one signs or encrypts; all of them verify or decrypt."""


def _operator_keys_from(value: object) -> Mapping[str, bytes]:
    """Decode `{"name": "SHA-256 of a key in hex", …}`, or its text. Raises ValueError."""
    given = _object_from(value, '{"ada": "<64 hexadecimal digits>"}')
    digests = {name: bytes.fromhex(str(digest)) for name, digest in given.items()}
    if any(len(digest) != KEY_BYTES for digest in digests.values()):
        raise ValueError("an operator's key is given by its SHA-256, 64 hexadecimal digits")
    return MappingProxyType(digests)


OperatorKeys = Annotated[Mapping[str, bytes], PlainValidator(_operator_keys_from)]
"""SHA-256 of each operator's key by the operator's name."""


def _certificates_from(value: object) -> Mapping[str, SecretStr]:
    """Take `{"id": "PEM of an RSA key and its certificate", …}`, or its text, in order. Raises ValueError."""
    given = _object_from(value, '{"2026-01": "-----BEGIN PRIVATE KEY-----…"}')
    pems = {certificate_id: str(pem) for certificate_id, pem in given.items()}
    if not all("PRIVATE KEY-----" in pem and "BEGIN CERTIFICATE-----" in pem for pem in pems.values()):
        raise ValueError("each certificate needs its private key beside it, both as PEM")
    if any(len(certificate_id) > CERTIFICATE_ID_LENGTH for certificate_id in pems):
        raise ValueError(f"a certificate's id has at most {CERTIFICATE_ID_LENGTH} characters")
    return MappingProxyType({certificate_id: SecretStr(pem) for certificate_id, pem in pems.items()})


CertificateRing = Annotated[Mapping[str, SecretStr], PlainValidator(_certificates_from)]
"""Certificates with their private keys by id. The first one is published; all of them decrypt."""

BaseUrl = Annotated[str, AfterValidator(_base_url_from)]


class Settings(BaseModel):
    """What a deployment decides. Each field is the environment variable of the same name in upper case."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, defer_build=True)

    database_url: PostgresDsn
    database_sign_in: Literal["password", "entra"] = "password"  # entra: a token of the app's identity is the password
    database_pool_size: int = Field(default=12, ge=1, le=50)  # connections per worker process
    azurewebjobsstorage: SecretStr | None = None  # connection string; else the identity settings below
    azurewebjobsstorage__accountname: str | None = None
    azurewebjobsstorage__blobserviceuri: str | None = None
    azurewebjobsstorage__queueserviceuri: str | None = None
    azurewebjobsstorage__tableserviceuri: str | None = None
    azurewebjobsstorage__clientid: str | None = None  # a user-assigned identity's client id

    graph_base_url: BaseUrl = Field(default="https://graph.microsoft.com/v1.0")
    graph_timeout_seconds: float = Field(default=30, gt=0, le=100)
    graph_requests_in_flight: int = Field(default=4, ge=1, le=4)  # per mailbox, over all instances
    graph_requests_per_window: int = Field(default=9_500, ge=100, le=10_000)  # per mailbox, in any ten minutes
    microsoft_authority: BaseUrl = Field(default="https://login.microsoftonline.com/common")
    microsoft_client_id: str
    microsoft_client_secret: SecretStr | None = None  # or in the vault
    trusted_ca_file: Path | None = None  # added to the system's authorities, for stand-ins

    public_base_url: BaseUrl  # where Graph and the browser reach this app, without /api
    web_base_url: BaseUrl  # the page
    allowed_origins: str = ""  # comma separated; the page's own origin is always allowed
    refresh_cookie_same_site: Literal["strict", "none"] = "strict"  # none: page and API on different sites

    jwt_signing_keys: Keyring | None = Field(default=None, repr=False)  # or in the vault, as the next three
    token_encryption_keys: Keyring | None = Field(default=None, repr=False)
    audit_signing_keys: Keyring | None = Field(default=None, repr=False)  # seeds of Ed25519 keys
    webhook_key: SecretStr | None = Field(default=None, min_length=WEBHOOK_KEY_CHARACTERS)
    rich_notifications: bool = False  # have Graph send what changed, encrypted, so that a flag needs no request
    notification_certificates: CertificateRing | None = Field(default=None, repr=False)  # rich_notifications needs them
    notification_certificate_name: str = ""  # or this: a certificate in the vault, whose versions they are
    key_vault_url: BaseUrl | None = None
    key_vault_secret_seconds: float = Field(default=300, ge=1)  # after this, what the vault gave is read again
    web_pubsub_connection_string: SecretStr | None = None  # absent: clients poll GET /api/changes

    argon2_memory_kib: int = Field(default=65536, ge=8)
    argon2_iterations: int = Field(default=3, ge=1)

    sync_lanes: int = Field(default=8, ge=1, le=16)  # lane jobs per account: over 4, so that writing overlaps fetching
    sync_page_messages: int = Field(default=250, ge=1, le=500)
    sync_listing_messages: int = Field(default=1000, ge=1, le=1000)  # delta page size asked while enumerating
    lane_seconds: float = Field(default=45, gt=0, le=300)  # a lane's turn, then its successor
    changes_interval_seconds: float = Field(default=540, ge=0)  # delta visits a folder with changes this often
    changes_longest_seconds: float = Field(default=21_600, ge=0)  # and a quiet one, in the end, this rarely
    notification_latency_seconds: float = Field(default=180, ge=0)  # a change not told of by then was not told of
    audit_interval_seconds: float = Field(default=86_400, ge=0)  # every live account is audited so often
    audit_window_messages: int = Field(default=950, ge=1, le=1000)  # of ours: an answer of 1,000 has room for more
    audit_retention_days: int = Field(default=400, ge=1)
    page_lease_seconds: float = Field(default=60, gt=0)  # after this a page of a dead lane is free again
    attachment_max_bytes: int = Field(default=150 * 1024 * 1024, gt=0)
    event_retention_days: int = Field(default=30, ge=1)

    operator_keys: OperatorKeys | None = None  # absent: nobody operates by the API
    otel_exporter_otlp_endpoint: BaseUrl | None = None  # a collector that takes OTLP over HTTP; absent: none
    applicationinsights_connection_string: str | None = None  # no secret: writing there takes the app's identity
    trace_sample_ratio: float = Field(default=0.05, ge=0, le=1)  # of traces; what is counted is counted in full
    metric_interval_seconds: float = Field(default=60, ge=1)

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        missing = [name.upper() for name in IN_VAULT_UNLESS_SET if getattr(self, name) is None]
        if missing and self.key_vault_url is None:
            raise ValueError(f"set {', '.join(missing)}, or KEY_VAULT_URL of a vault that has them")
        in_vault = bool(self.notification_certificate_name)
        if in_vault and self.key_vault_url is None:
            raise ValueError("NOTIFICATION_CERTIFICATE_NAME needs KEY_VAULT_URL")
        if self.rich_notifications and in_vault == bool(self.notification_certificates):
            raise ValueError(
                "RICH_NOTIFICATIONS needs NOTIFICATION_CERTIFICATE_NAME or NOTIFICATION_CERTIFICATES, and not both"
            )
        return self


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Read settings, whatever the case of their names. Raises pydantic's ValidationError, which quotes no value."""
    return Settings.model_validate({name.lower(): value for name, value in environment.items()})


@cache
def settings() -> Settings:
    """Read and check the environment, once per process. Raises pydantic's ValidationError."""
    return settings_from(os.environ)
