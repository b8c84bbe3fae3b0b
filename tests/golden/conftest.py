from tests.script.own_fragments import own_fragments  # noqa: F401
