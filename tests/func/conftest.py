"""The whole system under each host that can serve it: ours, and Microsoft's where Core Tools are installed."""

import hashlib
import json
import secrets
from collections.abc import Iterator
from typing import Final

import pytest

from dev.core_tools import has_core_tools
from dev.trial import ADDRESS, Trial

MESSAGES: Final = 60
OPERATOR_KEY: Final = secrets.token_urlsafe(32)
SETTINGS: Final = {
    "OPERATOR_KEYS": json.dumps({"ada": hashlib.sha256(OPERATOR_KEY.encode()).hexdigest()}),
    "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:00",  # what fails is tried again at once
}


@pytest.fixture(scope="module", params=["local", "func"])
def connected(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A person whose mailbox is in the mirror, first sync and subscription included."""
    if request.param == "func" and not has_core_tools():
        pytest.skip("Azure Functions Core Tools are not installed here: there is no `func` on the PATH")
    with Trial(tmp_path_factory.mktemp(request.param), settings=SETTINGS, host_kind=request.param) as trial:
        trial.simulator.admin.make_synthetic(ADDRESS, MESSAGES, folders=["inbox", "archive"], seed=3)
        trial.sign_up()
        trial.connect()
        trial.until_synced()
        trial.until("the subscription exists", lambda: trial.query("SELECT count(*) FROM subscription") == [(1,)])
        yield trial
