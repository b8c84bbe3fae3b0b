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
    def test_no_way_of_printing_shows_it(self):
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

    def test_equal_values_are_equal_keys(self):
        assert Secret(VALUE) == Secret(VALUE) != Secret("other")
        assert len({Secret(VALUE), Secret(VALUE)}) == 1 and Secret(VALUE) != VALUE

    def test_it_is_copied_but_never_pickled(self):
        assert copy.deepcopy([Secret(VALUE)])[0].reveal() == VALUE
        with pytest.raises(TypeError, match="in clear"):
            pickle.dumps(Secret(VALUE))


class TestSources:
    @staticmethod
    def never(question):
        raise AssertionError(question)

    def test_plain(self):
        assert SecretSource("plain", Secret(VALUE)).resolve(self.never).reveal() == VALUE

    def test_environment(self, monkeypatch):
        monkeypatch.setenv("LAB", VALUE)
        assert SecretSource("env", "LAB").resolve(self.never).reveal() == VALUE

    def test_command(self):
        assert SecretSource("command", f"echo '{VALUE}'").resolve(self.never).reveal() == VALUE

    def test_prompt_says_what_for(self):
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
            (SecretSource("prompt", "ssh.password"), "no password was entered"),
        ],
    )
    def test_what_cannot_be_had_is_said(self, source, message):
        with pytest.raises(SecretUnavailable) as caught:
            source.resolve(lambda _: "")
        assert str(caught.value) == message
