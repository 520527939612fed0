"""The page's server answers as its configuration for Azure says."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from dev.web_page import create_site

API = "http://127.0.0.1:7071/api"
CONFIGURATION = {
    "navigationFallback": {"rewrite": "/index.html", "exclude": ["/assets/*", "/config.json"]},
    "routes": [{"route": "/assets/*", "headers": {"cache-control": "immutable"}}],
    "globalHeaders": {
        "cache-control": "no-cache",
        "content-security-policy": "default-src 'none'; connect-src 'self' https:",
        "strict-transport-security": "max-age=1",
    },
}


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "page.js").write_text("// the page")
    (tmp_path / "index.html").write_text("<title>the page</title>")
    (tmp_path / "config.json").write_text('{"apiBaseUrl": "https://elsewhere"}')
    (tmp_path / "staticwebapp.config.json").write_text(json.dumps(CONFIGURATION))
    transport = httpx.ASGITransport(create_site(tmp_path, API))
    async with httpx.AsyncClient(transport=transport, base_url="http://page.test") as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/index.html", "/connected?account=1", "/messages/deep/link"])
async def test_every_path_of_the_page_gets_the_page(page: httpx.AsyncClient, path: str) -> None:
    answer = await page.get(path)
    assert answer.status_code == 200
    assert "the page" in answer.text
    assert answer.headers["cache-control"] == "no-cache"


async def test_a_missing_asset_is_missing(page: httpx.AsyncClient) -> None:
    assert (await page.get("/assets/gone.js")).status_code == 404


async def test_an_asset_has_the_headers_of_its_route(page: httpx.AsyncClient) -> None:
    answer = await page.get("/assets/page.js")
    assert answer.headers["cache-control"] == "immutable"
    assert answer.headers["content-type"].startswith("text/javascript")


async def test_the_configuration_names_the_local_api(page: httpx.AsyncClient) -> None:
    assert (await page.get("/config.json")).json() == {"apiBaseUrl": API}


async def test_the_policy_lets_the_page_reach_this_machine_and_asks_for_no_https(page: httpx.AsyncClient) -> None:
    headers = (await page.get("/")).headers
    assert "connect-src http://127.0.0.1:* ws://127.0.0.1:* 'self' https:" in headers["content-security-policy"]
    assert "strict-transport-security" not in headers
