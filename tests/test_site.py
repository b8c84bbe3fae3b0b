"""The manual as `./fab docs --build` makes it: no dead link, every page in both languages, nothing from elsewhere."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from tasks.actions import manual
from tests.test_readme import DOCS, PAGES, is_chinese


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "manual"
    # strict: a dead link or an unknown heading is an error
    assert manual.run(str(folder), 0) == 0
    return folder


def built(site, page):
    """The file that a page becomes."""
    words = page.relative_to(DOCS).as_posix().removesuffix(".md").removesuffix(".zh")
    words = "" if words == "index" else words.removesuffix("/index")
    return site / ("zh" if is_chinese(page) else "") / words / "index.html"


class Loads(HTMLParser):
    """What a browser loads with a page: scripts, style sheets, pictures."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        if tag == "link" and named.get("rel") in ("alternate", "canonical", "next", "prev"):
            return
        self.found += [named[key] for key in ("src", "href") if tag != "a" and named.get(key)]


class TestSite:
    def test_has_every_page(self, site):
        assert [page for page in PAGES if not built(site, page).is_file()] == []

    def test_each_page_is_in_the_navigation(self, site):
        for home in ("", "zh"):
            links = re.findall(r'href="([^"#]+)"', (site / home / "index.html").read_text("utf-8"))
            named = {(site / home / link).resolve() / "index.html" for link in links}
            wanted = {built(site, page) for page in PAGES if is_chinese(page) == bool(home)}
            assert wanted - named == set()

    def test_loads_nothing_from_elsewhere(self, site):
        for page in site.rglob("*.html"):
            loads = Loads(page.read_text("utf-8")).found
            assert [one for one in loads if re.match(r"(https?:)?//", one)] == [], page

    def test_search_knows_both_languages(self, site):
        index = json.loads((site / "search" / "search_index.json").read_text("utf-8"))
        assert index["config"]["lang"] == ["en", "zh"]
        places = {entry["location"].split("#")[0] for entry in index["docs"]}
        assert {"guides/bridge/", "zh/guides/bridge/"} <= places

    def test_a_folder_with_something_else_is_left_alone(self, tmp_path, capsys):
        (tmp_path / "mine").touch()
        assert manual.run(str(tmp_path), 0) == 2
        assert "is not empty" in capsys.readouterr().out
        assert [path.name for path in tmp_path.iterdir()] == ["mine"]
