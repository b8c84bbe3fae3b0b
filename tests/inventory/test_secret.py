import copy
import pickle
from pprint import pformat

import pytest
from pydantic import BaseModel
from rich.pretty import pretty_repr

from tasks.inventory import Secret, SecretSource, SecretUnavailable

VALUE = "pa55 w0rd"


class Holder(BaseModel):
    secret: Secret
    source: SecretSource


class TestSecret:
    def test_it_is_never_printed(self):
        secret = Secret(VALUE)
        holder = Holder(secret=secret, source=SecretSource("plain", secret))
        shown = [
            str(secret),
            repr(secret),
            f"{secret:>20}",
            f"{secret}",
            pretty_repr([secret]),
            pformat({1: secret}),
        ]
        shown += [
            str(holder),
            repr(holder),
            str(holder.model_dump()),
            holder.model_dump_json(),
            str(holder.source),
        ]
        assert not [text for text in shown if VALUE in text]
        assert holder.model_dump_json() == '{"secret":"***","source":"***"}'

    def test_equal_values_are_equal_and_have_the_same_hash(self):
        assert Secret(VALUE) == Secret(VALUE) != Secret("other")
        assert len({Secret(VALUE), Secret(VALUE)}) == 1 and Secret(VALUE) != VALUE

    def test_it_can_be_copied_but_not_pickled(self):
        assert copy.deepcopy([Secret(VALUE)])[0].reveal() == VALUE
        with pytest.raises(TypeError, match="in plain text"):
            pickle.dumps(Secret(VALUE))


class TestSources:
    @staticmethod
    def never(question):
        raise AssertionError(question)

    def test_plain_text_is_the_secret(self):
        assert SecretSource("plain", Secret(VALUE)).resolve(self.never).reveal() == VALUE

    def test_an_environment_variable_gives_the_secret(self, monkeypatch):
        monkeypatch.setenv("LAB", VALUE)
        assert SecretSource("env", "LAB").resolve(self.never).reveal() == VALUE

    def test_a_command_prints_the_secret(self):
        assert SecretSource("command", f"echo '{VALUE}'").resolve(self.never).reveal() == VALUE

    def test_prompt_names_the_key_of_the_hosts_file(self):
        asked = []
        source = SecretSource("prompt", "ssh.password")
        assert source.resolve(lambda question: asked.append(question) or VALUE).reveal() == VALUE
        assert asked == ["ssh.password: "]

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            (
                SecretSource("env", "NOT_SET_ANYWHERE"),
                "the environment variable NOT_SET_ANYWHERE is not set or empty",
            ),
            (SecretSource("command", "exit 3"), "`exit 3` ended with status 3"),
            (SecretSource("command", "true"), "`true` printed nothing"),
            (
                SecretSource("command", "printf 'a\\nb'"),
                "the password from command printf 'a\\nb' has more than one line",
            ),
            (
                SecretSource("command", "printf '\\377'"),
                "`printf '\\377'` could not be run, or printed no text",
            ),
            (SecretSource("prompt", "ssh.password"), "no password was typed"),
        ],
    )
    def test_a_secret_that_is_not_available_is_explained(self, source, message):
        with pytest.raises(SecretUnavailable) as caught:
            source.resolve(lambda _: "")
        assert str(caught.value) == message
