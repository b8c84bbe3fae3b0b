"""The stand-in for Miniconda and its channels does what the real ones do, where a deployment touches them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import urllib.error
import urllib.request

import pytest

from tests.lab.story import sh
from tests.standins.conda import installer, mirror

PREFIX = "/root/miniconda3"
CONDA = f"{PREFIX}/bin/conda"
PYTHON = "/anaconda/pkgs/main/linux-64/python-3.7.16-standin_0.conda"
STORE = "/root/store"
# what does not come with Python itself
IMPORTS = (
    "import bz2, ctypes, curses, lzma, readline, sqlite3, ssl, sys, uuid, zlib; print(*sys.version_info[:3])"
)


def get(url: str, **headers: str) -> bytes:
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20).read()


def solve(channel: str, *specs: str) -> list:
    import rattler

    sources = [rattler.Channel(channel)]
    return asyncio.run(rattler.solve(sources, specs, virtual_packages=rattler.VirtualPackage.detect()))


# where the stand-in is wrong, the tests of conda fail as well
pytestmark = pytest.mark.matrix


@pytest.fixture(scope="module")
def host(conda_mirror, fresh_host):
    """A bare host with the installer and, in a folder, the packages of an environment."""
    host = fresh_host("bare")
    host.copy_in(mirror.tree() / "anaconda/miniconda" / installer.NAME, "/root/miniconda.sh")
    host.must(f"mkdir {STORE}")
    for record in solve(conda_mirror.main, "python =3.7.16", "pip"):
        host.copy_in(mirror.tree() / record.url.removeprefix(conda_mirror.base + "/"), STORE)
    sh(host, f"{{ echo @EXPLICIT; for f in {STORE}/*; do echo file://$f; done; }} >/root/explicit.txt")
    return host


@pytest.fixture(scope="module")
def installed(host):
    """What the installer said."""
    return sh(host, f"sh /root/miniconda.sh -b -p {PREFIX}")


@pytest.fixture(autouse=True)
def whole(conda_mirror):
    yield
    conda_mirror.forget()
    conda_mirror.terms(False)
    conda_mirror.list_sums(True)


class TestMirror:
    def test_rattler_solves_it(self, conda_mirror):
        found = {r.name.normalized: r for r in solve(conda_mirror.main, "python 3.7.*", "pip")}
        assert str(found["python"].version) == "3.7.16"
        assert {"pip", "setuptools", "wheel", "standin-libs"} < found.keys()
        data = get(found["python"].url)
        assert hashlib.sha256(data).hexdigest() == found["python"].sha256.hex()

    def test_its_page_tells_the_sums_of_installers_or_does_not(self, conda_mirror):
        row = re.compile(rf'<a href="{installer.NAME}">.*?<td>([0-9a-f]{{64}})</td></tr>')
        data = get(f"{conda_mirror.installers}/{installer.NAME}")
        page = get(f"{conda_mirror.installers}/").decode()
        assert row.search(page).group(1) == hashlib.sha256(data).hexdigest()
        conda_mirror.list_sums(False)
        assert not row.search(get(f"{conda_mirror.installers}/").decode())

    def test_it_counts_what_it_sends_and_to_whom(self, conda_mirror):
        size = len(get(conda_mirror.base + PYTHON))
        assert conda_mirror.sent()[PYTHON] == size
        own = conda_mirror.host.addresses[0].rpartition(".")[0] + ".1"  # this machine, seen from the lab
        assert conda_mirror.sent(own) == {PYTHON: size}
        assert conda_mirror.asked()[PYTHON] == 1

    def test_a_download_breaks_once_and_is_resumed(self, conda_mirror):
        conda_mirror.cut("python-3.7", after=100_000)
        with pytest.raises(Exception, match="IncompleteRead") as broken:
            get(conda_mirror.base + PYTHON)
        begun = broken.value.partial
        assert len(begun) == 100_000
        rest = get(conda_mirror.base + PYTHON, Range=f"bytes={len(begun)}-")
        assert begun + rest == (mirror.tree() / PYTHON[1:]).read_bytes()

    def test_a_byte_is_wrong_and_a_file_refused(self, conda_mirror):
        right = (mirror.tree() / PYTHON[1:]).read_bytes()
        conda_mirror.wrong("python-3.7", byte=70_000, times=1)
        told = get(conda_mirror.base + PYTHON)
        assert [i for i in range(len(right)) if right[i] != told[i]] == [70_000]
        assert get(conda_mirror.base + PYTHON) == right
        conda_mirror.refuse("pip-", 503, times=1)
        with pytest.raises(urllib.error.HTTPError, match="503"):
            get(f"{conda_mirror.main}/noarch/pip-22.3.1-standin_0.conda")

    def test_it_serves_from_this_machine_too(self, tmp_path):
        with mirror.here(tmp_path / "srv") as site:
            site.terms(True)
            assert set(json.loads(get(f"{site.main}/terms.json"))) == {"version", "text", "support"}
            site.sha256_file(f"anaconda/miniconda/{installer.NAME}")
            beside = get(f"{site.installers}/{installer.NAME}.sha256").decode().split()
            assert beside == [
                hashlib.sha256(get(f"{site.installers}/{installer.NAME}")).hexdigest(),
                installer.NAME,
            ]
        # what a test adds does not get into the folder that is kept
        assert not list(mirror.tree().rglob("terms.json")) + list(mirror.tree().rglob("*.sha256"))


class TestInstaller:
    def test_it_speaks_as_the_real_one(self, installed):
        assert installed.splitlines()[:2] == [f"PREFIX={PREFIX}", "Unpacking payload ..."]
        assert installed.endswith("installation finished.")

    def test_what_it_leaves(self, host, installed):
        assert sh(host, f"{CONDA} --version") == "conda 24.0.0 (stand-in)"
        tops = sh(host, f"cd {PREFIX}; ls -d bin/conda condabin/conda conda-meta/history envs pkgs").split()
        assert len(tops) == 5
        own = {"explicit.txt", "miniconda.sh", "store"}
        assert set(sh(host, "ls -A /root").split()) - own == {
            ".bashrc",
            ".conda",
            ".profile",
            ".ssh",
            "miniconda3",
        }
        assert sh(host, "cat /root/.conda/environments.txt") == PREFIX

    @pytest.mark.parametrize(
        ("prepare", "words", "code", "says"),
        [
            ("true", "-b -p '/root/a b'", 1, "ERROR: Cannot install into directories with spaces"),
            (
                "mkdir -p /root/there",
                "-b -p /root/there",
                1,
                "File or directory already exists: '/root/there'",
            ),
            ("export CONDA_OVERRIDE_GLIBC=2.17", "-b -p /root/new", 1, "but system has 2.17."),
            ("true", "-h", 2, "-p PREFIX    install prefix, defaults to /root/miniconda3"),
            ("exec </dev/null", "-p /root/new", 2, "The license agreement wasn't approved"),
        ],
    )
    def test_it_refuses_what_the_real_one_refuses(self, host, prepare, words, code, says):
        done = host.exec(f"{prepare}; sh /root/miniconda.sh {words}")
        assert done.rc == code
        assert says in done.out + done.err
        assert host.exec("ls -d '/root/a b' /root/new /root/there/*").out == ""

    def test_over_an_unfinished_one_it_goes_on(self, host):
        sh(host, "mkdir -p /root/half/bin; echo x >/root/half/bin/python")
        sh(
            host,
            "sh /root/miniconda.sh -b -u -p /root/half && /root/half/bin/conda --version; rm -r /root/half",
        )


def tree_of(host) -> str:
    return sh(
        host,
        f"cd {PREFIX}; find . -type f ! -path '*/__pycache__/*' -exec sha256sum {{}} + | sort -k 2 | cksum",
    )


CREATE = f"{CONDA} create -y -q"


class TestCommand:
    def test_an_explicit_list_needs_no_network_and_leaves_condas_own_tree_alone(self, host, installed):
        before, registered = tree_of(host), sh(host, "cat /root/.conda/environments.txt")
        settings = "CONDA_PKGS_DIRS=/root/cache CONDA_REGISTER_ENVS=false"
        flags = f"--offline --override-channels -c file://{STORE} -p /root/env --file /root/explicit.txt"
        host.cut_internet(silent=True)
        try:
            out = sh(host, f"{settings} {CREATE} {flags}")
        finally:
            host.restore_internet()
        assert "Executing transaction: ...working... done" in out
        assert sh(host, f"/root/env/bin/python -c '{IMPORTS}'") == "3 7 16"
        assert sh(host, "/root/env/bin/pip --version").startswith("pip 22.3.1 from /root/env/lib/python3.7/")
        # the text of another place is not left anywhere
        assert (
            host.exec("grep -rl placehold_placehold /root/env --include=*.py --include='*config*'").out == ""
        )
        assert tree_of(host) == before
        assert sh(host, "cat /root/.conda/environments.txt") == registered
        assert "python-3.7.16-standin_0" in sh(host, "ls /root/cache")

    def test_left_to_itself_it_uses_its_own_tree(self, host, installed):
        before = tree_of(host)
        sh(host, f"{CREATE} --offline -p /root/env2 --file /root/explicit.txt")
        assert tree_of(host) != before
        assert "/root/env2" in sh(host, "cat /root/.conda/environments.txt").splitlines()
        sh(host, f"{CONDA} env remove -y -p /root/env2; test ! -e /root/env2")

    def test_what_it_refuses(self, host, installed, conda_mirror):
        def refused(words: str, code: int, name: str) -> None:
            done = host.exec(f"{CREATE} {words}")
            assert (done.rc, done.err.strip().partition(":")[0]) == (code, name), done

        sh(host, f"echo @EXPLICIT >/root/far.txt; echo {conda_mirror.base}{PYTHON} >>/root/far.txt")
        refused("--offline -p /root/x --file /root/far.txt", 1, "OfflineError")
        sh(host, f"sed 's/$/#{'0' * 32}/' /root/far.txt | sed 's/^@EXPLICIT.*/@EXPLICIT/' >/root/bad.txt")
        refused("-p /root/x --file /root/bad.txt", 1, "ChecksumMismatchError")
        refused("--override-channels -p /root/x --file /root/explicit.txt", 2, "ArgumentError")
        refused(f"-p {PREFIX} --file /root/explicit.txt", 1, "CondaValueError")
        refused(
            f"-p /root/x -c {conda_mirror.main} --override-channels python=3.7.7", 1, "PackagesNotFoundError"
        )
        refused("-p /root/x -c http://127.0.0.1:9/x --override-channels python", 1, "CondaHTTPError")
        assert host.exec("test -e /root/x").rc != 0

    def test_an_environment_is_solved_found_and_activated(self, host, installed, conda_mirror):
        sh(host, f"{CREATE} -n ray -c {conda_mirror.main} --override-channels python=3.7.16")
        place = f"{PREFIX}/envs/ray"
        assert place in json.loads(sh(host, f"{CONDA} info --json"))["envs"]
        assert re.search(rf"^ray +{place}$", sh(host, f"{CONDA} env list"), re.MULTILINE)
        assert sh(host, f"{CONDA} run -n ray python -V") == "Python 3.7.16"
        activated = sh(host, f"bash -c '. {PREFIX}/bin/activate ray; command -v python'")
        assert activated == f"{place}/bin/python"
        sh(host, f"mkdir -p /root/.conda/envs; ln -s {place} /root/.conda/envs/linked")
        shell = (
            f'eval "$({CONDA} shell.posix hook)"; conda activate linked; command -v python; conda deactivate'
        )
        assert sh(host, f"{shell}; command -v python || true") == "/root/.conda/envs/linked/bin/python"

    def test_terms_have_to_be_accepted(self, host, installed, conda_mirror):
        conda_mirror.terms(True)
        words = f"{CREATE} -p /root/terms -c {conda_mirror.main} --override-channels python=3.7.16"
        done = host.exec(words)
        assert done.rc == 1
        assert (
            "CondaToSNonInteractiveError: Terms of Service have not been accepted for the following"
            in done.err
        )
        assert f"    - {conda_mirror.main}\n" in done.err
        assert f"conda tos accept --override-channels --channel {conda_mirror.main}\n" in done.err
        # a list of files wants them just as much, unless it goes offline
        assert host.exec(f"{CREATE} -p /root/t1 -c {conda_mirror.main} --file /root/explicit.txt").rc == 1
        sh(host, f"{CREATE} --offline -p /root/t2 -c {conda_mirror.main} --file /root/explicit.txt")
        sh(host, f"CONDA_PLUGINS_AUTO_ACCEPT_TOS=yes {words}")
        sh(host, words.replace("/root/terms", "/root/again"))

    def test_the_community_s_channel_has_none(self, host, installed, conda_mirror):
        conda_mirror.terms(True)
        sh(host, f"{CREATE} -p /root/forge -c {conda_mirror.forge} --override-channels python=3.8")
        assert sh(host, f"/root/forge/bin/python -c '{IMPORTS}'") == "3 8 18"
