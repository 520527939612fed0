"""What callers hear while the database and the queues are down."""

from collections.abc import Iterator

import httpx
import pytest

from dev.ports import choose_free_port
from tests.api.conftest import PASSWORD, ROOT, environment_for
from tests.host.hosting import running_host


@pytest.fixture(scope="module")
def api() -> Iterator[httpx.Client]:
    nowhere = f"http://127.0.0.1:{choose_free_port()}"
    storage = ";".join(f"{name}Endpoint={nowhere}/account" for name in ("Blob", "Queue", "Table"))
    environment = environment_for(
        public_base_url=nowhere,
        database_url=f"postgresql://mail_app@127.0.0.1:{choose_free_port()}/mail",
        storage=f"AccountName=account;AccountKey=a2V5;{storage};",
    )
    with (
        running_host(ROOT, "--functions", "get_ready", "get_health", "post_login", environment=environment) as host,
        httpx.Client(base_url=f"{host.url}/api", trust_env=False, timeout=60) as client,
    ):
        yield client


def test_it_is_alive_but_not_ready_and_says_why(api: httpx.Client) -> None:
    assert api.get("/health").status_code == 200
    answer = api.get("/ready")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not_ready", "checks": {"database": "failed", "queues": "failed"}}


def test_a_request_that_needs_the_database_may_be_tried_again(api: httpx.Client) -> None:
    answer = api.post("/auth/login", json={"email": "ada@contoso.example", "password": PASSWORD})
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/service_unavailable")
    assert answer.headers["retry-after"] == "2"
