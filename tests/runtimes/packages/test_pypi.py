"""The package index, asked by the real uv: files for another system and Python than this machine's."""

from __future__ import annotations

import pytest

from tasks.inventory import load
from tasks.inventory.ray_versions import companions
from tasks.runtimes.packages import Unavailable, pypi
from tasks.runtimes.packages.web import Web


@pytest.fixture
def host(tmp_path):
    file = tmp_path / "hosts.yml"
    file.write_text("runtime: conda\nhead: {host: 10.0.0.1}\n")
    return load(file).head


def test_ray_for_the_recipe_s_python(host):
    found = pypi.resolve(host, ["ray[default]", *companions("2.7.2")], "3.7.16", "linux-64", "2.17")
    assert pypi.version_of(found, "ray") == "2.7.2"
    items = {i.file.partition("-")[0]: i for i in pypi.items(host, found, "linux-64")}
    assert items["ray"].file == "ray-2.7.2-cp37-cp37m-manylinux2014_x86_64.whl"
    assert items["ray"].kind == "wheel" and len(items["ray"].sha256) == 64 and items["ray"].size > 50_000_000
    assert items["gpustat"].kind == "sdist"


def test_a_version_is_preferred_where_it_fits(host):
    prefer = {"setuptools": "65.6.3", "wheel": "0.38.4", "pip": "1.0"}
    found = pypi.resolve(host, ["setuptools", "wheel>0.40"], "3.11.7", "linux-64", "2.17", prefer=prefer)
    assert pypi.version_of(found, "setuptools") == "65.6.3"
    assert pypi.version_of(found, "wheel") != "0.38.4"
    assert pypi.version_of(found, "pip") is None


def test_the_same_question_for_windows(host):
    found = pypi.items(host, pypi.resolve(host, ["ray==2.7.2"], "3.7.9", "win-64", ""), "win-64")
    assert any(i.file == "ray-2.7.2-cp37-cp37m-win_amd64.whl" for i in found)


def test_what_fits_nowhere_is_reported_in_one_line(host):
    with pytest.raises(
        Unavailable, match=r"no set of packages fits Python 3\.7\.16 on linux-64: .*ray"
    ) as told:
        pypi.resolve(host, ["ray==2.60.0"], "3.7.16", "linux-64", "2.17", "conda")
    assert "\n" not in str(told.value)
    assert "conda.python" in told.value.hint


def test_the_wheel_of_uv_is_found_for_the_platform(host):
    one = pypi.uv_wheel(host, "linux-aarch64", "2.17")
    assert one.file.startswith(f"uv-{pypi.uv_version()}-") and "aarch64" in one.file


class TestWhatJobsNeed:
    """An index that lacks packages that nobody asked for serves nevertheless."""

    def choose(self, host, monkeypatch, lacks, packages=("ray",)):
        asked = []

        def resolve(host, wanted, python, platform, glibc, section="", prefer=None):
            asked.append(wanted)
            if gone := [name for name in lacks if name in wanted]:
                raise Unavailable(
                    f"no set fits: Because {gone[0]} was not found in the package registry and you"
                )
            return [
                {
                    "name": n,
                    "version": "2.60.0",
                    "wheels": [
                        {
                            "url": f"https://x.example/{n}-2.60.0-py3-none-any.whl",
                            "size": 1,
                            "hashes": {"sha256": "0" * 64},
                        }
                    ],
                }
                for n in wanted
                if n.isalpha()
            ]

        monkeypatch.setattr(pypi, "resolve", resolve)
        _, items = pypi.choose(
            host, packages, "uv", python="3.11.2", platform="linux-64", glibc="2.17", ray="2.60.0"
        )
        return [item.file.partition("-")[0] for item in items]

    @pytest.mark.parametrize("lacks", [["pip"], ["uv"], ["pip", "uv"], []])
    def test_is_left_out_where_the_index_has_none(self, host, monkeypatch, lacks):
        wanted = [name for name in ("ray", "pip", "uv") if name not in lacks]
        assert self.choose(host, monkeypatch, lacks) == wanted

    def test_but_not_what_the_user_asked_for(self, host, monkeypatch):
        with pytest.raises(Unavailable, match="pip was not found"):
            self.choose(host, monkeypatch, ["pip"], ("ray", "pip"))
        with pytest.raises(Unavailable, match="ray was not found"):
            self.choose(host, monkeypatch, ["ray"])

    def test_uv_is_the_one_that_installs_where_the_index_has_it(self, host):
        _, items = pypi.choose(
            host, ["ray"], "uv", python="3.11.2", platform="linux-64", glibc="2.28", ray="2.60.0"
        )
        assert pypi.uv_wheel(host, "linux-64", "2.17").sha256 in {item.sha256 for item in items}


def test_a_source_becomes_a_wheel_once(host):
    found = pypi.resolve(host, ["gpustat==1.1.1"], "3.7.16", "linux-64", "2.17")
    source = next(i for i in pypi.items(host, found, "linux-64") if i.kind == "sdist")
    wheel = pypi.build(host, source, Web())
    assert wheel.name == "gpustat-1.1.1-py3-none-any.whl"
    before = wheel.stat().st_mtime_ns
    assert pypi.build(host, source, Web()).stat().st_mtime_ns == before


def test_the_wheel_made_most_closely_is_chosen(host):
    files = [
        "multidict-6.0.5-py3-none-any.whl",
        "multidict-6.0.5-cp37-cp37m-manylinux_2_17_x86_64.whl",
        "multidict-6.0.5-cp37-abi3-manylinux_2_17_x86_64.whl",
    ]
    wheels = [{"url": f"https://x.example/{f}", "size": 7, "hashes": {"sha256": "0" * 64}} for f in files]
    assert pypi.items(host, [{"name": "multidict", "wheels": wheels}], "linux-64")[0].file == files[1]


def test_an_index_with_a_certificate_of_an_unknown_authority():
    said = "error: Failed to fetch\n  Caused by: client error (Connect)\n  invalid peer certificate: UnknownIssuer"
    message, fix = pypi.unresolved(said, "Python 3.11.2 on linux-64", "uv")
    assert "invalid peer certificate" in message and fix.startswith("mirrors.ca names")
