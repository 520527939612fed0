"""The process's one runtime. What it is made of is heavy, and loaded when the first call needs it."""

import asyncio
from functools import cache
from typing import TYPE_CHECKING

from shared.settings import settings

if TYPE_CHECKING:
    from shared.opening import Runtime


@cache
def _opening() -> asyncio.Lock:
    return asyncio.Lock()


_opened: "list[Runtime]" = []


async def runtime() -> "Runtime":
    """
    Open on first use, inside the worker's event loop; never at import time.

    Raises pydantic's ValidationError when the environment is incomplete. What is down does not fail this.
    """
    if not _opened:
        async with _opening():
            if not _opened:
                from shared.opening import open_runtime  # noqa: PLC0415 - it loads every client

                _opened.append(await open_runtime(settings()))
    opened = _opened[0]
    await opened.secrets.refresh()
    return opened
