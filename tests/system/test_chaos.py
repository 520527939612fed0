"""A few seeds and cells of `make chaos`, in one system; the rest of them is for the command."""

from collections.abc import Iterator

import pytest

from dev.chaos.plan import plan_round
from dev.chaos.rounds import SETTINGS, run_round
from dev.trial import Trial

CELLS = [
    ("429 fraction", "page"),
    ("half", "next page of a listing"),
    ("410", "delta round"),
    ("claims challenge", "batch"),
    ("grant revoked", ""),
    ("jobs lost", ""),
]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    with Trial(tmp_path_factory.mktemp("chaos"), settings=SETTINGS, latency_ms=10) as running:
        yield running


def test_seeds_converge_whatever_strikes_them(system: Trial) -> None:
    verdicts = run_round(system, plan_round(1018, 4))
    assert all(verdict.converged for verdict in verdicts), "\n".join(map(str, verdicts))


def test_cells_of_the_matrix_converge(system: Trial) -> None:
    verdicts = run_round(system, plan_round(0, len(CELLS), CELLS))
    assert all(verdict.converged for verdict in verdicts), "\n".join(map(str, verdicts))


def test_a_seed_repeats_its_choices() -> None:
    assert plan_round(1018, 4) == plan_round(1018, 4)
    assert plan_round(1018, 4) != plan_round(1022, 4)
