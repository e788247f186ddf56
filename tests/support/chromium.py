"""Chromium without a window, driven over WebDriver, that no server but the tests' own hears of."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from selenium import webdriver  # pyright: ignore[reportMissingImports]  only `make test-browser` installs it

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
_MISSING = """There is no Chromium here, or not its driver. On Debian and Ubuntu:
  apt-get install chromium chromium-driver
Elsewhere, name the programs: CHROMIUM=/path/to/chromium CHROMEDRIVER=/path/to/chromedriver make test-browser"""


@contextmanager
def chromium(profile: Path) -> Generator[webdriver.Chrome]:
    """Run the browser with an empty folder for its profile, or end the tests with what to install."""
    browser = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _BROWSERS)), None)
    program = os.environ.get("CHROMEDRIVER") or shutil.which("chromedriver")
    if not browser or not program:
        pytest.exit(_MISSING, returncode=1)
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in [*_FLAGS, f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(program))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture(name="driver", scope="module")
def driver_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """The browser that the tests of a module share."""
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver
