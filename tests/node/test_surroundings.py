"""What Ray's processes see of indexes, proxies and certificates."""

from __future__ import annotations

import subprocess

import pytest

from tasks.node import ray, surroundings
from tasks.node.supervisors import environment as service
from tasks.script.fragments import fragment
from tasks.script.script import assignment
from tests.script import samples
from tests.script.shells import SHELLS, argv, environment

MIRRORS = (
    samples.UV + "mirrors: {pypi: http://index.lab:8080/simple, proxy: http://proxy.lab:3128, ca: lab.pem}\n"
)
INDEX, PROXY = "http://index.lab:8080/simple", "http://proxy.lab:3128"
FROM_MIRRORS = {
    "PIP_INDEX_URL": INDEX,
    "UV_DEFAULT_INDEX": INDEX,
    "PIP_TRUSTED_HOST": "index.lab:8080",
    **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), PROXY),
    **dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE"), "/n/ca.pem"),
}


def test_mirrors_are_for_jobs_too():
    assert surroundings.of_mirrors(samples.host("worker", MIRRORS), "/n/ca.pem") == FROM_MIRRORS
    assert surroundings.of_mirrors(samples.host("worker"), "/n/ca.pem") == {}


def test_ray_env_comes_before_them():
    own = (
        'ray: {version: "2.60.0", env: {HTTPS_PROXY: "http://other:1", PIP_INDEX_URL: "http://mine/simple"}}'
    )
    text = MIRRORS.replace('ray: {version: "2.52.0"}', own)
    found = ray.environment(samples.host("worker", text), "2.60.0", authorities="/n/ca.pem")
    assert found["PIP_INDEX_URL"] == "http://mine/simple"
    assert found["HTTPS_PROXY"] == "http://other:1" and "https_proxy" not in found
    assert found["http_proxy"] == PROXY


def test_every_address_stands_by_itself():
    assert surroundings.direct(["10.0.0.1", "fd00::2", "10.0.0.1"]) == (
        "localhost,127.0.0.1,::1,[::1],10.0.0.1,fd00::2,[fd00::2]"
    )


@pytest.fixture(params=SHELLS)
def shell(request):
    return request.param


def run(shell: str, text: str, home, **env: str) -> str:
    program, words = argv(shell)
    done = subprocess.run(
        words, executable=program, input=text, env=environment(home, **env), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def seen_by_a_service(shell, tmp_path, session: dict[str, str], variables: dict[str, str]) -> dict[str, str]:
    """The environment of a node that was started from a session with these variables."""
    values = {"CLUSTER": "lab", "DIRECT": "localhost,10.0.0.1", "SETTLED": surroundings.settled(variables)}
    node = tmp_path / ".rayfab" / "lab"
    node.mkdir(parents=True)
    lines = [*(assignment(*item) for item in values.items()), fragment("lib").text, fragment("session").text]
    text = run(shell, "\n".join(["set -u", *lines, "session_exports"]) + "\n", tmp_path, **session)
    (node / "session.sh").write_text(text)
    start = samples.start(home=str(tmp_path), cluster="lab", env_dir="/env", variables=variables)
    out = run(shell, "set -u\n" + service.env_sh(start) + "env\n", tmp_path)
    return dict(line.split("=", 1) for line in out.splitlines() if "=" in line)


def test_a_service_sees_what_the_session_saw(shell, tmp_path):
    session = {"http_proxy": "http://u:it's$(x)@p:1", "UV_INDEX_URL": "http://i/simple", "EDITOR": "vi"}
    found = seen_by_a_service(shell, tmp_path, session, {})
    assert found["http_proxy"] == session["http_proxy"]
    assert found["UV_INDEX_URL"] == session["UV_INDEX_URL"]
    assert "EDITOR" not in found


def test_the_hosts_file_comes_before_the_session(shell, tmp_path):
    session = {"http_proxy": "http://old:1", "HTTP_PROXY": "http://old:1", "PIP_INDEX_URL": "http://old/"}
    found = seen_by_a_service(shell, tmp_path, session, {"http_proxy": PROXY, "PIP_INDEX_URL": INDEX})
    assert (found["http_proxy"], found["PIP_INDEX_URL"]) == (PROXY, INDEX)
    assert "HTTP_PROXY" not in found


@pytest.mark.parametrize(
    ("session", "variables", "wanted"),
    [
        ({}, {}, "localhost,10.0.0.1"),
        ({"no_proxy": "a.lab"}, {}, "a.lab,localhost,10.0.0.1"),
        ({"no_proxy": "a.lab", "NO_PROXY": "b.lab"}, {}, "a.lab,b.lab,localhost,10.0.0.1"),
        ({"NO_PROXY": "a.lab"}, {"NO_PROXY": "b.lab"}, "a.lab,b.lab,localhost,10.0.0.1"),
        ({"NO_PROXY": "*"}, {}, "*"),
        ({"no_proxy": "*.lab"}, {}, "*.lab,localhost,10.0.0.1"),
    ],
)
def test_no_proxy_is_extended(shell, tmp_path, session, variables, wanted):
    found = seen_by_a_service(shell, tmp_path, session, variables)
    assert found["no_proxy"] == found["NO_PROXY"] == wanted


def test_grpc_has_a_variable_of_its_own(shell, tmp_path):
    found = seen_by_a_service(shell, tmp_path, {"no_grpc_proxy": "a.lab"}, {})
    assert found["no_grpc_proxy"] == "a.lab,localhost,10.0.0.1"


def test_authorities_are_joined_with_the_system_s(shell, tmp_path):
    node = tmp_path / ".rayfab" / "lab"
    node.mkdir(parents=True)
    (node / "authorities.pem").write_text("OURS\n")
    (tmp_path / "system.pem").write_text("SYSTEM")  # its last line has no end
    names = ("lib", "authorities", "session")
    lines = [assignment("CLUSTER", "lab"), *(fragment(name).text for name in names)]
    text = "\n".join(["set -u", *lines, "system_authorities | join_authorities"]) + "\n"
    run(shell, text, tmp_path, SSL_CERT_FILE=str(tmp_path / "system.pem"))
    assert (node / "ca.pem").read_text() == "SYSTEM\nOURS\n"
    assert (node / "ca.pem").stat().st_mode & 0o777 == 0o644, "a container's user reads it"


def test_a_container_gets_them_as_a_file():
    text = samples.DOCKER + "mirrors: {ca: lab.pem}\n"
    words = samples.desired(samples.subject(text=text)).arguments
    mounted = words[words.index("--volume", words.index("--volume") + 1) + 1]
    assert mounted == "/root/.rayfab/lab/ca.pem:/etc/rayfab-ca.pem:ro"
    assert "SSL_CERT_FILE=/etc/rayfab-ca.pem" in words
