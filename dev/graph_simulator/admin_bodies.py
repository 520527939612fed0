"""The JSON bodies of the admin API. Unknown fields are refused, so that a typing error does not go unseen."""

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dev.graph_simulator.delivery import LifecycleEvent
from dev.graph_simulator.faults import Action
from dev.graph_simulator.limits import RetryAfterForm
from dev.graph_simulator.rich import RichFault


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewApp(Body):
    id: str
    secret: str | None = None
    redirect_uris: list[str] = []


class NewUser(Body):
    """A user in the tenant of that name; "consumers" is the tenant of personal accounts."""

    address: str
    name: str | None = None
    tenant: str = "contoso.example"


class NewMessage(Body):
    """A message as Graph properties (`message`), as MIME (`raw`), or both. `folder`: id, well-known name or path."""

    folder: str = "inbox"
    message: dict[str, Any] = {}
    raw: str | None = None
    raw_base64: str | None = None


class Synthetic(Body):
    count: int = Field(ge=1, le=2_000_000)
    folders: list[str] = ["inbox"]
    body_bytes: int = Field(default=2000, ge=0)
    as_letters: bool = False
    seed: int = 0
    odd_percent: float = Field(default=0, ge=0, le=100)
    odd: list[str] = []
    start: datetime = datetime(2025, 1, 1, tzinfo=UTC)
    end: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    same_second_every: int = 50


class Move(Body):
    folder: str


class Undelete(Body):
    folder: str = "inbox"


class NewFolder(Body):
    name: str
    parent: str = "msgfolderroot"
    is_hidden: bool = False
    search_text: str | None = None


class FolderChange(Body):
    name: str | None = None
    parent: str | None = None


class DeltaChange(Body):
    empty_every: int | None = None
    repeat_every: int | None = None
    partial_every: int | None = None
    replay_changes: int | None = None
    late_seconds: float | None = None
    miss_returned: bool | None = None
    missed_ids: list[str] | None = None


class SyncStateExpiry(Body):
    """Kill the delta tokens of one folder, or of all; `code` is the one that their 410 carries."""

    folder: str | None = None
    code: str = "SyncStateNotFound"


class Block(Body):
    seconds: float
    app: str | None = None


class LimitsChange(Body):
    concurrency: int | None = None
    window_requests: int | None = None
    window_seconds: float | None = None
    retry_after: RetryAfterForm | None = None


class LatencyChange(Body):
    base: float = 0
    per_message: float = 0


class NewFault(Body):
    action: Action
    path: str = ""
    method: str | None = None
    mailbox: str | None = None
    times: int | None = 1
    after: int = 0
    share: float | None = None
    seed: int = 0
    milliseconds: int = 0
    retry_after_seconds: float = 1
    retry_after: RetryAfterForm = "integer"
    status: int = 0
    code: str = "UnknownError"
    message: str = "An error was asked for."


class NewTokenFault(Body):
    error: str = "invalid_grant"
    code: int = 700082
    suberror: str | None = None
    description: str = "An error was asked for."
    grant_type: Literal["authorization_code", "refresh_token"] | None = None
    user: str | None = None
    claims: str | None = None
    status: int = 400
    times: int | None = 1


class NewAuthorizeFault(Body):
    error: str = "access_denied"
    error_subcode: str | None = None
    description: str = "An error was asked for."
    times: int | None = 1


class EntraChange(Body):
    is_auto_consent: bool | None = None
    access_token_seconds: int | None = None
    refused_scopes: list[str] | None = None


class DeliveryChange(Body):
    batch_milliseconds: int | None = None
    maximum_items: int | None = None
    delay_milliseconds: int | None = None
    delay_spread_milliseconds: int | None = None
    duplicate_share: float | None = None
    drop_share: float | None = None
    drop_next: int | None = None
    is_drop_announced: bool | None = None
    is_reordered: bool | None = None
    is_paused: bool | None = None
    extra_updates: int | None = None
    variety: bool | None = None
    retry_seconds: float | None = None
    seed: int | None = None
    rich_fault: RichFault | None = None
    needs_live_token: bool | None = None
    is_reauthorization_asked: bool | None = None
    is_removed_on_revoke: bool | None = None
    judges_endpoints: bool | None = None


class NewOutage(Body):
    """Graph is out of reach for so many seconds, on demand Entra with it; 0 ends an outage."""

    seconds: float = Field(ge=0)
    entra: bool = False


class Lifecycle(Body):
    event: LifecycleEvent


class SubscriptionChange(Body):
    """Let a subscription end so many seconds from now; zero ends it at once."""

    expires_in_seconds: float


class Skew(Body):
    """Set the clock so many seconds ahead of the machine's, behind when they are negative."""

    offset_seconds: float


class Advance(Body):
    """Move the clock by so many seconds, back when they are negative."""

    seconds: float
