"""The stack's keys and passwords: made at the first start, found again at every other one."""

import base64
import json
import secrets
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path

from dev.stack.files import read_json, write_private_json


def _password() -> str:
    return secrets.token_urlsafe(24)


def _keyring() -> str:
    key_id = datetime.now(UTC).strftime("%Y-%m")
    return json.dumps({key_id: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")})


def _readable_password() -> str:
    return "-".join(secrets.token_hex(2) for _ in range(4))


@dataclass(frozen=True)
class StackKeys:
    """One field per secret; a missing one is made."""

    database_superuser: str = field(default_factory=_password, repr=False)
    database_owner: str = field(default_factory=_password, repr=False)
    database_application: str = field(default_factory=_password, repr=False)
    jwt_signing_keys: str = field(default_factory=_keyring, repr=False)
    token_encryption_keys: str = field(default_factory=_keyring, repr=False)
    audit_signing_keys: str = field(default_factory=_keyring, repr=False)
    webhook_key: str = field(default_factory=_password, repr=False)
    client_secret: str = field(default_factory=_password, repr=False)
    pubsub_access_key: str = field(default_factory=_password, repr=False)
    demo_password: str = field(default_factory=_readable_password, repr=False)


def stack_keys(path: Path) -> StackKeys:
    """Read the keys, and make and keep those that are not there yet."""
    known = read_json(path)
    keys = StackKeys(**{entry.name: known[entry.name] for entry in fields(StackKeys) if entry.name in known})
    if asdict(keys) != known:
        write_private_json(path, asdict(keys))
        path.parent.chmod(0o700)
    return keys
