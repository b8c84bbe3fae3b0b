"""The built manual in a real browser: search, the switch of the language, a narrow screen.

RAYFAB_PICTURES=FOLDER keeps a picture of each, to be looked at.
"""

from __future__ import annotations

import functools
import http.server
import os
import threading
from pathlib import Path

import pytest

from tasks.actions import manual
from tests.browser import CHROMIUM, DRIVER, browser

# Chromium alone is 100 MB to install; tests/test_site.py reads the same pages without one
pytestmark = pytest.mark.matrix


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of the built manual."""
    folder = tmp_path_factory.mktemp("site") / "manual"
    assert manual.run(str(folder), 0) == 0

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def page():
    if not (CHROMIUM and DRIVER):
        why = "no browser: apt-get install chromium chromium-driver"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    with browser() as one:
        yield one


@pytest.fixture
def kept(page, request):
    yield
    if folder := os.environ.get("RAYFAB_PICTURES"):
        page.picture(Path(folder) / f"{request.node.name}.png")


@pytest.mark.parametrize(
    ("home", "words", "found"),
    [
        ("/", "jump host", "/guides/ssh/"),
        ("/zh/", "跳板机", "/zh/guides/ssh/"),
        ("/zh/", "镜像源", "/zh/guides/china/"),
    ],
    ids=["English", "Chinese", "mirrors"],
)
def test_search_finds_the_page(site, page, kept, home, words, found):
    page.width(1280, 800)
    page.open(site + home)
    page.click("input.md-search__input")
    page.type("input.md-search__input", words)
    links = (
        "return [...document.querySelectorAll('a.md-search-result__link')].map(a => new URL(a.href).pathname)"
    )
    page.until(lambda: found in page.run(links))


def test_the_language_is_switched_on_the_same_page(site, page, kept):
    page.width(1280, 800)
    page.open(f"{site}/guides/bridge/")
    assert page.texts("h1")[0].startswith("The bridge network")
    # the menu opens under the pointer
    page.run("document.querySelector('.md-select__link[hreflang=zh]').click()")
    page.until(lambda: page.run("return location.pathname") == "/zh/guides/bridge/")
    page.until(lambda: page.texts("h1"))
    assert page.texts("h1")[0].startswith("桥接网络")
    assert page.run("return document.documentElement.lang") == "zh"


@pytest.mark.parametrize("path", ["/operations/deploy/", "/zh/reference/hosts-file/"], ids=["deploy", "keys"])
def test_a_narrow_screen_needs_no_sideways_scrolling(site, page, kept, path):
    page.width(390, 800)
    page.open(site + path)
    wide = page.run("return document.documentElement.scrollWidth")
    assert wide <= 390
    # what is wider, such as a table or a transcript, scrolls by itself
    assert page.run("return document.querySelector('.md-content').getBoundingClientRect().width") <= 390
