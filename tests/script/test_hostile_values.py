"""No value ever runs as code: scripts are run for real and must hand every value through unchanged."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.inventory import Secret
from tasks.node import heal, operations
from tasks.node import ray as ray_words
from tasks.node.desired import fingerprint
from tasks.node.start import token_script
from tasks.node.supervisors import environment as service
from tasks.node.supervisors import systemd
from tasks.runtimes.conda import scripts as conda
from tasks.runtimes.docker.image import scripts as images
from tasks.runtimes.facts import facts_script
from tasks.runtimes.packages.fetch import fetch_script
from tasks.runtimes.uv.scripts import uv_script
from tasks.script import script
from tests.runtimes.conda import condas
from tests.runtimes.packages.kits import kit_of
from tests.script import samples
from tests.script.own_fragments import added
from tests.script.samples import WORST
from tests.script.shells import MARK, SHELLS, argv, ask, environment, stand_in

SIGNS = " \t\n'\"`$(){}[]<>;&|\\!*?~#%=-_+.,:/@^aZ0é中🙂"
values = st.one_of(st.sampled_from(WORST), st.text(alphabet=SIGNS, max_size=25))
many = st.lists(values, min_size=12, max_size=24)
# a home folder comes out of /etc/passwd, which cannot hold ':' or a line's end
homes = st.text(alphabet=SIGNS.replace("/", "").replace(":", "").replace("\n", ""), min_size=1, max_size=20)
environments = st.dictionaries(
    st.from_regex(r"[A-Z][A-Z0-9]{0,8}_x", fullmatch=True)
    | st.sampled_from(["NODE", "UNIT", "rf_node", "LANG"]),
    values,
    max_size=9,
)
few = settings(max_examples=40, deadline=None)


def nul(texts) -> bytes:
    return b"".join(text.encode() + b"\0" for text in texts)


BEGUN = f"{MARK} begin\n".encode()


def nothing_ran(*folders: Path) -> None:
    assert [path for folder in folders for path in folder.rglob("ran")] == []


@pytest.mark.parametrize("shell", SHELLS)
class TestScripts:
    @few
    @given(single=many, listed=many)
    @example(single=WORST, listed=WORST)
    def test_assignments_and_lists(self, shell, single, listed):
        assigned = {f"V{number}": value for number, value in enumerate(single)}
        lines = [f"# values: {' '.join(assigned)} ALL"]
        lines += [f"printf '%s\\0' \"${name}\"" for name in assigned]
        with added("sh/echo.sh", "\n".join([*lines, "with_all printf '%s\\0'"])):
            text = script.render("echo", "echo", {"CLUSTER": "lab", **assigned, "ALL": listed}).text
        with tempfile.TemporaryDirectory() as folder:
            answer = ask(text, shell, folder)
            nothing_ran(Path(folder))
        assert answer.raw == BEGUN + nul([*single, *listed]) + f"\n{MARK} end 0\n".encode()
        assert answer.ok and answer.stderr == ""

    @few
    @given(given=many)
    @example(given=WORST)
    def test_the_arguments_of_a_command_come_through(self, shell, given):
        made = operations.command_script("lab", ["printf", "%s\\0", *given])
        with tempfile.TemporaryDirectory() as folder:
            answer = ask(made, shell, folder)
            nothing_ran(Path(folder))
        assert answer.raw == BEGUN + nul(given) + f"\n{MARK} end 0\n".encode()

    @settings(few, max_examples=12)
    @given(secret=values, holder=values)
    def test_secrets_and_the_lock_holder(self, shell, secret, holder):
        """A secret stands in front of the script; the holder of a lock travels through a link's target."""
        holder = holder.replace("\n", " ").strip()
        with tempfile.TemporaryDirectory() as folder:
            token = secret.replace("\n", "").strip()
            answer = ask(token_script("lab"), shell, folder, secrets={"RF_TOKEN": token})
            if token:
                assert answer.values["token"] == token
            else:
                assert answer.error == "there is no token on the head"
            assert ask(operations.lock_script("lab", holder), shell, folder).values == {"locked": "1"}
            assert ask(operations.lock_script("lab", "other"), shell, folder).values == {"held": holder}
            ask(operations.unlock_script("lab", holder), shell, folder)
            assert ask(operations.lock_script("lab", "other"), shell, folder).values == {"locked": "1"}
            nothing_ran(Path(folder))


@pytest.mark.parametrize("shell", SHELLS)
@settings(few, max_examples=5)
@given(single=many, home=homes)
@example(single=WORST, home=" '$(touch ran)`touch ran`\\\"%*中")
def test_an_environment_of_conda(shell, single, home):
    """Whatever stands in the hosts file, in a lock or in the name of a home: conda gets one word, or none."""
    one = [value.replace("\0", "") for value in single]
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        home_dir = top / f"home{home}"
        home_dir.mkdir()
        found = condas.make(top / "opt")
        items = condas.put(home_dir / ".rayfab/.store", "conda", "wheel")
        (home_dir / "conda.fails").write_text("it goes no further")
        base = condas.HOST
        of = base.model_copy(
            update={
                "conda": base.conda.model_copy(update={"prefix": f"/{one[0]}"}),
                "mirrors": base.mirrors.model_copy(update={"pypi": one[1]}),
            }
        )
        kit = kit_of(items, one[2])
        kit = replace(kit, lock=replace(kit.lock, ray=one[3]))
        of = of.model_copy(update={"mirrors": of.mirrors.model_copy(update={"proxy": one[5]})})
        known = {"env_id": "e", "kit": kit, "items": kit.items, "uv_version": one[4]}
        answer = ask(conda.conda_script(of, "lab", **known, conda=found), shell, home_dir)
        assert answer.error == "conda cannot make the environment: it goes no further"
        argv = (home_dir / "conda.argv").read_text().splitlines()
        assert argv[4:7] == ["-p", f"{home_dir}/.rayfab/lab/envs/e", "--file"]
        channel = argv[argv.index("-c") + 1]
        assert unquote(channel) == f"file://{home_dir}/.rayfab/.store"
        assert not set(channel) & set(' "#$?[]\\`{}')
        # looked for below the home, and not found
        answer = ask(facts_script(of, "lab"), shell, home_dir)
        assert answer.ok and answer.values["conda_prefix"] in ("absent", "foreign")
        nothing_ran(top)

        url = f"http://127.0.0.1:9/{quote(one[7])}"
        asked = [condas.item("wheel", "f.whl", b"x", url)]
        answer = ask(fetch_script("lab", asked, proxy=one[5], no_proxy=one[6]), shell, home_dir)
        assert answer.ok and answer.all["missing"] == ["f.whl"]
        nothing_ran(top)


DUMP = 'printf "%s\\0" "$@" >"$DUMP/argv"; env -0 >"$DUMP/environ"'


@pytest.mark.parametrize("shell", SHELLS)
@settings(few, max_examples=25)
@given(home=homes, name=values, args=many, labels=many, env=environments)
@example(
    home=" '$(touch ran)`touch ran`\\\"%*中",
    name="-n $(touch ran)",
    args=WORST,
    labels=WORST,
    env={f"V{number}": value for number, value in enumerate(WORST)},
)
def test_the_start_script_hands_every_value_through(shell, home, name, args, labels, env):
    """What Ray gets when start.sh becomes it: every word, every variable, whatever the home is called."""
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        home_dir = top / f"home{home}"
        node = home_dir / ".rayfab/lab"
        env_dir = node / "envs/e"
        stand_in(env_dir / "bin", "ray", DUMP)
        (env_dir / "bin/python").symlink_to(sys.executable)
        ray = samples.host().ray.model_copy(update={"worker_args": tuple(args), "env": env})
        host = samples.host(name=name, labels={f"k{n}": v for n, v in enumerate(labels)}, ray=ray)
        start = ray_words.start_arguments(host, "2.52.0", "10.0.0.2", "10.0.0.1:6379")
        variables = ray_words.environment(host, "2.52.0")
        (node / "env.sh").write_text(
            service.env_sh(
                samples.start(home=str(home_dir), env_dir=str(env_dir), variables=variables, token=True)
            ),
            "utf-8",
        )
        (node / "watch.py").write_text(heal.program(), "utf-8")
        words = heal.watch_words(host, str(node / "life.json"), "10.0.0.2", "10.0.0.1:6379", start)
        (node / "start.sh").write_text(service.start_sh(str(node), "lab", words), "utf-8")
        program, (called, _) = argv(shell)
        done = subprocess.run(
            [called, str(node / "start.sh")],
            executable=program,
            env=environment("/nonexistent", DUMP=folder),
            cwd=folder,
            capture_output=True,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert (top / "argv").read_bytes() == nul([*start[1:], "--block"])
        got = dict(line.split(b"=", 1) for line in (top / "environ").read_bytes().split(b"\0") if line)
        for key, value in {
            **variables,
            "RAY_AUTH_TOKEN_PATH": f"{node}/token",
            "HOME": str(home_dir),
        }.items():
            assert got[key.encode()] == value.encode()
        nothing_ran(top)

        (node / "service").write_text("loop")
        made = operations.command_script("lab", ["ray", *args])
        assert ask(made, shell, home_dir, DUMP=folder, cwd=folder).ok
        assert (top / "argv").read_bytes() == nul(args)
        nothing_ran(top)


def exec_start(line: str) -> list[str]:
    """The words of ExecStart= by the rules of systemd.service(5) and systemd.syntax(7)."""
    assert "\n" not in line and "\r" not in line
    out, word, quoted, at = [], None, "", 0
    while at < len(line):
        sign = line[at]
        if quoted and sign == quoted:
            quoted = ""
        elif not quoted and sign in "\"'" and word is None:
            quoted, word = sign, ""
        elif sign == "\\":
            at += 1
            assert line[at] in "\\\"'", "only these escapes are plain characters"
            word = (word or "") + line[at]
        elif not quoted and sign.isspace():
            out, word = ([*out, word] if word is not None else out), None
        elif sign in "%$":
            at += 1
            assert line[at] == sign, "a single % or $ is replaced by something else"
            word = (word or "") + sign
        else:
            word = (word or "") + sign
        at += 1
    assert not quoted
    return out if word is None else [*out, word]


def test_the_rules_of_systemd():
    assert exec_start('/bin/sh "a b" \'c\' d$$e%%f "g\\"h\\\\"') == ["/bin/sh", "a b", "c", "d$e%f", 'g"h\\']


@given(home=homes)
def test_a_home_of_any_name_is_one_argument_in_the_unit(home):
    text = systemd.unit_text(f"/home/{home}/.rayfab/lab", "lab", "alice")
    lines = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    assert exec_start(lines["ExecStart"]) == ["/bin/sh", f"/home/{home}/.rayfab/lab/start.sh"]
    assert len(text.splitlines()) == len(systemd.unit_text("/root/.rayfab/lab", "lab", "alice").splitlines())


def test_no_secret_in_any_script():
    """Neither a password of the hosts file nor the cluster's token is a part of what is rendered."""
    password, token = "hunter2-plain-password", "feedface" * 8
    text = samples.UV.replace(
        "workers:", f"ssh: {{password: '{password}', sudo_password: '{password}sudo'}}\nworkers:"
    )
    made = []
    for of in (samples.subject("head", text=text), samples.subject(text=text, systemd=False)):
        host = of.host
        assert host.password.argument == Secret(password)
        wanted = samples.desired(of)
        state = wanted.state(fingerprint(token), "r")
        kit = kit_of([], "3.11.2")
        made += [
            facts_script(host, "lab", sudo_password=True),
            uv_script(host, "lab", env_id="e", kit=kit, items=[], uv_version="1", python_path=None),
            images.image_script(host, "lab", sudo=True),
            fetch_script("lab", [], base="http://10.0.0.1:20001"),
            conda.conda_script(host, "lab", env_id="e", kit=kit, items=[], uv_version="1"),
            samples.up_script(host, "lab", wanted, "/root", state, sudo=True, token=True),
            operations.stop_script("lab", sudo=True),
            operations.destroy_script(host, "lab", sudo=True),
            operations.logs_script(host, "lab", ["raylet.*"], 5, follow=False, sudo=True),
        ]
    assert fingerprint(token) in "".join(m.text for m in made)
    for one in made:
        assert password not in one.text and token not in one.text
