"""The documents name every request that the simulator answers."""

from pathlib import Path

import pytest

from dev.graph_simulator import admin, routes

HERE = Path(admin.__file__).parent
COVERAGE = (HERE / "COVERAGE.md").read_text()
ADMIN = (HERE / "ADMIN.md").read_text()


@pytest.mark.parametrize("route", routes.ROUTES, ids=lambda route: f"{route.method} {'/'.join(route.pattern)}")
def test_the_coverage_names_every_graph_route(route: routes.Route) -> None:
    path = "/".join(route.pattern)
    if path.startswith("me/mailfolders/{folder}/messages/{message}"):
        path = path.replace("mailfolders/{folder}/", "")  # told once for both
    assert f"`{route.method} {path}`" in COVERAGE


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path, _ in admin.ROUTES])
def test_the_admin_document_names_every_call(method: str, path: str) -> None:
    short = path.replace("/mailboxes/{address}", "…").replace("{message}", "{id}").replace("{folder}", "{id}")
    short = short.replace("{subscription}", "{id}")
    assert f"`{method} {short}" in ADMIN
