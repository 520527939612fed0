"""
Sanitising HTML that may be a trap, in a process of its own.

An HTML parser repairs what it reads. Some hundred kilobytes of well chosen tags become gigabytes of repaired ones, or
minutes of searching through open elements. Small mail cannot do that and is sanitised here; other mail is handed to a
process that the system ends when it takes too much.
"""

import asyncio
import contextlib
import html as markup
import logging
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from shared.mail.html import SafeHtml, sanitise

log = logging.getLogger(__name__)

HTML_MAX_CHARACTERS: Final = 2_000_000
RESULT_MAX_CHARACTERS: Final = 4_000_000
TAGS_HERE: Final = 5_000
REPAIRS_HERE: Final = 300_000
APART_CPU_SECONDS: Final = 4
APART_SECONDS: Final = 15.0
APART_MEMORY_BYTES: Final = 512 * 1024 * 1024
TAG: Final = re.compile(r"<[a-z]", re.IGNORECASE)
# Elements that a parser opens again in each block until they are closed.
FORMATTING: Final = re.compile(r"<(?:b|big|code|em|font|i|s|small|strike|strong|tt|u)(?![a-z0-9])", re.IGNORECASE)

_one_at_a_time: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="html")


async def safe_html(html: str, text: str, *, remote_images: bool) -> SafeHtml:
    """Sanitise a message's HTML; when it is too much of it, show its text instead."""
    if len(html) > HTML_MAX_CHARACTERS:
        return text_as_html(text)
    if is_harmless(html):
        return await asyncio.to_thread(sanitise, html, remote_images=remote_images)
    call = partial(_sanitise_apart, html, remote_images=remote_images)
    return await asyncio.get_running_loop().run_in_executor(_one_at_a_time, call) or text_as_html(text)


def text_as_html(text: str) -> SafeHtml:
    return SafeHtml(f"<pre>{markup.escape(text)}</pre>", 0)


def is_harmless(html: str) -> bool:
    """Tell whether the parser's work has a small bound: depth by tags, and repairs by tags times formatting."""
    tags = sum(1 for _ in TAG.finditer(html))
    return tags <= TAGS_HERE and tags * sum(1 for _ in FORMATTING.finditer(html)) <= REPAIRS_HERE


def _sanitise_apart(html: str, *, remote_images: bool) -> SafeHtml | None:
    command = [sys.executable, "-m", __name__, "allow" if remote_images else "block"]
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUTF8": "1"}
    try:
        done = subprocess.run(  # noqa: S603 - ourselves, with fixed words
            command,
            input=html.encode(),
            capture_output=True,
            timeout=APART_SECONDS,
            env=environment,
            cwd=Path(__file__).parents[2],
            check=True,
        )
    except subprocess.SubprocessError as exc:
        log.warning("HTML given up", extra={"characters": len(html), "error": type(exc).__name__})
        return None
    blocked, _, cleaned = done.stdout.decode().partition("\n")
    return SafeHtml(cleaned, int(blocked)) if len(cleaned) <= RESULT_MAX_CHARACTERS else None


def main() -> None:
    import resource  # noqa: PLC0415 - only where processes can be limited

    resource.setrlimit(resource.RLIMIT_CPU, (APART_CPU_SECONDS, APART_CPU_SECONDS))
    with contextlib.suppress(ValueError):  # macOS cannot limit memory
        resource.setrlimit(resource.RLIMIT_AS, (APART_MEMORY_BYTES, APART_MEMORY_BYTES))
    html = sys.stdin.buffer.read().decode()
    safe = sanitise(html, remote_images=sys.argv[1] == "allow")
    sys.stdout.write(f"{safe.remote_images_blocked}\n{safe.html}")


if __name__ == "__main__":
    main()
