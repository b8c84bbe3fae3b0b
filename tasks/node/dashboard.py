"""Where Ray's dashboard answers on its own host."""

from __future__ import annotations


def answers_at(listens: str) -> tuple[str, ...]:
    """The addresses to try on the head itself, the likeliest first.

    :param listens: ``ray.dashboard_host``.
    """
    if listens == "0.0.0.0":
        return ("127.0.0.1",)
    # Ray's server listens on IPv6 alone there, if the system does not map IPv4
    if listens == "::":
        return ("::1", "127.0.0.1")
    return ("127.0.0.1", "::1") if listens == "localhost" else (listens,)
