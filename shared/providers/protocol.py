"""What the sync engine and the use cases ask of a mail provider, in neutral words."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self

from shared.models.mail import ChangePage, Fetched, MessageStates, ProviderFolder

Gate = Callable[[], AbstractAsyncContextManager[datetime]]
"""
Leave to make one request: enter for its length, from connecting to the last byte.

Entering waits for one of the mailbox's few places, and gives the database's clock at that moment. It raises
`Throttled` when the provider asked for patience or no place came free in time.
"""


@dataclass(frozen=True, slots=True)
class ProviderSubscription:
    provider_subscription_id: str
    expires_at: datetime
    notification_url: str = ""


@dataclass(frozen=True, slots=True)
class Certificate:
    """With which a provider encrypts what only we may read."""

    id: str
    encoded: str  # X.509 as DER in Base64


class RefusedToken(str):
    """An access token that the provider refused, and what it wants the next one to prove: claims, as JSON."""

    __slots__ = ("claims",)
    claims: str | None

    def __new__(cls, token: str, claims: str | None = None) -> Self:
        made = super().__new__(cls, token)
        made.claims = claims
        return made


class MailProvider(Protocol):
    """
    One connected mailbox at its provider.

    Every method may raise `Throttled`, `ProviderUnavailable`, `ReauthenticationRequired`, `MailboxUnavailable`,
    `ProviderMisconfigured` or `ProviderRejected`; only what is special is named below.
    """

    @property
    def requests_made(self) -> int:
        """How many requests this object has sent so far, those that failed included."""
        ...

    async def list_folders(self, *, in_haste: bool = False) -> Sequence[ProviderFolder]:
        """
        List the whole tree of visible folders, parents before children; hidden and search folders are left out.

        In haste, because somebody waits, well-known names may be missing, though not that of the inbox.
        """
        ...

    async def well_known_names(self) -> Mapping[str, str]:
        """Give the well-known names by the ids of the folders that have them."""
        ...

    async def changes(self, provider_folder_id: str, cursor: str | None, *, page_messages: int) -> ChangePage:
        """
        List what changed in a folder since `cursor`, or everything, newest first, when it is None.

        `page_messages` is a wish. Raises `CursorExpired` when the provider no longer knows the cursor, and
        `ProviderItemNotFound` when the folder is gone.
        """
        ...

    async def messages_between(
        self, provider_folder_id: str, received_from: datetime, received_before: datetime, *, limit: int
    ) -> Fetched:
        """
        Fetch a folder's messages received in a window (from inclusive, before exclusive), whole, at most `limit`.

        One request. It may answer fewer than there are: compare with what was listed. Raises `ProviderItemNotFound`
        when the folder is gone, `AnswerTooLarge` when the answer is over its byte budget or timed out at the provider:
        ask for less.
        """
        ...

    async def messages(self, provider_message_ids: Sequence[str]) -> Fetched:
        """
        Fetch messages by id, whole, wherever they are now, in as few requests as the provider allows.

        Those that are gone are in `missing_ids`. When the provider throttles some of them, raises `Throttled` and
        nothing is answered.
        """
        ...

    async def message_states(
        self, received_from: datetime | None, received_before: datetime | None, *, limit: int
    ) -> MessageStates:
        """
        List the whole mailbox's messages received in a window (from inclusive, before exclusive; None is open).

        Folders that are not mirrored are among them. When more than `limit` are in the window, the answer covers its
        newer part only, down to the answer's own `received_from`. Raises `AnswerTooLarge` when the provider timed out:
        ask for less.
        """
        ...

    def attachment_content(self, provider_message_id: str, provider_attachment_id: str) -> AsyncGenerator[bytes, None]:
        """
        Stream an attachment's bytes. Raises `ProviderItemNotFound` when it is gone or has no content.

        The request lasts until the iteration ends: close it (`contextlib.aclosing`) when leaving early.
        """
        ...

    async def subscribe(
        self, *, notification_url: str, lifecycle_url: str, client_state: str, certificate: Certificate | None = None
    ) -> ProviderSubscription:
        """
        Ask to be told of every change in the mailbox, for as long as the provider permits; its answer tells how long.

        With a certificate, notifications bring what changed, encrypted; without one they only name the message. The
        provider calls `notification_url` before it answers. Raises `SubscriptionExists` when there is one already,
        with its id in `provider_subscription_id` if the provider tells it, and `SubscriptionRefused` when a person must
        help.
        """
        ...

    async def renew_subscription(
        self, provider_subscription_id: str, certificate: Certificate | None = None
    ) -> ProviderSubscription:
        """
        Prolong a subscription, which has a certificate from now on if it was made with one.

        Raises `ProviderItemNotFound` when it is gone, or cannot be prolonged any more.
        """
        ...

    async def list_subscriptions(self) -> Sequence[ProviderSubscription]:
        """List this application's subscriptions to the mailbox, those of its other deployments included."""
        ...

    async def unsubscribe(self, provider_subscription_id: str) -> None:
        """End a subscription; one that is gone already is ended."""
        ...
