"""conda and its environment out of the store: with real wheels, uv and Python, and stand-ins for conda itself."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.node import operations
from tasks.runtimes.conda.scripts import conda_script
from tasks.runtimes.facts import facts_script, parse_facts
from tests.node.test_destroy import destroy
from tests.runtimes.conda import condas
from tests.runtimes.conda.condas import HOST, PYTHON, make, put, tree
from tests.runtimes.packages.kits import kit_of
from tests.runtimes.packages.server import serving
from tests.script.mac import Mac
from tests.script.nodes import Node
from tests.script.processes import alive, environ, until
from tests.script.shells import SHELLS, SYSTEM_PATH, ask, spawn, stand_in, tool

UV = condas.uv_version()


class Host:
    """A user's home with dotfiles, and the files of a deploy in its store."""

    def __init__(self, shell: str, home: Path) -> None:
        self.shell, self.home = shell, home
        home.mkdir(exist_ok=True)
        for name in (".bashrc", ".profile", ".condarc", ".zshrc"):
            (home / name).write_text(f"# the user's {name}\n")
        self.root = home / ".rayfab"
        self.store, self.env = self.root / ".store", self.root / "lab/envs/e"
        self.prefix = home / "conda"
        self.before = tree(home)
        self.items = put(self.store)
        uv = self.root / ".uv" / UV / "uv"
        uv.parent.mkdir(parents=True)
        uv.symlink_to(condas.find_uv_bin())

    def script(self, *, prefix: str = "~/conda", cluster: str = "lab", **more):
        kit = kit_of(more.pop("items", self.items), more.pop("python", PYTHON))
        # whatever the store lacks cannot be fetched
        items = [replace(item, url="-") for item in kit.items]
        known = {"env_id": "e", "kit": kit, "items": items, "uv_version": UV}
        found = HOST.model_copy(update={"conda": HOST.conda.model_copy(update={"prefix": prefix})})
        return conda_script(more.pop("host", found), cluster, **{**known, **more})

    def install(self, *, path: str = SYSTEM_PATH, **more):
        answer = ask(self.script(**more), self.shell, self.home, path=path)
        assert answer.values.pop("fetched", "0") == "0", "all is in the store"
        return answer

    def state(self) -> str:
        answer = ask(facts_script(HOST, "lab"), self.shell, self.home)
        return parse_facts(HOST, answer.all, answer.texts).own.prefix

    def flag(self, name: str, text: str = "") -> None:
        (self.home / name).write_text(text)

    def log(self, name: str) -> list[str]:
        path = self.home / name
        return path.read_text().splitlines() if path.exists() else []

    def ray(self) -> str:
        return subprocess.check_output([self.env / "bin/ray"], text=True).strip()

    def users(self) -> dict[str, str]:
        """What is not the stand-ins' own notes, and not ours by its place."""
        own = ("conda", ".rayfab", "conda.argv", "conda.env", "installer.log")
        return tree(self.home, *own, *(p.name for p in self.home.glob("conda.*")))


@pytest.fixture(params=SHELLS)
def host(request, tmp_path):
    return Host(request.param, tmp_path / "home")


class TestFromNothing:
    def test_conda_an_environment_and_its_packages(self, host):
        answer = host.install()
        assert answer.ok, (answer.error, answer.texts)
        assert answer.stderr == ""
        assert answer.values == {"changed": "1"}
        assert host.ray() == "2.7.2"
        assert (host.env / "requirements.lock").read_text() == kit_of(host.items, PYTHON).lock.text
        assert (host.root / ".conda").read_text() == f"{host.prefix}\n"
        assert host.log("installer.log") == [f"{host.root}/.cache/tmp"]
        assert {p.name for p in (host.root / "lab").iterdir()} == {"envs", "conda-base"}
        assert (
            not list(host.root.glob(".conda-installing"))
            and not (host.prefix / ".rayfab-installing").exists()
        )

        owners = dict(line.split("\t")[::-1] for line in (host.env / ".owners").read_text().splitlines())
        ray = next(str(p.relative_to(host.env)) for p in host.env.rglob("ray-2.7.2.dist-info/METADATA"))
        assert owners["bin/ray"] == owners[ray] == ray
        assert owners["bin/python"] == owners["pyvenv.cfg"] == owners["requirements.lock"] == "."
        assert not [name for name in owners if name.endswith(".pyc")]
        there = {str(p.relative_to(host.env)) for p in host.env.rglob("*") if p.is_symlink() or p.is_file()}
        assert {n for n in there if not n.endswith(".pyc")} == {*owners, ".owners", ".complete"}

    def test_the_users_own_files_stay_as_they_were(self, host):
        assert host.install().ok
        assert host.users() == host.before, "no start-up file, no list of environments"

    def test_conda_gets_the_expected_arguments_and_variables(self, host):
        assert host.install().ok
        store = f"file://{host.store}"
        assert host.log("conda.argv") == [
            *("create", "-y", "-q", "--offline", "-p", str(host.env)),
            *(
                "--file",
                f"{host.root}/lab/explicit.txt",
                "--override-channels",
                "-c",
                store,
                "--no-default-packages",
            ),
        ]
        said = dict(line.split("=", 1) for line in host.log("conda.env"))
        assert said["CONDA_PKGS_DIRS"] == f"{host.root}/.cache/conda/pkgs"
        assert said["CONDA_PLUGINS_AUTO_ACCEPT_TOS"] == "yes"
        assert said["CONDA_REGISTER_ENVS"] == "false" and said["PYTHONNOUSERSITE"] == "1"
        assert said["XDG_CACHE_HOME"].startswith(f"{host.root}/")
        assert (said["CONDA_ALLOWLIST_CHANNELS"], said["CONDA_SUBDIR"]) == (store, "linux-64")
        assert "CONDA_WHITELIST_CHANNELS" not in said, "conda fails if both are set"
        assert not list((host.root / ".cache/conda/pkgs").iterdir()), "the store has them"

    def test_terms_that_are_not_accepted(self, host):
        found = HOST.model_copy(update={"conda": HOST.conda.model_copy(update={"accept_terms": False})})
        assert host.install(host=found).ok
        assert "CONDA_PLUGINS_AUTO_ACCEPT_TOS=no" in host.log("conda.env")

    def test_a_second_run_changes_nothing(self, host):
        assert host.install().ok
        (host.home / "conda.argv").unlink()
        (host.store / host.items[0].file).unlink()
        before = tree(host.home)
        assert host.install().values == {"changed": "0"}, "for this no file of the store is needed"
        assert tree(host.home) == before

    def test_a_file_that_was_deleted(self, host):
        assert host.install().ok
        (host.env / "lib").joinpath(next(p for p in host.env.rglob("ray.py"))).unlink()
        answer = host.install()
        assert answer.values == {"changed": "1"}
        assert host.ray() == "2.7.2"
        assert len(host.log("installer.log")) == 1, "conda itself was there"

    def test_an_environment_that_was_interrupted(self, host):
        (host.env / "bin").mkdir(parents=True)
        (host.env / "rest").write_text("")
        assert host.install().values["changed"] == "1"
        assert not (host.env / "rest").exists()

    def test_facts_know_it(self, host):
        assert host.install().ok
        (host.root / "lab/state.json").write_text("{}")
        answer = ask(facts_script(HOST, "lab"), host.shell, host.home)
        facts = parse_facts(HOST, answer.all, answer.texts)
        assert facts.envs == {"e"} and facts.own.prefix == "ours"
        assert [c.path for c in facts.own.condas] == [f"{host.prefix}/bin/conda"]
        (host.env / "bin/ray").rename(host.env / "bin/other")
        answer = ask(facts_script(HOST, "lab"), host.shell, host.home)
        assert parse_facts(HOST, answer.all, answer.texts).envs == frozenset()

    def test_a_repair_beside_the_environment_from_which_ray_runs(self, host):
        assert host.install().ok
        lost = next(p for p in host.env.rglob("ray.py")).relative_to(host.env)
        with subprocess.Popen(
            ["sleep", "600"], env={"RAYFAB_NODE": f"{host.root}/lab/"}, cwd=host.env
        ) as running:
            try:
                for time in (1, 2):
                    (host.env / lost).unlink()
                    assert host.install().values == {"changed": "1"}
                    assert host.env.is_symlink() and (host.env / lost).exists(), f"repair {time}"
                    assert host.ray() == "2.7.2"
                    assert {p.name for p in host.env.parent.iterdir()} == {"e", host.env.resolve().name}
                assert host.install().values == {"changed": "0"}
                # what fails leaves the old one as it is
                (host.env / lost).unlink()
                host.flag("conda.fails", "PermissionError: no\n")
                assert host.install().error.endswith("PermissionError: no")
                assert (host.env / "bin/python").exists()
                (host.home / "conda.fails").unlink()
            finally:
                running.kill()
        assert host.install().values == {"changed": "1"}
        assert not host.env.is_symlink() and [p.name for p in host.env.parent.iterdir()] == ["e"]

    def test_a_home_with_odd_signs(self, host, tmp_path):
        """The conda that is used lies elsewhere: conda itself refuses such a prefix."""
        odd = Host(host.shell, tmp_path / 'it\'s 100% "home" $(touch ran) `touch ran` #1? 中文')
        found = make(tmp_path / "opt")
        answer = odd.install(conda=found)
        assert answer.ok, (answer.error, answer.texts)
        assert odd.ray() == "2.7.2"
        assert not list(tmp_path.rglob("ran"))


class TestMeanwhile:
    """Conda is installed, and the environment made, while packages are still being fetched."""

    @pytest.fixture
    def ask_with(self, host, tmp_path):
        """Installs from a server that calls a function before it sends Ray's wheel."""
        late = next(item for item in host.items if item.file.startswith("ray-"))
        (tmp_path / "served").mkdir()
        with serving(tmp_path / "served") as site:
            (host.store / late.file).rename(tmp_path / "served" / late.file)
            known = [replace(i, url=f"{site}/{i.file}" if i == late else "-") for i in host.items]

            def install(before):
                site.before = lambda _: before()
                kit = kit_of(host.items, PYTHON)
                script = conda_script(HOST, "lab", env_id="e", kit=kit, items=known, uv_version=UV)
                return ask(script, host.shell, host.home)

            yield install

    def test_the_environment_is_made(self, host, ask_with):
        answer = ask_with(lambda: until(lambda: (host.env / ".made").exists()))
        assert answer.ok and answer.values["changed"] == "1", (answer.error, answer.texts)
        assert host.ray() == "2.7.2" and host.log("installer.log") == [f"{host.root}/.cache/tmp"]
        assert not (host.env / ".made").exists()

    def test_what_fails_is_tried_again_and_reported(self, host, ask_with):
        host.flag("conda.fails", "CondaError: no such luck")
        answer = ask_with(lambda: until(lambda: host.log("conda.argv")))
        assert answer.error == "conda cannot make the environment: CondaError: no such luck"
        (host.home / "conda.fails").unlink()
        assert host.install().values == {"changed": "1"}
        assert len(host.log("installer.log")) == 1


@pytest.mark.parametrize("shell", SHELLS)
def test_conda_is_installed_on_a_mac(shell, tmp_path):
    mac = Mac(shell, tmp_path)
    for name in ("dirname", "cp", "shasum", "perl"):
        if not (mac.bin / name).exists():
            (mac.bin / name).symlink_to(tool(name))
    host = Host(shell, mac.home)
    answer = mac.ask(host.script())
    assert answer.ok and answer.stderr == "", (answer.error, answer.texts, answer.stderr)
    assert answer.values == {"fetched": "0", "changed": "1"}
    assert host.ray() == "2.7.2"
    assert mac.ask(host.script()).values == {"changed": "0"}
    (host.env / "bin/ray").rename(host.env / "bin/other")
    assert mac.ask(host.script()).values == {"fetched": "0", "changed": "1"}
    (host.root / "lab/service").write_text("none")
    assert mac.ask(operations.destroy_script(HOST, "lab", purge=True)).values == {"changed": "1"}
    # Docker is asked for a container of the cluster
    notes = ("conda.argv", "conda.env", "installer.log", "docker.log")
    assert tree(mac.home, *notes) == host.before


class TestCondaThatIsThere:
    def test_it_is_used_and_not_changed(self, host, tmp_path):
        found = make(tmp_path / "opt/conda")
        (host.home / ".conda").mkdir()
        (host.home / ".conda/environments.txt").write_text("/opt/conda/envs/mine\n")
        host.flag("conda.old")
        before, users = tree(tmp_path / "opt"), host.users()
        answer = host.install(conda=found, items=host.items[1:])
        assert answer.ok, answer.error
        assert answer.values == {"changed": "1"}
        assert tree(tmp_path / "opt") == before
        assert host.users() == users
        assert not host.prefix.exists() and not (host.root / ".conda").exists()

    def test_an_old_one_that_registers_what_it_makes(self, host, tmp_path):
        host.flag("conda.old")
        assert host.install(conda=make(tmp_path / "opt/conda")).ok
        assert not (host.home / ".conda/environments.txt").exists()

    def test_variables_of_its_user_do_not_count(self, host, tmp_path):
        told = {"CONDARC": "/x", "CONDA_CHANNELS": "nowhere", "CONDA_SOLVER": "none", "XDG_CONFIG_HOME": "/x"}
        answer = ask(host.script(conda=make(tmp_path / "opt")), host.shell, host.home, **told)
        assert answer.ok, answer.error
        assert not told.keys() & {line.partition("=")[0] for line in host.log("conda.env")}

    def test_one_that_is_too_old_counts_as_none(self, host, tmp_path):
        for version, counts in (("4.6.14", False), ("3.19.0", False), ("4.7.12", True), ("4.12.0", True)):
            found = make(tmp_path / version)
            program = tmp_path / version / "bin/conda"
            program.write_text(program.read_text().replace("conda 24.1.2", f"conda {version}"))
            answer = host.install(conda=found)
            assert answer.ok is counts
            if counts:
                assert "CONDA_WHITELIST_CHANNELS=" in "\n".join(host.log("conda.env")), "its name before 24"
            else:
                assert answer.error == f"{found.path} does not work"

    def test_somebody_elses_in_the_prefix(self, host):
        make(host.prefix)
        before = tree(host.prefix)
        assert host.state() == "found"
        assert host.install(items=host.items[1:]).values == {"changed": "1"}
        assert tree(host.prefix) == before
        assert not (host.root / ".conda").exists(), "a purge must not remove it"

    def test_micromamba_makes_the_environment(self, host, tmp_path):
        found = make(tmp_path / "opt", "micromamba")
        assert host.install(conda=found).ok
        assert host.log("conda.argv")[-3:] == ["--file", f"{host.root}/lab/explicit.txt", "--no-rc"]
        assert f"MAMBA_ROOT_PREFIX={host.root}/.cache/conda/mamba" in host.log("conda.env")
        assert host.ray() == "2.7.2"

    def test_it_does_not_work_any_more(self, host, tmp_path):
        found = make(tmp_path / "opt")
        (tmp_path / "opt/conda-meta/history").unlink()
        (tmp_path / "opt/conda-meta").rmdir()
        answer = host.install(conda=found)
        assert answer.error == f"{found.path} does not work"


class TestPrefix:
    @pytest.mark.parametrize("what", ["file", "folder", "dangling link", "conda that does not start"])
    def test_taken_by_something_else(self, host, what):
        if what == "file":
            host.prefix.write_text("precious")
        elif what == "dangling link":
            host.prefix.symlink_to("/nonexistent/x")
        else:
            make(host.prefix)
            (host.prefix / "conda-meta/history").unlink()
            (host.prefix / "conda-meta").rmdir()
            if what == "folder":
                (host.prefix / "bin/conda").rename(host.prefix / "precious")
        before = tree(host.home, ".rayfab")
        assert host.state() == "foreign"
        answer = host.install()
        assert answer.error == f"{host.prefix} exists but contains no working conda"
        assert answer.hint == "conda.prefix: another folder; or remove this one"
        assert tree(host.home, ".rayfab") == before

    def test_an_empty_folder_will_do(self, host):
        host.prefix.mkdir()
        assert host.state() == "absent"
        assert host.install().ok and host.state() == "ours"

    def test_a_blank_in_its_name(self, host):
        answer = host.install(prefix="~/mini conda")
        assert answer.error == (
            f"conda cannot be installed in a folder whose path has spaces: {host.home}/mini conda"
        )
        assert answer.hint == "conda.prefix: another folder"

    @pytest.mark.parametrize("sign", list("\"'`$;&|<>()*?[]{}!\\#"))
    def test_signs_that_an_installer_would_take_for_its_shells(self, host, sign):
        answer = host.install(prefix=f"~/x{sign}touch{sign}ran")
        assert answer.error == f"conda cannot be installed into {host.home}/x{sign}touch{sign}ran"
        assert {p.name for p in host.home.iterdir()} == {*host.before, ".rayfab"}

    def test_conda_is_installed_in_a_prefix_elsewhere(self, host, tmp_path):
        prefix = tmp_path / "opt/some-where/conda_1.0+x"
        answer = host.install(prefix=f"{prefix}/")
        assert answer.ok and (prefix / ".rayfab").exists()

    def test_a_missing_installer_is_reported(self, host):
        answer = host.install(items=host.items[1:])
        assert answer.error == "there is no conda on this host, and no installer"


class TestInstallerThatFails:
    @pytest.mark.parametrize(
        ("says", "error", "hint"),
        [
            (
                "Installer requires GLIBC >=2.28, but system has 2.17.",
                "this system is too old for it: Installer requires GLIBC >=2.28, but system has 2.17.",
                "conda.installer of this host: an older one, as a URL or a file",
            ),
            ("ERROR: Not enough free disk space. Only 3 MB", "the disk is full", "free some space below "),
            ("dd: error writing: No space left on device", "the disk is full", "free some space below "),
            (
                "something else",
                "the installer failed: something else",
                "the lines above are the installer's own",
            ),
        ],
    )
    def test_its_last_line_becomes_the_error_and_its_fix(self, host, says, error, hint):
        host.flag("installer.says", f"a line before\n{says}\n")
        answer = host.install()
        assert answer.error == error and answer.hint.startswith(hint)
        assert answer.texts["log"] == ["a line before", says]
        assert host.users() == {**host.before, "installer.says": host.users()["installer.says"]}
        assert not (host.root / ".conda").exists() and not (host.root / ".conda-installing").exists()
        (host.home / "installer.says").unlink()
        assert host.install().ok

    def test_it_dies_half_way(self, host):
        host.flag("installer.dies")
        answer = host.install()
        assert answer.error.startswith("the installer failed")
        assert not host.prefix.exists(), "what it had made is of no use"
        assert not (host.home / ".conda/environments.txt").exists()

    def test_a_noexec_file_system_is_reported(self, host):
        host.flag("installer.says", "cannot execute: Permission denied\n")
        # as if the file system did not let it
        stand_in(host.home / "bin", "chmod", 'case $2 in *.rayfab-run) ;; *) exec /bin/chmod "$@" ;; esac')
        answer = host.install(path=f"{host.home}/bin:{SYSTEM_PATH}")
        assert answer.error == f"programs cannot run from {host.root}"
        assert answer.hint == "its file system is mounted with noexec; mount it without, or runtime: docker"

    def test_noexec_where_conda_would_be_installed(self, host, tmp_path):
        host.flag("installer.says", "cannot execute: Permission denied\n")
        stand_in(
            host.home / "bin", "chmod", 'case $2 in */opt/.rayfab-run) ;; *) exec /bin/chmod "$@" ;; esac'
        )
        answer = host.install(prefix=f"{tmp_path}/opt/conda", path=f"{host.home}/bin:{SYSTEM_PATH}")
        assert answer.error == f"programs cannot run from {tmp_path}/opt"
        assert answer.hint == "its file system is mounted with noexec; conda.prefix: another folder"


@pytest.mark.skipif(
    os.getuid() != 0 or not Path("/proc/mounts").exists(), reason="mounts, which root may on Linux"
)
class TestRealFileSystems:
    """What a full disk and `noexec` really do to the programs, whatever these say of it."""

    @pytest.fixture
    def mounted(self, tmp_path):
        home = tmp_path / "home"
        home.mkdir()
        made = []

        def mount(options: str) -> Path:
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", home], check=True)
            made.append(home)
            return home

        yield mount
        for path in made:
            subprocess.run(["umount", path], check=True)

    @pytest.mark.parametrize("shell", SHELLS)
    def test_a_full_disk(self, shell, mounted, tmp_path):
        host = Host(shell, mounted("size=40m"))
        found = make(tmp_path / "opt")
        with contextlib.suppress(OSError), (host.home / "filler").open("wb", buffering=0) as filler:
            while filler.write(b"x" * 4096):
                pass
        answer = host.install(conda=found)
        assert answer.error.startswith(("cannot make ", "cannot write ")) and answer.hint.startswith(
            "free some space"
        )
        # a few files more, then no line can be written any more: the programs' own words are lost
        os.truncate(host.home / "filler", (host.home / "filler").stat().st_size - 40_000)
        answer = host.install(conda=found)
        assert answer.error == f"the disk is full: 0 MB are free in {host.root}"
        assert not host.env.exists()
        (host.home / "filler").unlink()
        assert host.install(conda=found).ok and host.ray() == "2.7.2"

    @pytest.mark.parametrize("shell", SHELLS)
    def test_a_noexec_file_system_is_recognised(self, shell, mounted):
        host = Host(shell, mounted("size=40m,noexec"))
        answer = host.install()
        assert answer.error == f"programs cannot run from {host.root}"
        assert not host.prefix.exists()


class TestInterrupted:
    def interrupt(self, host, flag: str, ready) -> list[int]:
        """A run that is gone in the middle; its programs live on."""
        host.flag(flag, "30")
        process = spawn(host.script(), host.shell, host.home)
        until(ready)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdout, process.stderr):
            pipe.close()
        mark = f"RAYFAB_INSTALL={host.root}/lab/".encode()
        left = [int(n) for n in os.listdir("/proc") if n.isdigit() and mark in environ(int(n))]
        assert left
        (host.home / flag).unlink()
        return left

    def test_while_conda_was_being_installed(self, host):
        left = self.interrupt(host, "installer.slow", (host.home / "installer.log").exists)
        assert host.state() == "broken"
        answer = host.install()
        assert answer.ok, (answer.error, answer.texts)
        assert answer.values == {"changed": "1"}
        assert not any(alive(pid) for pid in left)
        assert host.state() == "ours"

    def test_while_the_environment_was_being_made(self, host):
        left = self.interrupt(host, "conda.slow", (host.home / "conda.argv").exists)
        assert host.install().values == {"changed": "1"}
        assert not any(alive(pid) for pid in left)
        assert host.ray() == "2.7.2"

    def test_somebody_has_put_a_conda_of_his_own_there_since(self, host):
        """The mark in our folder is missing: nothing of theirs is removed."""
        self.interrupt(host, "installer.slow", (host.home / "installer.log").exists)
        subprocess.run(["rm", "-rf", host.prefix], check=True)
        make(host.prefix)
        before = tree(host.prefix)
        assert host.state() == "found"
        assert host.install().values == {"changed": "1"}
        assert tree(host.prefix) == before

    def test_another_cluster_is_waited_for(self, host):
        mark = f"RAYFAB_INSTALL={host.root}/other/"
        with subprocess.Popen(["env", mark, "sleep", "1.5"]) as other:
            answer = host.install()
            assert other.poll() == 0, "it was left alone"
        assert answer.ok
        assert b"step waiting for another cluster's installation on this host" in answer.raw

    def test_an_older_run_gives_way(self, host):
        """One whose connection is gone, and that does not know it, must not remove what its successor makes."""
        host.flag("conda.slow", "2")
        old = spawn(host.script(), host.shell, host.home)
        until((host.home / "conda.argv").exists)
        (host.home / "conda.slow").unlink()
        assert host.install().values == {"changed": "1"}
        out, _ = old.communicate(timeout=20)
        assert b"kv error another run has taken over" in out
        assert host.ray() == "2.7.2"


class TestOursThatIsBroken:
    def test_it_is_installed_again(self, host):
        assert host.install().ok
        subprocess.run(["rm", "-r", host.prefix / "conda-meta", host.env], check=True)
        assert host.state() == "broken"
        assert host.install().values == {"changed": "1"}
        assert (host.root / ".conda").read_text() == f"{host.prefix}\n"

    def test_not_with_environments_in_it(self, host):
        assert host.install().ok
        subprocess.run(["rm", "-r", host.prefix / "conda-meta", host.env], check=True)
        (host.prefix / "envs/mine").mkdir()
        answer = host.install()
        assert answer.error == f"the conda in {host.prefix} is broken and contains environments: mine"
        assert (host.prefix / "envs/mine").is_dir()


class TestEnvironment:
    @pytest.mark.parametrize(
        ("says", "error"),
        [
            ("[Errno 28] No space left on device", "the disk is full"),
            ("OSError: [Errno 122] Disk quota exceeded", "the disk is full"),
            ("something else", "conda cannot make the environment: something else"),
        ],
    )
    def test_a_failure_of_conda_is_reported_and_half_an_environment_removed(
        self, host, tmp_path, says, error
    ):
        host.flag("conda.fails", f"a line before\n\n{says}\n\n")
        answer = host.install(conda=make(tmp_path / "opt"))
        assert answer.error == error
        assert says in answer.texts["log"]
        assert not host.env.exists(), "half of it fills the disk only"

    def test_a_damaged_file_in_the_store(self, host):
        name = next(i.file for i in host.items if i.kind == "wheel")
        size = (host.store / name).stat().st_size
        (host.store / name).write_bytes(b"x" * size)
        answer = host.install()
        assert answer.error == "1 of the packages in the store were damaged"
        assert answer.hint == "they are removed; fab deploy-cluster downloads them again"
        assert not (host.store / name).exists() and not host.env.exists()

    def test_files_that_are_not_in_the_store(self, host):
        for one in host.items[1:]:
            (host.store / one.file).unlink()
        answer = host.install()
        assert answer.ok and "changed" not in answer.values
        assert set(answer.all["missing"]) == {one.file for one in host.items[1:]}
        assert not host.prefix.exists()

    def test_another_python_than_the_lock_says(self, host):
        answer = host.install(python="3.7.7")
        assert answer.error == f"the environment does not have Python 3.7.7: Python {PYTHON}"
        assert not host.env.exists()

    def test_packages_without_ray(self, host):
        items = put(host.store, "installer", "conda", wheel=condas.wheel("other", "1.0"))
        answer = host.install(items=items)
        assert (answer.error, answer.hint) == ("the packages do not include ray", "add ray to conda.packages")
        assert host.install().ok, "and the next time with it"

    def test_another_wheel_of_that_version_is_not_taken(self, host):
        """The store may hold wheels of other locks: it is the sum that counts."""
        tag = "py2.py3-none-any.whl"
        (host.store / f"ray-2.7.2-{tag}").write_bytes(condas.wheel("ray", "2.7.2")[1])
        (host.store / "ray-2.8.0-py3-none-any.whl").write_bytes(condas.wheel("ray", "2.8.0", "ray")[1])
        assert host.install().ok
        assert host.ray() == "2.7.2"

    def test_what_no_lock_names_any_more(self, host):
        old, fresh = host.store / "old-1-py3-none-any.whl", host.store / "fresh-1-py3-none-any.whl"
        others = host.store / "others-1-py3-none-any.whl"
        for path in (old, fresh, others, host.store / host.items[0].file):
            path.touch()
            os.utime(path, (1e9, 1e9))
        fresh.touch()
        theirs = host.root / "other/envs/x"
        theirs.mkdir(parents=True)
        (theirs / "requirements.lock").write_text(f"wheel {others.name} {'0' * 64} 1 -\n")
        assert host.install().ok
        assert {p.name for p in host.store.iterdir()} == {
            *(i.file for i in host.items),
            fresh.name,
            others.name,
        }


class TestUv:
    def test_out_of_the_store(self, host):
        uv = host.root / ".uv" / UV / "uv"
        uv.unlink()
        items = put(host.store, *condas.FILES, tool=condas.uv_wheel())
        assert host.install(items=items).ok
        assert stat.S_IMODE(uv.stat().st_mode) == 0o755
        assert host.ray() == "2.7.2"

    def test_the_environments_own_pip_where_uv_does_not_run(self, host):
        (host.root / ".uv" / UV / "uv").unlink()
        host.flag("conda.pip")
        (host.home / ".config/pip").mkdir(parents=True)
        (host.home / ".config/pip/pip.conf").write_text("[install]\nuser = true\n")
        answer = host.install()
        assert answer.ok, (answer.error, answer.texts)
        assert host.ray() == "2.7.2"

    def test_a_host_without_uv_and_pip_is_reported(self, host):
        (host.root / ".uv" / UV / "uv").unlink()
        answer = host.install()
        assert answer.error.startswith("neither uv nor pip can install the packages")

    def test_an_sdist_is_built_there(self, host):
        """Its own build needs setuptools from an index; here a backend in the tree itself does without."""
        items = [*host.items, *put(host.store, sdist=condas.sdist("small", "1.0"))[-1:]]
        answer = host.install(items=items)
        assert answer.ok, (answer.error, answer.texts)
        assert list(host.env.rglob("small-1.0.dist-info"))


class TestLink:
    """`conda activate ray` with any conda: a link in the user's own folder of environments."""

    @pytest.fixture
    def node(self, host):
        made = Node(host.shell, host.home)
        yield made
        made.end()

    @staticmethod
    def up(node, name="ray"):
        host = HOST.model_copy(update={"conda": HOST.conda.model_copy(update={"env": name})})
        answer, *_ = node.up(token=None, text=condas.samples.CONDA, conda=host.conda)
        assert answer.ok, answer.error
        return answer

    def test_made_and_removed_with_the_cluster(self, node, host):
        answer = self.up(node)
        assert "note" not in answer.values
        link = node.home / ".conda/envs/ray"
        assert os.readlink(link) == f"{node.folder}/env" and (link / "bin/ray").exists()
        assert "note" not in self.up(node).values
        assert ask(operations.destroy_script(HOST, "lab"), host.shell, node.home).ok
        assert not (node.home / ".conda").exists(), "it was not there before"

    def test_a_new_name_replaces_the_old_one(self, node):
        self.up(node)
        self.up(node, "other")
        assert [p.name for p in (node.home / ".conda/envs").iterdir()] == ["other"]

    def test_a_cluster_of_uv_takes_it_away(self, node):
        self.up(node)
        assert node.up(token=None)[0].ok
        assert not list((node.home / ".conda/envs").iterdir())

    @pytest.mark.parametrize("where", ["user", "base", "registered", "another link"])
    def test_a_name_that_is_taken(self, node, host, tmp_path, where):
        mine = {
            "user": node.home / ".conda/envs/ray",
            "base": tmp_path / "opt/envs/ray",
            "registered": tmp_path / "else/ray",
            "another link": node.home / ".conda/envs/ray",
        }[where]
        mine.parent.mkdir(parents=True)
        if where == "another link":
            mine.symlink_to(tmp_path)
        else:
            mine.mkdir()
        if where == "base":
            (node.folder / "conda-base").write_text(f"{tmp_path}/opt\n")
        if where == "registered":
            (node.home / ".conda").mkdir()
            (node.home / ".conda/environments.txt").write_text(f"/x/array\n{mine}\n/y\n")
        before = tree(node.home / ".conda") if (node.home / ".conda").exists() else None
        answer = self.up(node)
        assert answer.values["note"] == (
            f"there is another conda environment ray ({mine}); this one is: conda activate {node.folder}/env"
        )
        if before is not None:
            assert tree(node.home / ".conda") == before
        assert ask(operations.destroy_script(HOST, "lab"), host.shell, node.home).ok
        assert mine.exists()


class TestDestroy:
    def deploy(self, host, cluster="lab"):
        answer = host.install(cluster=cluster)
        assert answer.ok, answer.error
        (host.root / cluster / "service").write_text("none")

    def destroy(self, host, cluster="lab", *, purge=False):
        answer = ask(destroy(host.home / "tmp", cluster, purge=purge), host.shell, host.home)
        assert answer.ok, answer.error
        return answer

    def clean(self, host) -> dict[str, str]:
        notes = ("conda.argv", "conda.env", "installer.log")
        return tree(host.home, *notes)

    def test_conda_stays_and_is_still_known_to_be_ours(self, host):
        self.deploy(host)
        answer = self.destroy(host)
        assert answer.all == {"kept": [f"conda stays in {host.prefix}"], "changed": ["1"]}
        assert {p.name for p in host.root.iterdir()} == {".conda"}
        assert host.state() == "ours"
        answer = self.destroy(host)
        assert answer.all == {"kept": [f"conda stays in {host.prefix}"], "changed": ["0"]}
        answer = self.destroy(host, purge=True)
        assert answer.all == {"changed": ["1"]}
        assert self.clean(host) == host.before
        assert self.destroy(host, purge=True).all == {"changed": ["0"]}

    def test_everything_goes_and_the_home_is_as_it_was(self, host):
        self.deploy(host)
        assert self.destroy(host, purge=True).all == {"changed": ["1"]}
        assert self.clean(host) == host.before

    def test_packages_that_were_only_fetched(self, host):
        assert self.destroy(host).all == {"changed": ["1"]}
        assert self.clean(host) == host.before
        assert self.destroy(host).all == {"changed": ["0"]}

    def test_somebody_elses_conda_is_never_removed(self, host):
        make(host.prefix)
        before = tree(host.home, ".rayfab")
        self.deploy(host)
        assert self.destroy(host, purge=True).all == {"changed": ["1"]}
        assert self.clean(host) == before

    def test_ours_that_somebody_has_replaced(self, host):
        self.deploy(host)
        subprocess.run(["rm", "-r", host.prefix], check=True)
        make(host.prefix)
        before = tree(host.prefix)
        assert self.destroy(host, purge=True).all == {"changed": ["1"]}
        assert tree(host.prefix) == before

    def test_ours_that_is_a_link_now(self, host, tmp_path):
        self.deploy(host)
        host.prefix.rename(tmp_path / "moved")
        host.prefix.symlink_to(tmp_path / "moved")
        self.destroy(host, purge=True)
        assert (tmp_path / "moved/bin/conda").exists()

    def test_environments_of_the_users_in_it(self, host):
        self.deploy(host)
        (host.prefix / "envs/mine").mkdir()
        answer = self.destroy(host, purge=True)
        assert answer.values["kept"] == f"conda stays in {host.prefix} (it holds environments: mine)"
        assert (host.prefix / "envs/mine").is_dir()
        (host.prefix / "envs/mine").rmdir()
        assert self.destroy(host, purge=True).values == {"changed": "1"}
        assert self.clean(host) == host.before

    def test_not_while_another_cluster_uses_it(self, host):
        self.deploy(host)
        self.deploy(host, "other")
        answer = self.destroy(host, purge=True)
        assert answer.values["kept"] == f"conda stays in {host.prefix} (another cluster is on this host)"
        assert host.store.is_dir() and (host.root / "other/envs/e/bin/ray").exists()
        assert self.destroy(host, "other", purge=True).values == {"changed": "1"}
        assert self.clean(host) == host.before

    def test_environments_that_the_user_has_registered_stay(self, host):
        (host.home / ".conda").mkdir()
        (host.home / ".conda/environments.txt").write_text("/x/mine\n")
        before = self.clean(host)
        self.deploy(host)
        with (host.home / ".conda/environments.txt").open("a") as lines:
            lines.write(f"{host.env}\n{host.prefix}\n")
        self.destroy(host, purge=True)
        before = {k: v for k, v in before.items() if not k.startswith(".rayfab")}
        assert self.clean(host) == before
