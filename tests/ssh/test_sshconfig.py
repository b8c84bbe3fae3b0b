"""What OpenSSH's configuration says, asked of ssh itself and read without it."""

import stat

import pytest

from tasks.ssh import ConfigProblem, Settings, Target, openssh_argv
from tasks.ssh.sshconfig import resolve, split_address


@pytest.fixture(params=["with ssh", "without"])
def settings(request, tmp_path, monkeypatch):
    """Settings of a user whose home directory is tmp_path, once with OpenSSH's client and once without."""
    (tmp_path / ".ssh").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    made = Settings(ssh_config=tmp_path / "config", home=tmp_path, agent="/agent")
    made.ssh_config.touch()
    if request.param == "without":
        made.ssh_client = None
    return made


def route(settings, config, **target):
    settings.ssh_config.write_text(config)
    return resolve(Target(**{"name": "a", "host": "farm", **target}), settings)


class TestAHost:
    def test_an_empty_file_gives_the_defaults(self, settings):
        got = route(settings, "", user="me")
        assert (got.hostname, got.port, got.user, got.proxy_jump) == ("farm", 22, "me", ())
        assert settings.home / ".ssh" / "id_ed25519" in got.identity_files
        assert got.methods == ("publickey", "password", "keyboard-interactive")
        assert got.agent == "/agent"

    def test_an_alias_gives_name_port_and_user(self, settings):
        got = route(settings, "Host farm\n  HostName 10.0.0.5\n  Port 2222\n  User alice\n")
        assert (got.hostname, got.port, got.user) == ("10.0.0.5", 2222, "alice")

    def test_the_target_wins(self, settings):
        got = route(
            settings, "Host farm\n  Port 2222\n  User alice\n ProxyJump b\n", user="bob", port=22, jump=("c",)
        )
        assert (got.port, got.user, got.proxy_jump) == (22, "bob", ("c",))

    def test_the_first_value_wins(self, settings):
        assert route(settings, "Host farm\n Port 1\nHost *\n Port 2\n").port == 1

    def test_globs_and_exceptions(self, settings):
        config = "Host *.lab !bad.lab\n  User lab\nHost *\n  User other\n"
        assert route(settings, config, host="a.lab").user == "lab"
        assert route(settings, config, host="bad.lab").user == "other"

    def test_host_name_with_a_token(self, settings):
        config = "Host *\n  HostName %h.lab\n"
        assert [route(settings, config, host=h).hostname for h in ("a", "b")] == ["a.lab", "b.lab"]

    def test_match_depends_on_the_user(self, settings):
        config = "Match host farm user alice\n  Port 2222\n"
        assert route(settings, config, user="alice").port == 2222
        assert route(settings, config, user="bob").port == 22

    def test_equals_signs_tabs_and_quotes(self, settings):
        got = route(settings, 'Host farm\n\tPort=2222\n\tUser = alice\n  IdentityFile "~/my keys/id"\n')
        assert (got.port, got.user) == (2222, "alice")
        assert settings.home / "my keys/id" in got.identity_files

    def test_methods_and_agent_are_read(self, settings):
        got = route(
            settings, "PreferredAuthentications password,publickey\nIdentitiesOnly yes\nIdentityAgent none\n"
        )
        assert (got.methods, got.identities_only, got.agent) == (("password", "publickey"), True, "")

    def test_known_hosts_settings_are_read(self, settings, tmp_path):
        got = route(
            settings,
            "UserKnownHostsFile ~/a ~/b\nGlobalKnownHostsFile none\nHostKeyAlias x\nHashKnownHosts yes",
        )
        assert [p.name for p in got.user_known_hosts] == ["a", "b"]
        assert (got.global_known_hosts, got.host_key_alias, got.hash_known_hosts) == ((), "x", True)

    def test_the_longer_connect_timeout(self, settings):
        assert route(settings, "ConnectTimeout 30").connect_timeout == 30
        settings.once.__self__._cells.clear()
        assert route(settings, "ConnectTimeout 3").connect_timeout == 10

    def test_a_proxy_command_with_its_tokens(self, settings):
        got = route(settings, "ProxyCommand nc -x proxy %h %p %r 100%%\n", user="me", port=2222)
        assert got.proxy_command == "nc -x proxy farm 2222 me 100%"

    def test_a_jump_beats_a_proxy_command_of_the_file(self, settings):
        assert route(settings, "ProxyCommand nc %h %p\n", jump=("b",)).proxy_command is None

    def test_a_jump_host_is_not_reached_through_itself(self, settings):
        assert route(settings, "Host *\n ProxyJump me@farm:2222\n").proxy_jump == ()


class TestInclude:
    def include(self, settings, text, config="Include {}/*.conf\nHost *\n User other\n", **target):
        directory = settings.home / "conf.d"
        directory.mkdir()
        (directory / "a.conf").write_text(text)
        return route(settings, config.replace("{}", str(directory)), **target)

    def test_hosts_of_the_included_file(self, settings):
        assert self.include(settings, "Host farm\n  User lab\n").user == "lab"

    def test_inside_a_host_that_matches(self, settings):
        got = self.include(
            settings, "Port 2222\n", "Host farm\n Include {}/a.conf\n User lab\nHost *\n User other\n"
        )
        assert (got.port, got.user) == (2222, "lab")

    def test_inside_a_host_that_does_not(self, settings):
        got = self.include(settings, "Port 2222\n", "Host barn\n Include {}/a.conf\nHost *\n User other\n")
        assert (got.port, got.user) == (22, "other")

    def test_an_include_that_matches_no_file_is_ignored(self, settings):
        assert route(settings, "Include /nowhere/*\nPort 2222\n").port == 2222


class TestMistakes:
    def test_a_word_that_ssh_does_not_know(self, tmp_path):
        settings = Settings(ssh_config=tmp_path / "config")
        with pytest.raises(
            ConfigProblem, match=r"^ssh cannot read its configuration for farm: .*line 1: Bad conf"
        ):
            route(settings, "Prot 22\n")

    def test_a_configuration_that_is_not_there(self, tmp_path):
        with pytest.raises(ConfigProblem, match="nowhere is not there"):
            resolve(Target("a", "farm"), Settings(ssh_config=tmp_path / "nowhere"))

    def test_an_include_that_includes_itself(self, settings):
        with pytest.raises(ConfigProblem, match="deeper than 16"):
            route(settings, f"Include {settings.ssh_config}\n")

    @pytest.mark.parametrize("address", ["", "me@", "host:port", "host:0", "host:70000", "[::1"])
    def test_an_address_that_is_none(self, settings, address):
        with pytest.raises(ConfigProblem, match="cannot read the address"):
            route(settings, "", host=address)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("host", ("host", None, None)),
        ("me@host:2222", ("host", "me", 2222)),
        ("10.0.0.5:22", ("10.0.0.5", None, 22)),
        ("2001:db8::1", ("2001:db8::1", None, None)),
        ("me@[2001:db8::1]:2222", ("2001:db8::1", "me", 2222)),
        ("[::1]", ("::1", None, None)),
        ("ssh://me@host:2222/", ("host", "me", 2222)),
        ("me@lab@host", ("host", "me@lab", None)),
    ],
)
def test_an_address_is_split_into_host_user_and_port(text, parts):
    assert split_address(text) == parts


class TestAskingSshSeldom:
    """`ssh -G` is run once for hosts that the file does not tell apart."""

    @pytest.fixture
    def settings(self, tmp_path):
        script = tmp_path / "ssh"
        script.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\nexec ssh "$@"\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        made = Settings(ssh_config=tmp_path / "config", ssh_client=str(script))
        made.calls = lambda: (tmp_path / "calls").read_text().count("\n")
        return made

    def resolve(self, settings, config):
        settings.ssh_config.write_text(config)
        routes = [resolve(Target("n", f"10.0.0.{n}"), settings) for n in range(10)]
        assert [r.hostname for r in routes] == [f"10.0.0.{n}" for n in range(10)]
        return routes

    def test_hosts_alike_need_one_call(self, settings):
        self.resolve(settings, "Host bastion\n  HostName 10.9.9.9\nHost 10.*\n  User lab\n")
        assert settings.calls() == 1

    def test_two_sorts_of_hosts_need_two_calls(self, settings):
        routes = self.resolve(settings, "Host 10.0.0.5\n  User five\nHost *\n  User lab\n")
        assert [r.user for r in routes] == ["lab"] * 5 + ["five"] + ["lab"] * 4
        assert settings.calls() == 2

    @pytest.mark.parametrize("config", ["Host 10.*\n HostName %h\n", "Match host 10.0.0.5\n Port 2222\n"])
    def test_each_host_is_asked_where_the_file_may_tell_them_apart(self, settings, config):
        routes = self.resolve(settings, config)
        assert settings.calls() == 10
        assert [r.port for r in routes].count(2222) == config.count("2222")


class TestTheCommandLine:
    def test_every_setting_becomes_an_argument_of_ssh(self, tmp_path):
        settings = Settings(
            ssh_client="/usr/bin/ssh", ssh_config=tmp_path / "c", known_hosts=tmp_path / "k h"
        )
        target = Target(
            "a", "10.0.0.5", user="me", port=2222, key="~/k", jump=("b:22", "c"), host_keys="strict"
        )
        assert " ".join(openssh_argv(target, settings)) == (
            f"/usr/bin/ssh -F {tmp_path}/c -p 2222 -l me -i ~/k -J b:22,c -o StrictHostKeyChecking=yes "
            f'-o UserKnownHostsFile="{tmp_path}/k h" -- 10.0.0.5'
        )

    def test_nothing_that_was_not_said(self):
        assert openssh_argv(Target("a", "[::1]:2222"), Settings(ssh_client="ssh")) == (
            ["ssh", "-p", "2222", "-o", "StrictHostKeyChecking=accept-new", "--", "::1"]
        )
