"""What timers keep in the storage account: when they fired last, and which host may fire them."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError

log = logging.getLogger(__name__)

CONTAINER: Final = "azure-webjobs-hosts"
_NEVER: Final = "0001-01-01T00:00:00"


@dataclass(frozen=True, slots=True)
class TimerStatus:
    """`last` is None until the timer has fired once."""

    last: datetime | None
    next: datetime
    last_updated: datetime

    def as_json(self) -> dict[str, str]:
        last = self.last.isoformat() if self.last else _NEVER
        return {"Last": last, "Next": self.next.isoformat(), "LastUpdated": self.last_updated.isoformat()}

    @classmethod
    def from_json(cls, content: dict[str, str]) -> Self:
        last = content["Last"]
        return cls(
            None if last.startswith("0001-01-01") else datetime.fromisoformat(last),
            datetime.fromisoformat(content["Next"]),
            datetime.fromisoformat(content["LastUpdated"]),
        )


class TimerStore:
    """The blobs of one timer, at the paths that the real host uses."""

    def __init__(self, blobs: Any, host_id: str, function: str) -> None:  # noqa: ANN401 (a BlobServiceClient, imported late)
        self._container = blobs.get_container_client(CONTAINER)
        self._status = self._container.get_blob_client(f"timers/{host_id}/Host.Functions.{function}/status")
        self._lock = self._container.get_blob_client(f"locks/{host_id}/Host.Functions.{function}.Listener")

    async def read_status(self) -> TimerStatus | None:
        try:
            downloaded = await self._status.download_blob()
            return TimerStatus.from_json(json.loads(await downloaded.readall()))
        except (ResourceNotFoundError, KeyError, ValueError):
            return None

    async def write_status(self, status: TimerStatus) -> None:
        await self._status.upload_blob(json.dumps(status.as_json()), overwrite=True)

    async def lease(self, seconds: int) -> "Lease | None":
        """Take the timer's lock for this host; None when another host has it."""
        try:
            return Lease(await self._lock.acquire_lease(lease_duration=seconds), seconds)
        except ResourceNotFoundError:
            await self._make_lock()
            return await self.lease(seconds)
        except HttpResponseError as exc:
            if _code(exc) == "LeaseAlreadyPresent":
                return None
            raise

    async def _make_lock(self) -> None:
        with suppress(ResourceExistsError):
            await self._container.create_container()
        try:
            await self._lock.upload_blob(b"")
        except HttpResponseError as exc:
            if _code(exc) not in {"BlobAlreadyExists", "LeaseIdMissing"}:
                raise


class Lease:
    """A lock held on a blob."""

    def __init__(self, client: Any, seconds: int) -> None:  # noqa: ANN401 (a BlobLeaseClient, imported late)
        self._client = client
        self._seconds = seconds

    @asynccontextmanager
    async def held(self) -> AsyncIterator[asyncio.Event]:
        """Renew the lease within the block and give it back after; the event is set when it was lost."""
        lost = asyncio.Event()
        renewing = asyncio.create_task(self._renew(lost))
        try:
            yield lost
        finally:
            renewing.cancel()
            await asyncio.wait({renewing})
            await self._release()

    async def _renew(self, lost: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        expires = loop.time() + self._seconds
        while loop.time() < expires:
            await asyncio.sleep(self._seconds / 4)
            try:
                await self._client.renew()
            except HttpResponseError as exc:
                if (exc.status_code or 0) < 500:  # noqa: PLR2004 (somebody else has it)
                    break
            except AzureError:
                continue  # not reached; the lease lives on until it expires
            else:
                expires = loop.time() + self._seconds
        lost.set()

    async def _release(self) -> None:
        try:
            await self._client.release()
        except AzureError as exc:
            log.debug("a timer's lease ends by itself: %s", exc)


def _code(exc: HttpResponseError) -> str | None:
    return getattr(exc, "error_code", None)  # the storage SDK adds it
