"""`runtime: conda`: one lock for each kind of system, files into the hosts' stores, and nothing before all is known."""

from __future__ import annotations

import pytest

from tasks.phases import operation
from tasks.phases.show_plan import show_scripts
from tasks.runtimes.conda import channels, installers
from tasks.runtimes.conda.steps.recipe import RECIPE
from tasks.runtimes.packages import Unavailable, pypi
from tasks.runtimes.packages.bundle import Bundle, write
from tasks.runtimes.packages.items import Item
from tasks.runtimes.packages.lock import Lock, join, parse_all
from tasks.runtimes.packages.steps import bundle as bundle_phase
from tasks.runtimes.packages.steps.along import Wanted
from tasks.runtimes.packages.web import Web
from tests.phases.world import item, refused

FILE = """
cluster: lab
runtime: conda
conda: {python: "3.7.16", accept_terms: true}
head: {host: 10.0.0.1, name: head}
workers:
  - {host: 10.0.0.2, name: one}
  - {host: 10.0.0.3, name: two}
"""
INSTALLER, UV = "Miniconda3-py313_25.11.1-1-Linux-x86_64.sh", "uv-1.0-py3-none-any.whl"
NONE = Wanted("1.0")  # neither this program nor images
LINUX, MAC = ("conda", "linux-64"), ("conda", "osx-arm64")


class Outside:
    """Channels, index and installers as they would answer. ``asked``: platforms that were resolved."""

    def __init__(self, folder):
        self.folder, self.asked = folder, []
        self.ray = "2.7.2"
        self.tools = []  # conda's own, as NAME-VERSION

    def solve(self, sources, platform, python, *, glibc, web, say):
        self.asked.append((platform, glibc))
        tools = [item("conda", f"{name}-py37_0.conda") for name in self.tools]
        return python, [item("conda", f"python-{python}-{platform}.conda"), *tools]

    def resolve(self, host, wanted, python, platform, glibc, section, prefer=None):
        self.wanted, self.prefer = list(wanted), prefer or {}
        return [{"name": "ray", "version": next((w[5:] for w in wanted if w.startswith("ray==")), self.ray)}]

    def items(self, host, found, platform):
        return [
            item("wheel", f"ray-{found[0]['version']}-{platform}.whl"),
            *(item("wheel", "emoji.whl") for w in self.wanted if w == "emoji"),
            item("sdist", "gpustat-1.1.1.tar.gz"),
            # pip fits in any version, setuptools does not
            *(
                item("wheel", f"pip-{self.prefer.get('pip', '24.0')}-py3-none-any.whl")
                for _ in self.tools[:1]
            ),
            *(item("wheel", "setuptools-69.0.0-py3-none-any.whl") for _ in self.tools[:1]),
        ]

    def build(self, host, sdist, web):
        path = self.folder / "gpustat-1.1.1-py3-none-any.whl"
        path.write_bytes(b"wheel")
        return path

    def get(self, one, on_bytes=None):
        path = self.folder / one.file
        path.write_bytes(one.file.encode())
        return path


@pytest.fixture
def outside(monkeypatch, tmp_path):
    made = Outside(tmp_path)
    monkeypatch.setenv("RAYFAB_CACHE", str(tmp_path / "download-cache"))
    monkeypatch.setattr(channels, "solve", made.solve)
    monkeypatch.setattr(channels, "ask_terms", lambda web, urls: [])
    monkeypatch.setattr(pypi, "resolve", made.resolve)
    monkeypatch.setattr(pypi, "items", made.items)
    monkeypatch.setattr(pypi, "build", made.build)
    monkeypatch.setattr(installers, "installer", lambda host, platform, web: item("installer", INSTALLER))
    monkeypatch.setattr(Web, "get", lambda self, one, on_bytes=None: made.get(one))
    return made


@pytest.fixture
def conda_fleet(fleet, outside):
    fleet.write(FILE)
    return fleet


class TestLocks:
    def test_one_for_all_hosts_of_a_system(self, conda_fleet, world, outside):
        assert conda_fleet.operate(operation.DEPLOY) == 0, conda_fleet.out
        assert outside.asked == [("linux-64", "2.36")]
        assert len({frozenset(h.envs) for h in world.hosts.values()}) == 1
        assert next(iter(world["one"].envs)).startswith("ray-2.7.2-py3.7.16-")

    def test_conda_s_own_tools_stay_where_they_fit(self, conda_fleet, outside):
        """Else conda finds its record of a package stale that uv has replaced."""
        outside.tools = ["pip-22.3.1", "setuptools-65.6.3"]
        conda_fleet.edit("accept_terms: true", "accept_terms: true, lock: ray.lock")
        assert conda_fleet.operate(operation.DEPLOY) == 0, conda_fleet.out
        assert {k: v for k, v in outside.prefer.items() if k != "uv"} == {
            "pip": "22.3.1",
            "setuptools": "65.6.3",
        }
        files = [
            i.file
            for i in parse_all((conda_fleet.path.parent / "ray.lock").read_text())["conda", "linux-64"].items
        ]
        assert "pip-22.3.1-py37_0.conda" in files
        # pip's wheel of the same version is not needed; setuptools in that version does not fit
        assert [f for f in files if f.startswith(("pip", "setuptools")) and f.endswith(".whl")] == [
            "setuptools-69.0.0-py3-none-any.whl"
        ]

    def test_is_made_for_the_oldest_glibc(self, conda_fleet, world, outside):
        world["two"].facts["libc"] = "glibc 2.28"
        assert conda_fleet.operate(operation.DEPLOY) == 0
        assert outside.asked == [("linux-64", "2.28")]

    def test_another_system_gets_another_with_the_same_ray(self, conda_fleet, world, outside):
        world["two"].facts["uname"] = "Linux 6.1.0 aarch64"
        outside.ray = "2.7.2"
        assert conda_fleet.operate(operation.DEPLOY) == 0, conda_fleet.out
        assert [platform for platform, _ in outside.asked] == ["linux-64", "linux-aarch64"]
        assert "ray==2.7.2" in outside.wanted
        assert world["two"].envs != world["one"].envs

    def test_an_old_ray_gets_what_it_does_not_ask_for(self, conda_fleet, outside):
        assert conda_fleet.operate(operation.DEPLOY) == 0
        assert "setuptools<81" in outside.wanted

    def test_is_kept_as_long_as_the_same_is_asked_for(self, conda_fleet, world, outside):
        assert conda_fleet.operate(operation.DEPLOY) == 0
        outside.ray = "2.9.9"
        assert conda_fleet.operate(operation.DEPLOY) == 0
        assert len(outside.asked) == 1
        assert not any("fetch packages" in h.titles for h in world.hosts.values())

    def test_upgrade_makes_a_new_one(self, conda_fleet, world, outside):
        assert conda_fleet.operate(operation.DEPLOY) == 0
        outside.ray = "2.7.3"
        assert conda_fleet.operate(operation.DEPLOY, upgrade=True) == 0, conda_fleet.out
        assert world["one"].state["ray"] == "2.7.3"

    def test_is_made_again_for_another_request(self, conda_fleet, outside):
        assert conda_fleet.operate(operation.DEPLOY) == 0
        conda_fleet.edit("accept_terms: true", "accept_terms: true, packages: ['ray[serve]']")
        assert conda_fleet.operate(operation.DEPLOY) == 0
        assert len(outside.asked) == 2

    def test_stands_in_the_user_s_file(self, conda_fleet, world, outside):
        conda_fleet.edit("accept_terms: true", "accept_terms: true, lock: ray.lock")
        assert conda_fleet.operate(operation.DEPLOY) == 0
        path = conda_fleet.path.parent / "ray.lock"
        assert parse_all(path.read_text())[LINUX].ray == "2.7.2"
        assert "keep it with the hosts file" in conda_fleet.out
        # another cluster's hosts, later
        for host in world.hosts.values():
            host.envs, host.state, host.active = set(), None, False
        outside.ray = "2.9.9"
        before = path.read_bytes()
        assert conda_fleet.operate(operation.DEPLOY) == 0
        assert world["one"].state["ray"] == "2.7.2"
        assert path.read_bytes() == before

    def test_a_file_made_for_something_else_ends_the_run(self, conda_fleet, world):
        conda_fleet.edit("accept_terms: true", "accept_terms: true, lock: ray.lock")
        (conda_fleet.path.parent / "ray.lock").write_text(
            join([Lock("linux-64", "3.7.16", "2.7.2", "other")])
        )
        assert conda_fleet.operate(operation.DEPLOY) == 2
        assert "was made for other packages" in conda_fleet.out
        assert not any("fetch packages" in h.titles for h in world.hosts.values())

    def test_a_file_that_is_no_lock_is_reported_with_its_line(self, conda_fleet, world):
        conda_fleet.edit("accept_terms: true", "accept_terms: true, lock: ray.lock")
        (conda_fleet.path.parent / "ray.lock").write_text("rayfab-lock 1\nwhat is this\n")
        assert conda_fleet.operate(operation.DEPLOY) == 2
        assert "ray.lock: line 2: not a valid line of a lock file" in conda_fleet.out
        assert world.connections == []


class TestTerms:
    def test_are_never_accepted_silently(self, conda_fleet, world):
        conda_fleet.edit("accept_terms: true", "accept_terms: false")
        assert conda_fleet.operate(operation.DEPLOY) == 2
        assert "the terms of Anaconda's channels are not accepted: defaults" in conda_fleet.out
        assert "accept_terms: true" in conda_fleet.out and "conda-forge" in conda_fleet.out
        assert world.connections == []

    def test_of_a_channel_that_publishes_some(self, conda_fleet, world, monkeypatch):
        conda_fleet.edit("accept_terms: true", "accept_terms: false, channels: [own]")
        monkeypatch.setattr(channels, "ask_terms", lambda web, urls: list(urls))
        assert conda_fleet.operate(operation.DEPLOY) == 2
        assert "https://conda.anaconda.org/own" in conda_fleet.out
        assert not any("fetch packages" in h.titles for h in world.hosts.values())

    def test_are_nobody_s_with_a_channel_of_the_community(self, conda_fleet):
        conda_fleet.edit("accept_terms: true", "accept_terms: false, channels: [conda-forge]")
        assert conda_fleet.operate(operation.DEPLOY) == 0


class TestFiles:
    def test_are_fetched_by_the_host_except_those_built_on_this_machine(self, conda_fleet, world):
        assert conda_fleet.operate(operation.DEPLOY) == 0
        assert world["one"].carried == ["gpustat-1.1.1-py3-none-any.whl"]
        kinds = {kind for kind, _ in world["one"].installed}
        assert kinds == {"conda", "wheel", "tool"}

    def test_the_installer_is_sent_to_hosts_without_conda(self, conda_fleet, world):
        world["two"].conda = ""
        assert conda_fleet.operate(operation.DEPLOY) == 0
        assert ["installer", INSTALLER] in world["two"].installed
        assert ["installer", INSTALLER] not in world["one"].installed

    def test_are_copied_to_a_host_without_internet(self, conda_fleet, world):
        world["one"].reaches_out = False
        assert conda_fleet.operate(operation.DEPLOY) == 0
        assert "ray-2.7.2-linux-64.whl" in world["one"].carried
        assert "ray-2.7.2-linux-64.whl" not in world["two"].carried

    def test_that_are_not_available_fail_that_host_alone(self, conda_fleet, world, outside, monkeypatch):
        world["one"].reaches_out = False

        def only_local_files(self, one, on_bytes=None):
            if one.url.startswith("file:"):
                return outside.get(one)
            raise Unavailable("https://mirror.example cannot be reached from here: refused", "mirrors")

        monkeypatch.setattr(Web, "get", only_local_files)
        assert conda_fleet.operate(operation.DEPLOY) == 1
        assert world["one"].envs == set() and world["two"].envs
        assert "cannot be downloaded there (could not resolve host), nor here" in conda_fleet.out


class TestProxy:
    def test_a_proxy_and_a_private_authority_are_used(self, conda_fleet, world):
        (conda_fleet.path.parent / "lab.pem").write_text("-----BEGIN CERTIFICATE-----")
        conda_fleet.write(FILE + "mirrors: {proxy: 'http://10.0.0.9:3128', ca: lab.pem}\n")
        scripts = []
        own = world["one"].answer

        def answer(script):
            scripts.append(script)
            return own(script)

        world["one"].answer = answer
        assert conda_fleet.operate(operation.DEPLOY) == 0, conda_fleet.out
        assert world["one"].carried[0] == ".ca.pem"
        fetching = next(s for s in scripts if s.startswith("# rayfab: install Ray with conda"))
        assert "\nPROXY=http://10.0.0.9:3128\n" in fetching
        assert "\nCA=1\n" in fetching


class TestChange:
    def test_that_fails_on_one_host_leaves_the_cluster_as_it_was(self, conda_fleet, world):
        assert conda_fleet.operate(operation.DEPLOY) == 0
        conda_fleet.edit("accept_terms: true", "accept_terms: true, packages: ['ray[default]', emoji]")
        world["one"].replies["install Ray with conda"] = refused("the disk is full")
        before = world["head"].state
        assert conda_fleet.operate(operation.DEPLOY, upgrade=True) == 1
        assert "not installed on one, so nothing was restarted" in conda_fleet.out
        assert world["head"].state == before
        assert not any(
            "start the head" in h.titles or "start the worker" in h.titles for h in world.hosts.values()
        )

    def test_that_fails_where_nothing_runs_continues_without_that_host(self, conda_fleet, world):
        world["one"].replies["install Ray with conda"] = refused("the disk is full")
        assert conda_fleet.operate(operation.DEPLOY) == 1
        assert world["two"].active and not world["one"].active


class TestSeed:
    @pytest.fixture
    def seeding(self, conda_fleet):
        conda_fleet.edit("accept_terms: true", "accept_terms: true, package_source: seed")
        return conda_fleet

    def test_one_host_fetches_and_the_others_take_it_from_there(self, seeding, world):
        world["one"].reaches_out = world["two"].reaches_out = False
        assert seeding.operate(operation.DEPLOY) == 0, seeding.out
        # but for the one that was built here
        assert world["one"].carried == world["two"].carried == ["gpustat-1.1.1-py3-none-any.whl"]
        assert world["one"].store >= {"ray-2.7.2-linux-64.whl", "gpustat-1.1.1-py3-none-any.whl"}
        assert world["head"].titles.count("end the serving") == 1

    def test_that_cannot_serve_lets_each_host_fetch_for_itself(self, seeding, world):
        world["head"].replies["serve the packages to the others"] = refused("no port")
        assert seeding.operate(operation.DEPLOY) == 0
        assert "head: no port; every host fetches for itself" in seeding.out
        assert world["one"].envs

    def test_that_fails_ends_the_run_before_anything_starts(self, seeding, world):
        world["head"].replies["install Ray with conda"] = refused("the disk is full")
        assert seeding.operate(operation.DEPLOY) == 1
        assert "the head could not be installed" in seeding.out
        assert not any(h.active for h in world.hosts.values())


class TestBundle:
    @pytest.fixture
    def bundle(self, conda_fleet, outside, tmp_path):
        conda_fleet.run = conda_fleet.make()
        request = RECIPE.request_of(conda_fleet.run.head().host)
        files = [
            item("conda", "python.conda"),
            item("wheel", "ray.whl"),
            item("sdist", "gpustat-1.1.1.tar.gz"),
        ]
        wheel = item("wheel", "gpustat-1.1.1-py3-none-any.whl")
        tools = {"conda": item("installer", INSTALLER), "uv": item("tool", UV)}
        every = [*files, wheel, *tools.values()]
        sizes = {one.file: len(one.file) for one in every}

        def sized(one):
            return Item(one.kind, one.file, one.sha256, sizes[one.file], one.url)

        path = tmp_path / "b.tar"
        write(
            path,
            [Lock("linux-64", "3.7.16", "2.7.2", request, tuple(map(sized, files)))],
            {"linux-64": {what: sized(one) for what, one in tools.items()}},
            {"gpustat-1.1.1.tar.gz": sized(wheel)},
            outside.get,
        )
        return str(path)

    def test_is_all_that_is_needed(self, conda_fleet, world, outside, bundle):
        for host in world.hosts.values():
            host.reaches_out, host.conda = False, ""
        assert conda_fleet.operate(operation.DEPLOY, bundle=bundle) == 0, conda_fleet.out
        assert outside.asked == []
        assert set(world["one"].carried) == {
            "python.conda",
            "ray.whl",
            "gpustat-1.1.1-py3-none-any.whl",
            INSTALLER,
            UV,
        }

    def test_is_used_even_if_the_host_could_fetch(self, conda_fleet, world, bundle):
        assert conda_fleet.operate(operation.DEPLOY, bundle=bundle) == 0
        assert "ray.whl" in world["one"].carried

    def test_that_lacks_a_system_ends_the_run(self, conda_fleet, world, bundle):
        world["two"].facts["uname"] = "Linux 6.1.0 aarch64"
        assert conda_fleet.operate(operation.DEPLOY, bundle=bundle) == 1
        assert (
            "the bundle holds nothing for linux-aarch64 with runtime: conda (it is for linux-64)"
            in conda_fleet.out
        )
        assert not any("install Ray with conda" in h.titles for h in world.hosts.values())

    def test_made_for_something_else(self, conda_fleet, world, bundle):
        conda_fleet.edit("accept_terms: true", "accept_terms: true, packages: ['ray[serve]']")
        assert conda_fleet.operate(operation.DEPLOY, bundle=bundle) == 1
        assert "the bundle was made for other packages" in conda_fleet.out

    def test_that_is_no_bundle_is_reported_before_any_connection(self, conda_fleet, world, tmp_path):
        (tmp_path / "x.tar").write_text("no tar")
        assert conda_fleet.operate(operation.DEPLOY, bundle=str(tmp_path / "x.tar")) == 2
        assert "is not a bundle" in conda_fleet.out
        assert world.connections == []


class TestCollect:
    def test_a_bundle_is_for_every_system_that_is_named(self, conda_fleet, world, outside, tmp_path):
        path = tmp_path / "both.tar"
        asked = (bundle_phase.check(NONE), bundle_phase.collect(path, ["linux-64", "osx-arm64"], NONE))
        assert conda_fleet.operate(asked) == 0, conda_fleet.out
        assert world.connections == []
        made = Bundle.open(path)
        assert set(made.locks) == {LINUX, MAC} and set(made.tools) == {"linux-64", "osx-arm64"}
        assert made.locks[MAC].ray == made.locks[LINUX].ray
        files = {one.file for one in made.items()}
        assert {
            "ray-2.7.2-linux-64.whl",
            "ray-2.7.2-osx-arm64.whl",
            "gpustat-1.1.1-py3-none-any.whl",
        } <= files
        for one in made.items():
            assert made.get(one).stat().st_size == one.size

    def test_without_names_it_is_for_the_systems_of_the_hosts(self, conda_fleet, world, tmp_path):
        world["two"].facts["uname"] = "Linux 6.1.0 aarch64"
        path = tmp_path / "hosts.tar"
        asked = (bundle_phase.check(NONE), *operation.FACTS, bundle_phase.collect(path, [], NONE))
        assert conda_fleet.operate(asked) == 0, conda_fleet.out
        assert set(Bundle.open(path).locks) == {LINUX, ("conda", "linux-aarch64")}

    def test_needs_a_host_with_packages(self, fleet, tmp_path):
        fleet.edit("cluster: lab", "cluster: lab\nruntime: docker")
        assert fleet.operate((bundle_phase.check(NONE),)) == 2
        assert "no host installs packages" in fleet.out


class TestMixed:
    def test_a_docker_head_of_the_same_ray_and_python_is_joined(self, conda_fleet, world, outside):
        conda_fleet.edit("name: head}", "name: head, runtime: docker}")
        world["head"].facts["docker"] = "28.0"
        world["head"].image = ("2.7.1", "3.7.16", "1000:1000")
        assert conda_fleet.operate(operation.DEPLOY) == 0, conda_fleet.out
        assert "ray==2.7.1" in outside.wanted
        assert world["one"].state["ray"] == world["head"].state["ray"] == "2.7.1"

    def test_a_uv_host_beside_it_runs_the_same_python(self, conda_fleet, world):
        conda_fleet.edit("name: two}", "name: two, runtime: uv}")
        world["two"].pythons = ["3.7.16", "3.11.2"]
        assert conda_fleet.operate(operation.DEPLOY) == 0, conda_fleet.out
        assert world["two"].state["python"] == "3.7.16"
        assert world.compiled == ["2.7.2"]

    def test_a_docker_head_of_another_python_ends_the_run(self, conda_fleet, world):
        conda_fleet.edit("name: head}", "name: head, runtime: docker}")
        world["head"].facts["docker"] = "28.0"
        assert conda_fleet.operate(operation.DEPLOY) == 1
        assert "Python 3.7.16" in conda_fleet.out and "3.11.2" in conda_fleet.out
        assert not any("fetch packages" in h.titles for h in world.hosts.values())


class TestPlan:
    def test_shows_every_script_and_changes_nothing(self, conda_fleet, world, outside):
        dry = {"dry_run": True}
        assert conda_fleet.operate(operation.PREPARE, show_scripts, **dry) == 0, conda_fleet.out
        for host in ("head", "one", "two"):
            assert f"### {host}: install Ray with conda" in conda_fleet.out
        assert outside.asked == [("linux-64", "2.36")]
        assert not any("fetch packages" in h.titles for h in world.hosts.values())
