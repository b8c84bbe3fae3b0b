"""The script that installs with uv, run for real against a stand-in for uv and an index on this machine."""

from __future__ import annotations

import hashlib
import http.server
import io
import platform
import shutil
import sys
import threading
import zipfile

import pytest

from tasks.runtimes.uv.scripts import uv_script
from tests.script import samples
from tests.script.shells import SHELLS, ask, stand_in

UV = (
    f"""
python={sys.executable}
"""
    + """
printf '%s\\n' "$*" >>"$HOME/uv.log"
env | grep '^UV_' | sort >"$HOME/uv.env"
is() { [ -e "$HOME/uv.$1" ]; }
case "$1 ${2-}" in
    "--version ") echo "uv 0.9.0 (0000000 2026-01-02)" ;;
    "python install") if is nopython; then echo "error: no download" >&2; exit 2; fi ;;
    "python find") echo "$HOME/managed/python" ;;
    "venv --quiet")
        for last; do :; done
        mkdir -p "$last/bin"
        printf '#!/bin/sh\\nexec %s "$@"\\n' "$python" >"$last/bin/python"
        chmod 755 "$last/bin/python"
        if is novenv; then echo "no such interpreter" >&2; exit 2; fi
        ;;
    "pip install")
        for last; do :; done
        cp "$last" "$HOME/lock"
        if is pip; then cat "$HOME/uv.pip" >&2; exit 2; fi
        if is more; then
            packages=${last%/*}/lib/site-packages
            mkdir -p "$packages/more-1.0.dist-info"
            printf '"a module.py",,\\na.pyc,,\\n' >"$packages/more-1.0.dist-info/RECORD"
            for name in "a module.py" a.pyc more-1.0.dist-info/METADATA; do : >"$packages/$name"; done
        fi
        is noray || cp "${last%/*}/bin/python" "${last%/*}/bin/ray"
        ;;
esac
"""
)


@pytest.fixture(params=SHELLS)
def shell(request):
    return request.param


def script(**more):
    known = {"uv_version": "0.9.0", "env_id": "e", "python": "3.11.2", "python_path": sys.executable}
    host = samples.host(mirrors=samples.host().mirrors.model_copy(update=more.pop("mirrors", {})))
    return uv_script(host, "lab", **{**known, "lock": "ray==2.52.0\nclick==8.1.8\n", **more})


@pytest.fixture
def uv(tmp_path):
    """uv as it lies on a host on which it was installed before."""
    stand_in(tmp_path / ".rayfab/.uv/0.9.0", "uv", UV)
    return tmp_path


def log(home) -> list[str]:
    return [line for line in (home / "uv.log").read_text().splitlines() if line != "--version"]


class TestInstall:
    def test_an_environment_is_made_once(self, shell, uv):
        answer = ask(script(), shell, uv)
        assert answer.ok, answer.error
        assert answer.values == {"changed": "1"}
        env = uv / ".rayfab/lab/envs/e"
        assert log(uv) == [
            f"venv --quiet --no-project --python {sys.executable} {env}",
            f"pip install --quiet --no-deps --python {env}/bin/python -r {env}/requirements.lock",
        ]
        assert (uv / "lock").read_text() == "ray==2.52.0\nclick==8.1.8\n"
        assert f"UV_CACHE_DIR={uv}/.rayfab/.cache/uv" in (uv / "uv.env").read_text().splitlines()
        assert sorted(p.name for p in (uv / ".rayfab/lab").iterdir()) == ["envs"]
        answer = ask(script(), shell, uv)
        assert answer.values == {"changed": "0"} and len(log(uv)) == 2

    def test_a_file_of_a_package_that_was_deleted(self, shell, uv):
        """Of bytecode there is more or less at any time: it is not listed."""
        packages = uv / ".rayfab/lab/envs/e/lib/site-packages"
        (uv / "uv.more").write_text("")
        assert ask(script(), shell, uv).values == {"changed": "1"}
        (packages / "a.pyc").unlink()
        (packages / "another").write_text("")
        assert ask(script(), shell, uv).values == {"changed": "0"}
        (packages / "a module.py").unlink()
        assert ask(script(), shell, uv).values == {"changed": "1"}
        assert (packages / "a module.py").exists()

    def test_a_package_that_its_user_removed(self, shell, uv):
        packages = uv / ".rayfab/lab/envs/e/lib/site-packages"
        (uv / "uv.more").write_text("")
        assert ask(script(), shell, uv).values == {"changed": "1"}
        (packages / "a module.py").unlink()
        shutil.rmtree(packages / "more-1.0.dist-info")
        assert ask(script(), shell, uv).values == {"changed": "0"}
        # if Ray does not run without it, it is no longer the user's own affair
        stand_in(uv / ".rayfab/lab/envs/e/bin", "ray", "exit 1")
        assert ask(script(), shell, uv).values == {"changed": "1"}

    def test_an_environment_of_an_older_deploy_has_no_list(self, shell, uv):
        assert ask(script(), shell, uv).values == {"changed": "1"}
        (uv / ".rayfab/lab/envs/e/.owners").unlink()
        assert ask(script(), shell, uv).values == {"changed": "0"}

    def test_an_incomplete_environment_is_made_again(self, shell, uv):
        env = uv / ".rayfab/lab/envs/e"
        (env / "bin").mkdir(parents=True)
        (env / "rest").write_text("")
        assert ask(script(), shell, uv).values == {"changed": "1"}
        assert not (env / "rest").exists()
        (env / "bin/ray").unlink()
        assert ask(script(), shell, uv).values == {"changed": "1"}

    def test_a_python_that_is_not_there(self, shell, uv):
        mirrors = {"pypi": "https://mirror.example/simple", "python": "https://mirror.example/py"}
        answer = ask(script(python_path=None, python="3.12.12", mirrors=mirrors), shell, uv)
        assert answer.ok, answer.error
        assert log(uv)[:2] == ["python install --no-bin 3.12.12", "python find --managed-python 3.12.12"]
        assert f"--python {uv}/managed/python " in log(uv)[2]
        said = (uv / "uv.env").read_text().splitlines()
        assert "UV_DEFAULT_INDEX=https://mirror.example/simple" in said
        assert "UV_PYTHON_INSTALL_MIRROR=https://mirror.example/py" in said
        assert f"UV_PYTHON_INSTALL_DIR={uv}/.rayfab/.python" in said

    def test_a_python_that_cannot_be_installed_is_reported(self, shell, uv):
        (uv / "uv.nopython").write_text("")
        answer = ask(script(python_path=None, python="3.12.12"), shell, uv)
        assert answer.error == "cannot install Python 3.12.12"
        assert "mirrors.python" in answer.hint
        assert answer.texts["log"] == ["error: no download"]

    def test_an_environment_that_cannot_be_made_is_reported(self, shell, uv):
        (uv / "uv.novenv").write_text("")
        answer = ask(script(), shell, uv)
        assert answer.error == f"cannot make an environment with {sys.executable}"
        assert answer.texts["log"] == ["no such interpreter"]

    @pytest.mark.parametrize(
        ("said", "error", "hint"),
        [
            ("No space left on device (os error 28)", "the disk is full", "free some space below "),
            ("error: dns error", "cannot fetch packages", "is the package index reachable from this host? "),
            ("Failed to connect", "cannot fetch packages", "is the package index reachable from this host? "),
            ("no wheel fits", "cannot install the packages", ""),
        ],
    )
    def test_packages_that_cannot_be_installed(self, shell, uv, said, error, hint):
        (uv / "uv.pip").write_text(f"first line\n{said}")
        answer = ask(script(), shell, uv)
        assert answer.error == error and answer.hint.startswith(hint)
        assert answer.texts["log"] == ["first line", said]
        assert not (uv / ".rayfab/lab/envs/e/.complete").exists()

    def test_packages_without_ray(self, shell, uv):
        (uv / "uv.noray").write_text("")
        answer = ask(script(), shell, uv)
        assert (answer.error, answer.hint) == ("the packages do not include ray", "add ray to uv.packages")


TAGS = {"x86_64": "manylinux_2_17_x86_64", "aarch64": "manylinux_2_17_aarch64"}


@pytest.mark.skipif(platform.machine() not in TAGS, reason="the wheel is made for Linux on x86 and ARM")
class TestFetchingUv:
    """uv comes out of the wheel that an index offers; the host has nothing but Python."""

    @pytest.fixture
    def index(self):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as wheel:
            wheel.writestr("uv-0.9.0.data/scripts/uvx", "")
            wheel.writestr("uv-0.9.0.data/scripts/uv", f"#!/bin/sh\n{UV}")
        data = buffer.getvalue()
        tag = TAGS[platform.machine()]
        good = f"uv-0.9.0-py3-none-{tag}.manylinux2014_{platform.machine()}.whl"

        class Index(http.server.BaseHTTPRequestHandler):
            sha256 = hashlib.sha256(data).hexdigest()

            def do_GET(self):
                page = "".join(
                    f'<a href="../../files/{name}?a=1&amp;b=2#sha256={self.sha256}">{name}</a>'
                    for name in ("uv-0.9.0-py3-none-win32.whl", f"uv-0.9.01-py3-none-{tag}.whl", good)
                )
                known = {"/simple/uv/": page.encode(), f"/files/{good}?a=1&b=2": data}
                self.send_response(200 if self.path in known else 404)
                self.end_headers()
                self.wfile.write(known.get(self.path, b""))

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            yield Index, f"http://127.0.0.1:{server.server_address[1]}/simple"
            server.shutdown()
            thread.join()

    def test_uv_is_installed_from_its_wheel(self, shell, tmp_path, index):
        answer = ask(script(mirrors={"pypi": index[1]}), shell, tmp_path)
        assert answer.ok and answer.values == {"changed": "1"}
        assert [p.name for p in (tmp_path / ".rayfab/.uv/0.9.0").iterdir()] == ["uv"]

    def test_a_wheel_with_another_hash_is_not_taken(self, shell, tmp_path, index):
        index[0].sha256 = "0" * 64
        answer = ask(script(mirrors={"pypi": index[1]}), shell, tmp_path)
        assert answer.values == {"need_uv": "the index sent a uv whose SHA-256 differs"}
        assert not (tmp_path / ".rayfab/.uv/0.9.0/uv").exists()

    def test_an_index_without_that_version(self, shell, tmp_path, index):
        answer = ask(script(mirrors={"pypi": index[1]}, uv_version="0.9.1"), shell, tmp_path)
        assert answer.values["need_uv"].startswith("the index has no uv 0.9.1 for ")

    def test_an_index_that_refuses_means_that_uv_is_needed(self, shell, tmp_path):
        answer = ask(script(mirrors={"pypi": "http://127.0.0.1:9/simple"}), shell, tmp_path)
        assert answer.ok and "refused" in answer.values["need_uv"]

    def test_carried_there_but_it_does_not_run(self, shell, tmp_path):
        stand_in(tmp_path / ".rayfab/.uv/0.9.0", "uv", "exit 1")
        answer = ask(script(carried=True), shell, tmp_path)
        assert answer.error == "uv 0.9.0 was copied here, but does not run"
        assert answer.hint == f"can programs run from {tmp_path}/.rayfab? (mount option noexec)"
