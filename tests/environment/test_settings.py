"""pip's settings as uv's."""

from __future__ import annotations

import os
import sys

import pytest

from tasks.environment import settings
from tasks.environment.settings import for_uv

MIRROR = "https://me:secret@mirror/simple"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine on which nobody configured pip."""
    monkeypatch.setattr(settings, "SYSTEM_FILES", (tmp_path / "etc/pip.conf",))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
    return {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": "/nonexistent"}


@pytest.fixture
def write(tmp_path):
    def write(place: str, text: str) -> None:
        file = tmp_path / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    return write


def test_without_settings_of_pip_uv_gets_none(machine):
    assert for_uv(machine) == {}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("INDEX_URL", MIRROR, {"UV_DEFAULT_INDEX": MIRROR, "UV_INDEX_URL": MIRROR}),
        (
            "EXTRA_INDEX_URL",
            "https://a/simple\nhttps://b/simple",
            {
                "UV_EXTRA_INDEX_URL": "https://a/simple https://b/simple",
                "UV_INDEX_STRATEGY": "unsafe-best-match",
            },
        ),
        ("FIND_LINKS", "/a https://b/", {"UV_FIND_LINKS": "/a,https://b/"}),
        ("NO_INDEX", "1", {"UV_NO_INDEX": "1"}),
        ("TRUSTED_HOST", "a b:8080", {"UV_INSECURE_HOST": "a b:8080"}),
        ("CONSTRAINT", "c.txt", {"UV_CONSTRAINT": "c.txt"}),
        ("CERT", "/ca.pem", {"SSL_CERT_FILE": "/ca.pem"}),
        ("PROXY", "http://p:1", dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://p:1")),
        ("DEFAULT_TIMEOUT", "9", {"UV_HTTP_TIMEOUT": "9"}),
        ("INDEX_URL", "", {}),
        ("USER", "1", {}),
        ("BREAK_SYSTEM_PACKAGES", "1", {}),
        ("REQUIRE_HASHES", "1", None),
        ("KEYRING_PROVIDER", "subprocess", None),
        ("NO_BINARY", ":all:", None),
        ("CLIENT_CERT", "/me.pem", None),
    ],
)
def test_a_pip_variable_becomes_a_setting_of_uv(machine, name, value, told):
    assert for_uv({**machine, f"PIP_{name}": value}) == told


@pytest.mark.parametrize(
    "place",
    [
        "etc/pip.conf",
        "prefix/pip.conf",
        ".pip/pip.conf",
        ".config/pip/pip.conf",
        "Library/Application Support/pip/pip.conf",
    ],
)
def test_a_pip_configuration_file_is_read(machine, write, place):
    write(place, "[global]\n# index-url = x\n")
    assert for_uv(machine) == {}
    write(place, f"[global]\nindex_url = {MIRROR}\n")
    assert for_uv(machine)["UV_DEFAULT_INDEX"] == MIRROR
    assert for_uv({**machine, "PIP_CONFIG_FILE": os.devnull}) == {}


def test_pip_conf_is_found_in_the_folders_of_xdg(machine, write, tmp_path):
    write("x/pip/pip.conf", "[global]\ntimeout = 3\n")
    assert for_uv({**machine, "XDG_CONFIG_HOME": str(tmp_path / "x")}) == {"UV_HTTP_TIMEOUT": "3"}
    assert for_uv({**machine, "XDG_CONFIG_DIRS": f"/nonexistent:{tmp_path}/x"}) == {"UV_HTTP_TIMEOUT": "3"}


def test_settings_override_each_other_as_in_pip(machine, write, tmp_path):
    """The same as pip: system, user, environment, $PIP_CONFIG_FILE (in the user's place), variable; install last."""
    index = "[global]\nindex-url = {}\n"

    def chosen(**more: str) -> str:
        return for_uv({**machine, **more})["UV_DEFAULT_INDEX"]

    write("etc/pip.conf", index.format("system"))
    write(".config/pip/pip.conf", index.format("user"))
    assert chosen() == "user"
    write("named.conf", "[global]\ntimeout = 3\n")
    assert chosen(PIP_CONFIG_FILE=str(tmp_path / "named.conf")) == "system"
    write("prefix/pip.conf", index.format("environment"))
    assert chosen() == "environment"
    write("named.conf", index.format("named"))
    assert chosen(PIP_CONFIG_FILE=str(tmp_path / "named.conf")) == "named"
    write("etc/pip.conf", "[install]\nindex-url = installing\n")
    assert chosen() == "installing"
    assert chosen(PIP_INDEX_URL="variable") == "variable"


@pytest.mark.parametrize(
    "text", ["index-url = x\n", "[global]\nno equals sign\n", "[global]\nuse-feature = a\n"]
)
def test_what_is_not_understood_is_left_to_pip(machine, write, text):
    write(".config/pip/pip.conf", text)
    assert for_uv(machine) is None
