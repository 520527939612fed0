"""Whose mailbox an access token opens."""

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from shared.providers.graph.client import GraphClient
from shared.providers.graph.mapping import Notes


@dataclass(frozen=True, slots=True)
class Person:
    address: str | None
    display_name: str | None


async def read_person(
    http: httpx.AsyncClient, base_url: str, access_token: str, *, timeout_seconds: float = 30
) -> Person:
    """Ask for the person. No gate: a profile is not in the mailbox, and does not count against its limit."""

    async def token(_: str | None) -> str:
        return access_token

    client = GraphClient(http, base_url, lambda: nullcontext(datetime.now(UTC)), token, timeout_seconds=timeout_seconds)
    document = (await client.get("me?$select=displayName,mail,userPrincipalName", prefer=())).document
    return Person(
        address=_text(document.get("mail")) or _text(document.get("userPrincipalName")),
        display_name=_text(document.get("displayName")),
    )


def _text(value: object) -> str | None:
    return Notes().clean(value) if isinstance(value, str) else None
