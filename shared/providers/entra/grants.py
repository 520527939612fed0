"""What signing in leaves us with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Flow:
    """A sign-in on its way. Keep `secret`, which is JSON, until the browser comes back with `state`."""

    authorization_url: str
    state: str
    secret: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """A person in a tenant. Only these two ids identify; the name is for showing."""

    tenant_id: str
    user_id: str
    username: str
    display_name: str


@dataclass(frozen=True, slots=True)
class MailboxGrant:
    """The right to a mailbox: keep it, encrypted. `scopes` are those of ours that were granted."""

    tenant_id: str
    scopes: Sequence[str]
    cache: str = field(repr=False)  # MSAL's, with the tokens


@dataclass(frozen=True, slots=True)
class Grant:
    """Somebody signed in."""

    identity: Identity
    access_token: str = field(repr=False)
    mailbox: MailboxGrant


@dataclass(frozen=True, slots=True)
class Renewed:
    access_token: str = field(repr=False)
    expires_at: datetime
    changed: MailboxGrant | None  # to be kept instead of the old one, which stays good for a while
