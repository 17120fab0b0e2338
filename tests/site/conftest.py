"""The built book, served to a browser."""

import shutil

import pytest
from playwright.sync_api import sync_playwright
from reader import serve
from selection import unavailable


@pytest.fixture(scope="module")
def site(real_book):
    """The address of the built book on this machine."""
    with serve(real_book.html) as address:
        yield address


@pytest.fixture(scope="module")
def chromium():
    path = shutil.which("chromium")
    if path is None:
        unavailable("there is no browser: run `apt-get install chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
            ],
        )
        yield browser
        browser.close()
