"""Whole systems, started once per module; kills get their own."""

from collections.abc import Iterator

import pytest

from dev.trial import Trial


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """One host, one user; nothing connected yet."""
    with Trial(tmp_path_factory.mktemp("trial")) as running:
        running.sign_up()
        yield running
