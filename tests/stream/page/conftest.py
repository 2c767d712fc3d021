import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.stream.consumer_run import ConsumerRun
from tests.stream.page.watched_page import WatchedPage
from tests.stream.publisher import PATIENCE_MS

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")  # Playwright runs an event loop in this thread as long as it is open
def browser() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs a Chromium on the PATH (Debian: apt-get install chromium)")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]) as browser,
    ):
        yield browser


@pytest.fixture
def run(tmp_path: Path) -> Iterator[ConsumerRun]:
    """Two live cameras."""
    with ConsumerRun(tmp_path, cameras=("cam0", "door"), policy="latest") as run:
        yield run


@pytest.fixture
def watched(run: ConsumerRun) -> WatchedPage:
    """The page's process, ready."""
    return WatchedPage(run)


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A browser tab in which an error of the page fails the test."""
    tab = browser.new_page(viewport={"width": 1200, "height": 700})
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    yield tab
    tab.close()
    assert errors == []
