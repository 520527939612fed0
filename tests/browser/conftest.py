"""The whole system with the built page in front of it, and a Chromium to look at it with."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

from dev.children import start_child
from dev.trial import ADDRESS, ROOT, Trial

BUILT_PAGE: Final = ROOT / "frontend" / "dist"
RESULTS: Final = ROOT / "test-results"
MESSAGES: Final = 300
CHROMIUMS: Final = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MILLISECONDS: Final = 20_000


class Site(Trial):
    """A trial with the page before it."""

    def serve_page(self) -> None:
        port = self.web_base_url.rpartition(":")[2]
        command: list[str | Path] = [sys.executable, "-m", "dev.web_page", "--files", BUILT_PAGE, "--port", port]
        page = start_child([*command, "--api-base-url", self.api_base_url], log=self.folder / "page.log", folder=ROOT)
        self._stack.callback(page.stop)
        self.until("the page is served", lambda: httpx.get(self.web_base_url, trust_env=False).is_success)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A mailbox that nobody connected yet, behind a sign-in that asks."""
    assert (BUILT_PAGE / "index.html").is_file(), "build the page first: make page"
    with Site(tmp_path_factory.mktemp("site")) as running:
        running.simulator.admin.make_synthetic(ADDRESS, MESSAGES, folders=["inbox", "archive"], seed=7)
        running.simulator.admin.entra(is_auto_consent=False)
        running.serve_page()
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for a module: while Playwright runs, no other test could have an event loop."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUMS)), None)
    assert path, "install Chromium, or name its binary in CHROMIUM"
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not work for root.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def window(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """One person's browser, without cookies. What it showed last is kept in `test-results/`."""
    size = ViewportSize(width=1440, height=900)
    # The simulator's certificate is its own authority's, which Chromium does not know.
    context = chromium.new_context(viewport=size, ignore_https_errors=True, locale="en-US")
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    yield context
    for number, page in enumerate(context.pages):
        page.screenshot(path=RESULTS / f"{request.node.name}-{number}.png")
    context.close()


@pytest.fixture
def page(window: BrowserContext) -> Iterator[Page]:
    """A tab. The test fails when a script on it does, or when its own policy stops it."""
    failures: list[str] = []
    tab = window.new_page()
    tab.on("pageerror", lambda error: failures.append(str(error)))
    tab.on("console", lambda message: failures.append(message.text) if "Security Policy" in message.text else None)
    yield tab
    assert failures == []
