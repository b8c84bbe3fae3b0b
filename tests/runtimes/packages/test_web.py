"""Downloads: resumed, checked, tried again, kept."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tasks.runtimes.packages import Unavailable, web
from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.web import Web
from tests.runtimes.packages.server import serving

DATA = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(DATA).hexdigest()
SIZE = len(DATA)


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.setattr(web.time, "sleep", lambda _: None)
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "a.whl").write_bytes(DATA)
    with serving(folder) as url:
        yield url


def item(site, sha256=SHA256, size=SIZE, file="a.whl"):
    return Item("wheel", file, sha256, size, f"{site}/{file}")


def test_comes_whole_and_is_kept(site):
    told = []
    path = Web().get(item(site), told.append)
    assert path.read_bytes() == DATA and path.name == "a.whl"
    assert told[-1] == len(DATA)
    assert Web().get(item(site)) == path
    assert len(site.asked) == 1


def test_the_size_of_a_file(site, monkeypatch):
    url = f"{site}/a.whl"
    assert Web().size(url, SHA256, "a.whl") == SIZE
    assert len(site.asked) == 1
    monkeypatch.setattr(site, "tells", False)
    assert Web().size(url, SHA256, "a.whl") == SIZE
    assert Web().get(item(site)).read_bytes() == DATA
    assert len(site.asked) == 3


def test_goes_on_where_it_broke_off(site):
    site.cut = 300_000
    told = []
    assert Web().get(item(site), told.append).read_bytes() == DATA
    assert len(site.asked) == 2
    assert told[0] <= 300_000 < told[-1]


def test_other_bytes_are_no_file(site, tmp_path):
    with pytest.raises(Unavailable, match=r"a\.whl from http://127\.0\.0\.1 is not what was expected"):
        Web().get(item(site, sha256="0" * 64))
    assert not list((tmp_path / "download-cache").rglob("a.whl"))


def test_a_missing_file_is_unavailable_with_a_hint(site):
    with pytest.raises(Unavailable, match=r"cannot be reached from here: .*(404|Not Found)") as told:
        Web().get(item(site, file="b.whl"))
    assert "mirrors" in told.value.hint
    assert Web().text(f"{site}/b.html") is None


def test_a_server_that_does_not_answer_is_unavailable():
    with pytest.raises(Unavailable, match=r"http://127\.0\.0\.1 cannot be reached from here: "):
        Web().text("http://127.0.0.1:9/")


def test_the_proxy_of_the_hosts_file_is_used(site):
    assert Web(proxy=site).get(item("http://elsewhere.example")).read_bytes() == DATA
    assert site.asked == ["http://elsewhere.example/a.whl"]


def test_authorities_of_a_mirror_s_own_count_beside_the_system_s(tmp_path, monkeypatch):
    (tmp_path / "system.pem").write_text("SYSTEM")
    (tmp_path / "lab.pem").write_text("LAB\n")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "system.pem"))
    told = Web(ca=str(tmp_path / "lab.pem")).environment
    # uv and rattler take this file for all authorities that there are
    assert Path(told["SSL_CERT_FILE"]).read_text() == "SYSTEM\nLAB\n"
    assert Web().environment == {}
