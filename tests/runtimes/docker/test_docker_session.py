"""What a container gets of the session's environment: proxies and indexes, and a no_proxy that is extended."""

from __future__ import annotations

import json
import subprocess

import pytest

from tasks.script.fragments import fragment
from tasks.script.script import assignment
from tests.script.shells import SHELLS, SYSTEM_PATH, argv, environment

IMAGE = "#!/bin/sh\n[ $1 = image ] || exit 1\nprintf 'PATH=/bin\\nno_proxy=of.image\\n'\n"
SESSION = {
    "http_proxy": "http://u:p@proxy.lab:1",
    "no_proxy": "a.lab",
    "UV_DEFAULT_INDEX": "http://index.lab/simple",
    "PIP_EXTRA_INDEX_URL": "file:///srv/wheels",
    "SSL_CERT_FILE": "/etc/ssl/mine.pem",
}


@pytest.fixture(params=SHELLS)
def lines(request, tmp_path):
    """lines(settings, session, **values): the variables for a container."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "docker").write_text(IMAGE)
    (tools / "docker").chmod(0o755)

    def run(settings=None, session=None, **values) -> dict[str, str]:
        if settings is not None:
            (tmp_path / ".docker").mkdir(exist_ok=True)
            (tmp_path / ".docker" / "config.json").write_text(json.dumps(settings, indent=2))
        known = {
            "CLUSTER": "lab",
            "DIRECT": "localhost,10.0.0.1",
            "SETTLED": "",
            "IMAGE": "x",
            "BRIDGE": False,
        }
        known |= {"OWN_NO_PROXY": "", **values}
        names = ("lib", "docker", "session", "docker_session")
        text = [*(assignment(*item) for item in known.items()), *(fragment(name).text for name in names)]
        program, words = argv(request.param)
        done = subprocess.run(
            words,
            executable=program,
            input="\n".join(
                ["set -u", *text, "container_session", "printf 'no_proxy=%s' \"$(container_no_proxy)\""]
            )
            + "\n",
            env=environment(tmp_path, f"{tools}:{SYSTEM_PATH}", **(SESSION if session is None else session)),
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    return run


def test_addresses_are_passed_on_and_files_of_the_host_are_not(lines):
    found = lines()
    assert found.pop("no_proxy") == "a.lab,of.image,localhost,10.0.0.1"
    assert found == {name: SESSION[name] for name in ("http_proxy", "UV_DEFAULT_INDEX")}


def test_docker_s_own_proxies_stay_and_their_exceptions_are_kept(lines):
    proxies = {"default": {"httpProxy": "http://other:1", "noProxy": "*.corp,b.lab"}}
    found = lines({"auths": {}, "proxies": proxies})
    assert "http_proxy" not in found
    assert found["no_proxy"] == "a.lab,*.corp,b.lab,of.image,localhost,10.0.0.1"


def test_the_hosts_file_s_exceptions_are_kept(lines):
    assert lines(OWN_NO_PROXY="c.lab,a.lab")["no_proxy"] == "a.lab,c.lab,of.image,localhost,10.0.0.1"


def test_a_star_means_all(lines):
    assert lines({"proxies": {"default": {"noProxy": "*"}}})["no_proxy"] == "*"


@pytest.mark.parametrize(
    ("proxy", "bridge", "kept"),
    [
        ("http://127.0.0.1:3128", True, False),
        ("http://me:x@localhost:3128", True, False),
        ("http://127.0.0.1:3128", False, True),
        ("http://proxy.lab:3128", True, True),
    ],
)
def test_a_bridge_has_a_loopback_of_its_own(lines, proxy, bridge, kept):
    assert ("https_proxy" in lines(session={"https_proxy": proxy}, BRIDGE=bridge)) is kept
