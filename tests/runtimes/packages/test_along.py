"""What goes along in a bundle: this program, its wheels, the user's hosts file and images; whole, and no secret."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from dataclasses import replace

import pytest

from tasks.environment.wheels import for_whom
from tasks.inventory.loader import parse
from tasks.runtimes.packages import Unavailable, operators, tool, whole
from tasks.runtimes.packages.along import Along
from tasks.runtimes.packages.bundle import Bundle, write
from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.lock import Lock
from tasks.runtimes.packages.operators import Set
from tasks.runtimes.packages.part import Part

# longer than a plain tar header has room for
LONG = f"small-1.0-py3-none-{'.'.join(f'manylinux_2_{n}_x86_64' for n in range(17, 23))}.whl"
IMAGE = ("docker.io/rayproject/ray:2.60.0", "x86_64")


def item(folder, kind, name, url="https://x.example/f"):
    content = (name * 500).encode()
    (folder / name).write_bytes(content)
    return Item(kind, name, hashlib.sha256(content).hexdigest(), len(content), url)


@pytest.fixture
def made(tmp_path):
    """A bundle with everything, and what it was made of."""
    folder = tmp_path / "files"
    folder.mkdir()
    uv, python = (
        item(folder, "tool", "uv.whl"),
        item(folder, "wheel", "ray.whl", "https://me:pass@x.example/ray.whl"),
    )
    own = item(folder, "wheel", LONG)
    (folder / "ray.tar").write_bytes(b"image" * 5000)
    (folder / "requirements.txt").write_text("small==1.0\n")
    along = Along(
        "1.2.3",
        {"fab": b"#!/bin/sh\n", "hosts.yml": b"head: a\n", "tasks/x.py": folder / "requirements.txt"},
        [Set("linux-64", "3.12", {"requirements.txt": [own, uv]})],
        [folder / "requirements.txt"],
        images={folder / "ray.tar": (hashlib.sha256(b"image" * 5000).hexdigest(), [IMAGE])},
    )
    lock = Lock("linux-64", "3.12.1", "2.60.0", "req", (python,), "uv")
    path = tmp_path / "lab.tar"
    told: list[int] = []
    write(path, [lock], {"linux-64": {"uv": uv}}, {}, lambda i: folder / i.file, told.append, along)
    return path, told


class TestWritten:
    @pytest.mark.parametrize("program", ["tar", "busybox tar", "bsdtar"])
    def test_every_tar_unpacks_the_folder(self, made, tmp_path, program):
        if not shutil.which(program.split()[0]):
            pytest.skip(f"there is no {program}")
        place = tmp_path / "site"
        place.mkdir()
        done = subprocess.run(
            [*program.split(), "-xf", str(made[0]), "rayfab"], cwd=place, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert [p.name for p in place.iterdir()] == ["rayfab"]
        assert sorted(p.name for p in (place / "rayfab/wheels").iterdir()) == sorted(
            [LONG, "uv.whl", "wheels.json"]
        )
        assert (place / "rayfab/wheels" / LONG).read_bytes() == (LONG * 500).encode()
        assert (place / "rayfab/fab").stat().st_mode & 0o777 == 0o755
        assert (place / "rayfab/tasks/x.py").read_text() == "small==1.0\n"

    def test_a_wheel_that_hosts_and_operators_need_is_there_once(self, made):
        with tarfile.open(made[0]) as tar:
            assert [n for n in tar.getnames() if n.endswith("uv.whl")] == ["rayfab/wheels/uv.whl"]
        bundle = Bundle.open(made[0])
        assert bundle.get(bundle.tools["linux-64"]["uv"]).read_bytes() == b"uv.whl" * 500

    def test_no_password_of_an_index_is_in_it(self, made):
        data = made[0].read_bytes()
        assert b"pass@" not in data
        assert Bundle.open(made[0]).locks["uv", "linux-64"].items[0].url == "https://x.example/ray.whl"

    def test_an_image_is_read_where_it_is(self, made):
        (image,) = Bundle.open(made[0]).images
        assert image.holds == {IMAGE} and image.file.name == "ray.tar"
        with image.file.open() as file:
            assert file.read() == b"image" * 5000
            file.seek(-3, io.SEEK_END)
            assert file.read(10) == b"age"

    def test_its_progress_is_in_bytes(self, made):
        assert made[1] == sorted(made[1])
        assert made[1][-1] > 25_000

    def test_a_file_that_has_changed_meanwhile_is_told(self, made, tmp_path):
        one = item(tmp_path / "files", "wheel", "ray.whl")
        (tmp_path / "files/ray.whl").write_bytes(b"x" * one.size)
        lock = Lock("linux-64", "3.12.1", "2.60.0", "req", (one,), "uv")
        before = made[0].read_bytes()
        with pytest.raises(Unavailable, match=r"ray\.whl has changed meanwhile"):
            write(made[0], [lock], {}, {}, lambda i: tmp_path / "files" / i.file)
        assert made[0].read_bytes() == before

    def test_interrupted_it_leaves_nothing(self, made, tmp_path):
        def interrupt(done):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write(tmp_path / "new.tar", [], {}, {}, lambda i: i, interrupt, Along("1", {"fab": b"x" * 9}))
        assert not [p.name for p in tmp_path.iterdir() if "new.tar" in p.name]


class TestChecked:
    def test_says_what_is_in_it_and_for_whom(self, made):
        found = whole.examine(made[0])
        assert found.wrong == []
        assert found.for_hosts() == [("uv", "linux-64", "Ray 2.60.0, Python 3.12.1, 1 file, 0 MB")]
        assert [one[:2] for one in found.images()] == [IMAGE]
        assert found.said["operators"] == {"linux-64": ["3.12"]} and found.hosts_file()

    @pytest.mark.parametrize(
        ("old", "new", "what"),
        [
            (b"uv.whl" * 500, b"uv.xhl" * 500, "rayfab/wheels/uv.whl is damaged"),
            (b"ray.whl" * 500, b"ray.xhl" * 500, "files/ray.whl is damaged"),
            (b"image" * 5000, b"imaje" * 5000, "images/ray.tar is damaged"),
            (b"head: a", b"head: b", "rayfab/hosts.yml is damaged"),
            (b"python 3.12.1", b"python 3.12.2", "manifest.json is damaged"),
        ],
    )
    def test_a_changed_byte(self, made, old, new, what):
        data = made[0].read_bytes()
        assert old in data
        made[0].write_bytes(data.replace(old, new))
        (line,) = whole.examine(made[0]).wrong
        assert line.startswith(what)

    @pytest.mark.parametrize("part", [0.99, 0.7, 0.5, 0.3])
    def test_one_that_is_cut_off(self, made, part):
        data = made[0].read_bytes()
        content = data.rstrip(b"\0")
        made[0].write_bytes(content[: int(len(content) * part)])
        wrong = whole.examine(made[0]).wrong
        assert "files/ray.whl is missing" in wrong, wrong

    def test_a_file_that_nobody_put_there(self, made, tmp_path):
        (tmp_path / "evil").write_text("x")
        with tarfile.open(made[0], "a:") as tar:
            tar.add(tmp_path / "evil", "rayfab/tasks/evil.py")
        assert whole.examine(made[0]).wrong == ["rayfab/tasks/evil.py is not in its list"]

    @pytest.mark.parametrize("data", [b"", b"text", None])
    def test_what_is_no_bundle(self, tmp_path, data):
        path = tmp_path / "x.tar"
        if data is None:
            with tarfile.open(path, "w") as tar:
                tar.add(__file__, "manifest.json")
        else:
            path.write_bytes(data)
        with pytest.raises(Unavailable, match="is not a bundle") as told:
            whole.examine(path)
        assert told.value.code == 2

    def test_what_is_not_there(self, tmp_path):
        with pytest.raises(Unavailable, match="No such file"):
            whole.examine(tmp_path / "x.tar")


class TestThisProgram:
    def test_has_what_a_checkout_needs_and_no_more(self):
        names = set(tool.own_files())
        assert {
            "fab",
            "fabfile.py",
            "requirements.txt",
            "requirements-conda.txt",
            "tasks/__main__.py",
        } <= names
        assert {"tasks/script/sh/lib.sh", "tasks/node/ps/reach.ps1", "tasks/completion/shells/bash"} <= names
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=tool.TOP, capture_output=True, text=True
        )
        assert names <= set(listed.stdout.splitlines())
        assert not [n for n in names if n.startswith(("tests/", "bench/", ".")) or n == "hosts.yml"]


def cluster(folder, text):
    path = folder / "lab.yml"
    path.write_text(text)
    return parse(text, path)


class TestHostsFile:
    @pytest.mark.parametrize(
        ("text", "secret"),
        [
            ("head: a\nssh: {password: hunter2}\n", "password"),
            ("head: {host: a, sudo_password: hunter2}\n", "sudo_password"),
            (
                "head: a\ndocker: {registry_user: me, registry_password: hunter2}\n",
                "docker.registry_password",
            ),
            (
                "head: a\n# mirrors: {pypi: 'https://me:hunter2@index.example/simple'}\n",
                "a URL with a password",
            ),
            ("head: a\nray: {env: {HF_TOKEN: hunter2}}\n", "ray.env.HF_TOKEN"),
            ("head: a\nray: {env: {AWS_SECRET_ACCESS_KEY: hunter2}}\n", "ray.env.AWS_SECRET_ACCESS_KEY"),
        ],
    )
    def test_one_with_a_secret_stays_here(self, tmp_path, text, secret):
        files, secrets, _ = tool.hosts_files(cluster(tmp_path, text))
        assert secrets == [secret]
        assert files == {}

    @pytest.mark.parametrize(
        "text",
        [
            "head: a\n",
            "head: a\nssh: {password: {prompt: true}, sudo_password: {env: PW}}\n",
            "head: a\nmirrors: {pypi: 'https://index.example:8443/simple'}\n",
            "head: a\nray: {env: {MONKEY: banana, TOKENIZERS_PARALLELISM: 'false', KEYBOARD: us}}\n",
        ],
    )
    def test_one_without_goes_along_as_the_one_that_is_read(self, tmp_path, text):
        files, secrets, stays = tool.hosts_files(cluster(tmp_path, text))
        assert (files, secrets, stays) == ({"hosts.yml": text.encode()}, [], [])

    def test_what_it_names_beside_itself_goes_along_but_no_key(self, tmp_path):
        for name in ("ca.pem", "lab.lock", "id_lab"):
            (tmp_path / name).write_text(name)
        elsewhere = tmp_path / "elsewhere.pem"
        text = (
            "ssh: {key: id_lab}\nconda: {lock: lab.lock}\nhead:\n  host: a\n  mirrors: {ca: ca.pem}\n"
            f"workers:\n- {{host: b, mirrors: {{ca: {elsewhere}}}}}\n"
        )
        files, _, stays = tool.hosts_files(cluster(tmp_path, text))
        assert {k: v for k, v in files.items() if k != "hosts.yml"} == {
            "ca.pem": tmp_path / "ca.pem",
            "lab.lock": tmp_path / "lab.lock",
        }
        assert stays == [f"key ({tmp_path / 'id_lab'})", f"mirrors.ca ({elsewhere})"]


class TestWheels:
    """Which wheels: each once, and one that serves several Pythons for all of them."""

    @pytest.fixture
    def host(self, tmp_path):
        return cluster(tmp_path, "head: a\n").head

    def answer(self, monkeypatch, have):
        """An index that has these wheels of `small`; have(python, platform) -> their names."""

        def resolve(host, wanted, python, platform, glibc, section=""):
            assert wanted[0] == "--only-binary :all:"
            names = have(python, platform)
            if not names:
                raise Unavailable(f"no set of packages fits Python {python}")
            wheels = [
                {"name": n, "url": f"https://x.example/{n}", "size": 7, "hashes": {"sha256": "0" * 64}}
                for n in names
            ]
            return [{"name": "small", "version": "1.0", "wheels": wheels}]

        monkeypatch.setattr(operators.pypi, "resolve", resolve)

    def requirements(self, tmp_path):
        (tmp_path / "requirements.txt").write_text("# why\nsmall==1.0\n")
        return [tmp_path / "requirements.txt"]

    def test_an_older_python_s_wheel_is_taken_again_where_it_fits(self, host, tmp_path, monkeypatch):
        def have(python, platform):
            newer = ["small-1.0-cp311-abi3-linux_x86_64.whl"] if python != "3.10" else []
            return [*newer, "small-1.0-cp39-abi3-linux_x86_64.whl"]

        self.answer(monkeypatch, have)
        sets = operators.choose(host, self.requirements(tmp_path), ["linux-64"])
        assert [one.python for one in sets] == ["3.10", "3.11", "3.12", "3.13", "3.14"]
        assert [i.file for i in operators.items(sets)] == ["small-1.0-cp39-abi3-linux_x86_64.whl"]

    def test_a_python_without_wheels_is_left_out(self, host, tmp_path, monkeypatch):
        self.answer(
            monkeypatch, lambda python, _: [f"small-1.0-cp{python}-cp-any.whl"] if python < "3.13" else []
        )
        requirements = self.requirements(tmp_path)
        sets = operators.choose(host, requirements, ["osx-arm64"])
        said = json.loads(operators.index(sets, requirements))
        assert for_whom(said["sets"]) == "osx-arm64 with Python 3.10-3.12"
        assert {(one["system"], one["machine"]) for one in said["sets"]} == {("Darwin", "arm64")}

    def test_a_host_s_build_of_python_serves_the_operator(self, host, tmp_path, monkeypatch):
        self.answer(monkeypatch, lambda python, _: ["small-1.0-py3-none-any.whl"] if python < "3.13" else [])
        requirements = self.requirements(tmp_path)
        sets = operators.choose(host, requirements, ["linux-64", "osx-arm64"])
        one = item(tmp_path, "python", "cpython-3.12.1-linux.tar.gz")
        lock = Lock("linux-64", "3.12.1", "2.60.0", "req", (one,), "uv")
        assert operators.pythons(sets, [lock]) == {"linux-64": one}
        # no wheels for that Python, or no operator on that platform
        assert operators.pythons(sets, [replace(lock, python="3.13.1")]) == {}
        assert operators.pythons(sets, [replace(lock, platform="osx-64")]) == {}
        names = {
            e.name: e.data
            for e in Along("1", {}, sets, requirements, {"linux-64": one}).entries(
                {i.file: tmp_path / i.file for i in [one, *operators.items(sets)]}
            )
        }
        assert names["rayfab/wheels/pythons"] == f"Linux x86_64 {one.sha256} {one.file}\n".encode()
        assert names[f"rayfab/wheels/{one.file}"] == tmp_path / one.file

    def test_a_platform_without_any_is_an_error(self, host, tmp_path, monkeypatch):
        self.answer(
            monkeypatch, lambda _, platform: ["small-1.0-py3-none-any.whl"] if platform == "linux-64" else []
        )
        with pytest.raises(Unavailable, match=r"no wheels of requirements\.txt for osx-64"):
            operators.choose(host, self.requirements(tmp_path), ["linux-64", "osx-64"])

    def test_an_index_that_does_not_answer_is_no_lack_of_wheels(self, host, tmp_path, monkeypatch):
        def resolve(*args, **more):
            raise Unavailable("the package index did not answer in time")

        monkeypatch.setattr(operators.pypi, "resolve", resolve)
        with pytest.raises(Unavailable, match="did not answer"):
            operators.choose(host, self.requirements(tmp_path), ["linux-64"])


def test_a_part_of_a_file_is_like_a_file(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"0123456789")
    part = Part(path, 3, 4, "inside")
    with part.open() as file:
        assert file.read(2) == b"34" and file.tell() == 2
        assert file.read() == b"56"
        assert file.read() == b""
        file.seek(1)
        assert file.read(1) == b"4"
    assert (part.name, str(part)) == ("inside", f"inside in {path}")
    with Part(path).open() as file:
        assert file.read() == b"0123456789"
