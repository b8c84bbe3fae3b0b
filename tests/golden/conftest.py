from tests.render.own_fragments import own_fragments  # noqa: F401
