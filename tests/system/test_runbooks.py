"""Every runbook, followed to the letter on a system broken for it; and what its commands for Azure can be held to."""

import subprocess
from pathlib import Path
from typing import Final

import pytest

from dev.rehearsals.pages import AZURE, LOCAL, PAGES, PREAMBLE, blocks_of, script_of
from dev.rehearsals.plan import REHEARSALS
from dev.rehearsals.rehearsal import rehearse

MESSAGES: Final = 120
ALL_PAGES: Final = sorted(PAGES.glob("*.md"))


@pytest.mark.parametrize("name", REHEARSALS)
def test_the_commands_of_the_page_bring_everything_back(tmp_path: Path, name: str) -> None:
    outcome = rehearse(REHEARSALS[name](), tmp_path, messages=MESSAGES)
    assert outcome.against == [], f"{outcome}; see {tmp_path}"


def test_every_page_is_rehearsed() -> None:
    assert {page.stem for page in ALL_PAGES} - {PREAMBLE.stem} == set(REHEARSALS)


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.stem)
def test_every_block_says_where_it_is_run(page: Path) -> None:
    for block in blocks_of(page):
        assert block.language == "sh", block.heading
        assert block.places, block.heading
        assert block.places <= {AZURE, LOCAL}, block.heading


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.stem)
def test_no_step_is_done_in_azure_alone(page: Path) -> None:
    """A step with commands for Azure has some that are rehearsed, and the other way round."""
    places: dict[str, set[str]] = {}
    for block in blocks_of(page):
        places.setdefault(block.heading, set()).update(block.places)
    assert {heading for heading, found in places.items() if found != {AZURE, LOCAL}} == set()


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.stem)
@pytest.mark.parametrize("place", [AZURE, LOCAL])
def test_a_shell_understands_the_commands(page: Path, place: str) -> None:
    done = subprocess.run(["bash", "-n"], input=script_of(page, place), text=True, capture_output=True, check=False)  # noqa: S607 - the PATH's bash
    assert (done.returncode, done.stderr) == (0, "")
