"""Audits: what is compared, what is found, and the report that is signed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.models.api import AuditOrigin
from shared.models.mail import FlagStatus

REPORT_FORMAT: Final = "email-core-audit.v1"
RECENT_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class AuditProgress:
    """How far an audit is: `position` windows are recorded, and `findings` of the newest one are to be settled."""

    id: UUID
    account_id: UUID
    position: int
    received_before: datetime | None
    is_started: bool
    is_through: bool
    findings: Sequence["Finding"]


class RowVersion(BaseModel):
    """What is compared of a row."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    folder_id: UUID
    change_key: str
    is_read: bool
    flag: FlagStatus


class Finding(BaseModel):
    """A message of which mailbox and rows said different things when both were asked."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    provider_message_id: str
    row: RowVersion | None  # as it was found; None: not there
    is_listed: bool  # the mailbox has it, in a folder that we mirror
    is_recent: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """Differences, each counted once; `recent` and `repaired` are among them."""

    missing: int = 0
    different: int = 0
    extra: int = 0
    recent: int = 0
    repaired: int = 0


class WindowReport(BaseModel):
    """
    A window of received times, from inclusive, before exclusive; null is open.

    `digest` is the SHA-256 of its messages' lines, sorted, each "id changeKey folderId isRead flag" and a line end, as
    the mailbox gave them.
    """

    model_config = ConfigDict(defer_build=True)

    received_from: datetime | None
    received_before: datetime | None
    compared: int
    elsewhere: int  # messages of folders that are not mirrored, such as hidden ones
    digest: str


class FolderReport(BaseModel):
    model_config = ConfigDict(defer_build=True)

    provider_folder_id: str
    well_known_name: str | None
    compared: int  # messages that the audit saw in it
    provider_count: int  # as the provider last said
    stored_count: int  # rows at the end


class AuditReport(BaseModel):
    """
    What is signed.

    `digest` is the SHA-256 of the windows' digests, in their order, as hexadecimal text.
    """

    model_config = ConfigDict(defer_build=True)

    format: Literal["email-core-audit.v1"] = REPORT_FORMAT
    issuer: str  # the deployment's public address
    product_version: str
    audit_id: UUID
    account_id: UUID
    provider: str
    provider_tenant_id: str
    provider_user_id: str
    origin: AuditOrigin
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime
    compared: int
    missing: int
    different: int
    extra: int
    recent: int
    repaired: int
    requests: int
    digest: str
    folders: list[FolderReport]
    windows: list[WindowReport]
