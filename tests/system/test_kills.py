"""A sync survives the death of any part at any moment. `make chaos` does this a hundred times; here are a few."""

import random
from pathlib import Path

import pytest

from dev.chaos.kills import kill_during_sync


@pytest.mark.parametrize("part", ["host", "postgres", "azurite"])
def test_the_proof_holds_after_a_kill_in_the_middle_of_a_sync(tmp_path: Path, part: str) -> None:
    outcome = kill_during_sync(tmp_path, random.Random(f"ci {part}"), parts=[part], messages=600, kills=2)  # noqa: S311 - repeatable
    assert outcome.converged, f"{outcome}; see {tmp_path}"
