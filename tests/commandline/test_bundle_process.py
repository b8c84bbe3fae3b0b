"""`fab bundle` as a process, and what it has made at a site where no index answers."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile

import pytest

from tests.environment.checkout import TOP, cut_off, run

HOSTS = "cluster: lab\nruntime: docker\ndocker: {image: 'rayproject/ray:2.60.0'}\nhead: {host: 192.0.2.1}\n"
FAB = [sys.executable, TOP / "tasks"]


def archive(path, tag="rayproject/ray:2.60.0"):
    """What `docker save` writes of an image that holds nothing."""
    config = json.dumps({"architecture": "amd64", "rootfs": {"diff_ids": []}}).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    entry = {"Config": name, "RepoTags": [tag] if tag else None, "Layers": []}
    with tarfile.open(path, "w") as tar:
        for file, data in {name: config, "manifest.json": json.dumps([entry]).encode()}.items():
            about = tarfile.TarInfo(file)
            about.size = len(data)
            tar.addfile(about, io.BytesIO(data))
    return path


def make(folder, *more, hosts=HOSTS):
    """A bundle for systems that are named, so that no host is asked; the file, and the process."""
    (folder / "lab.yml").write_text(hosts)
    file = folder / "lab.tar"
    where = ["--hosts-file", folder / "lab.yml", "--output", file, "--platform", "linux-64"]
    return file, run([*FAB, "bundle", *where, *more])


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    file, done = make(folder, "--image", archive(folder / "ray.tar"))
    assert done.returncode == 0, done.stdout + done.stderr
    return file, done.stdout


@pytest.fixture
def site(bundle, tmp_path):
    """The file where there is no Internet, and the environment there."""
    (tmp_path / "lab.tar").write_bytes(bundle[0].read_bytes())
    with cut_off(tmp_path / "home") as env:
        yield tmp_path, env


def check(file):
    return run([*FAB, "bundle", "--check", file])


class TestAtTheSite:
    def test_unpacked_it_runs_without_an_index(self, bundle, site):
        folder, env = site
        assert (
            "tar -xf lab.tar rayfab && cd rayfab\n  ./fab deploy-cluster --bundle ../lab.tar\n" in bundle[1]
        )
        subprocess.run(["tar", "-xf", "lab.tar", "rayfab"], cwd=folder, check=True)
        done = run(["./fab", "--list"], cwd=folder / "rayfab", env=env)
        assert done.returncode == 0, done.stderr
        assert "deploy-cluster" in done.stdout
        done = run(["./fab", "bundle", "--check", "../lab.tar"], cwd=folder / "rayfab", env=env)
        assert done.returncode == 0, done.stdout
        # the hosts file is the one that the bundle was made for
        assert (folder / "rayfab/hosts.yml").read_text() == HOSTS
        done = run(["./fab", "plan"], cwd=folder / "rayfab", env=env)
        assert "192.0.2.1" in done.stdout and done.returncode == 1

    def test_says_what_is_in_it_and_that_it_is_whole(self, bundle):
        done = check(bundle[0])
        assert done.returncode == 0, done.stdout
        assert "docker.io/rayproject/ray:2.60.0 for x86_64" in done.stdout
        assert "Python 3.10-3.14 on that machine" in done.stdout
        assert done.stdout.splitlines()[-1].startswith("✓ whole: ")

    def test_a_damaged_one_is_named_with_its_file(self, site):
        file = site[0] / "lab.tar"
        file.write_bytes(file.read_bytes().replace(b"192.0.2.1", b"192.0.2.2", 1))
        done = check(file)
        assert done.returncode == 1
        assert "✗ rayfab/hosts.yml is damaged: its SHA-256 differs\n" in done.stdout
        assert f"✗ {file} is not whole\n  → copy it again" in done.stdout

    def test_one_that_is_cut_off_is_not_whole(self, site):
        file = site[0] / "lab.tar"
        file.write_bytes(file.read_bytes()[:5_000_000])
        done = check(file)
        assert done.returncode == 1
        assert " is missing\n" in done.stdout and "  and " in done.stdout

    def test_what_is_none_is_a_mistake(self, tmp_path):
        (tmp_path / "x").write_text("x")
        for name, what in (("x", "is not a bundle"), ("y", "No such file")):
            done = check(tmp_path / name)
            assert done.returncode == 2
            assert what in done.stderr and "  → " in done.stderr


class TestRefused:
    """Before anything is asked or fetched."""

    @pytest.mark.parametrize(
        ("more", "what"),
        [
            (["--operator", "win-64"], "--operator: unknown platform win-64"),
            (["--image", "none.tar"], "none.tar: No such file or directory"),
            (["--image", __file__], "is not an image archive"),
            ([], "no host installs packages, and no image is named"),
        ],
    )
    def test_is_one_line_with_a_way_out(self, tmp_path, more, what):
        file, done = make(tmp_path, *more)
        assert done.returncode == 2
        assert what in done.stdout + done.stderr
        assert not file.exists()

    def test_an_archive_without_a_name(self, tmp_path):
        _, done = make(tmp_path, "--image", archive(tmp_path / "ray.tar", tag=""))
        assert done.returncode == 2
        assert "ray.tar names no image\n  → docker save -o FILE NAME:TAG" in done.stdout


def test_a_password_in_the_hosts_file_is_not_in_the_bundle(tmp_path):
    hosts = f"{HOSTS}ssh: {{password: hunter2-of-mine}}\n"
    file, done = make(tmp_path, "--image", archive(tmp_path / "ray.tar"), hosts=hosts)
    assert done.returncode == 0, done.stdout
    assert "the hosts file is not in the bundle: it has a secret in plain text (password)" in done.stdout
    assert b"hunter2-of-mine" not in file.read_bytes()
    assert "it holds no hosts file" in check(file).stdout
