"""The commands of a runbook's page: its fenced blocks, each marked with where it is run."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PAGES: Final = Path(__file__).parents[2] / "docs" / "runbooks"
PREAMBLE: Final = PAGES / "README.md"
FENCE: Final = re.compile(
    r"^(?P<heading>##+ [^\n]*)$|^```(?P<marks>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
AZURE: Final = "azure"
LOCAL: Final = "local"


@dataclass(frozen=True, slots=True)
class Block:
    heading: str
    """The nearest one above it."""
    language: str
    places: frozenset[str]
    """Where it is run: `azure`, `local`, or both."""
    text: str


def blocks_of(page: Path) -> Iterator[Block]:
    """Read a page's fenced blocks, in order: ```` ```sh azure local ```` begins one that is run in both places."""
    heading = ""
    for found in FENCE.finditer(page.read_text()):
        if found["heading"]:
            heading = found["heading"]
        else:
            language, *places = found["marks"].split() or [""]
            yield Block(heading, language, frozenset(places), found["text"])


def script_of(page: Path, place: str) -> str:
    """Join what a page has run in a place, after what every page has run there; each block says which it is."""
    wanted = [block for source in (PREAMBLE, page) for block in blocks_of(source) if place in block.places]
    return "\n".join(f"echo {shlex.quote(block.heading)}\n{block.text}" for block in wanted)
