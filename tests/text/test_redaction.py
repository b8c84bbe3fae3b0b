"""What is taken out of a text before it is written down, and what stays."""

from __future__ import annotations

import pytest

from tasks.text.redaction import Redactor, named_like_a_secret


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("proxy http://bob:hunter2@10.0.0.9:3128/x", "proxy http://bob:***@10.0.0.9:3128/x"),
        ("Authorization: Bearer abc.def-0123456789", "Authorization: Bearer ***"),
        ("RAY_AUTH_TOKEN=0123abcd next", "RAY_AUTH_TOKEN=*** next"),
        ('{"password": "two words", "user": "bob"}', '{"password": ***, "user": "bob"}'),
        ("registry_password: s3cret", "registry_password: ***"),
        ("fab x --token abcdef --host a", "fab x --token *** --host a"),
        ("key AKIAABCDEFGHIJKLMNOP used", "key *** used"),
        ("a -----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n-----END OPENSSH PRIVATE KEY----- z", "a *** z"),
    ],
)
def test_what_looks_like_a_secret(text, left):
    assert Redactor()(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "RAY_AUTH_MODE=token",
        "max_tokens=512 tokenizer=gpt2",
        "password: {env: LAB_PASSWORD}",
        "ssh://root@10.0.0.1:22",
        "[2026-11-27 21:19:21,695 I 1 1] (raylet) node_manager.cc:355: Raylet of id, 425b started",
    ],
)
def test_what_does_not(text):
    assert Redactor()(text) == text


def test_known_secrets_go_wherever_they_stand_the_longest_first():
    hide = Redactor(["hunter2", "hunter2-and-more", "abc"])
    assert hide("xhunter2-and-morex hunter2 abc") == "x***x *** abc"


def test_variables_whose_value_is_a_secret():
    assert [
        n for n in ("AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "OMP_NUM_THREADS") if named_like_a_secret(n)
    ] == [
        "AWS_SECRET_ACCESS_KEY",
        "HF_TOKEN",
    ]
