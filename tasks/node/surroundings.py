"""What Ray's processes see of indexes, proxies and certificates: what was needed to install is there for jobs too.

Three sources, the later ones first: ``ray.env``; ``mirrors``; the session that starts the node, see ``sh/session.sh``.
The last one matters where a host sets a proxy in ``/etc/environment``: a session sees it, a service does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tasks.inventory import Host

# some programs read one case, some the other
PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
# uv as it installed the node: with the system's certificates
UV = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}
# uv, OpenSSL and Python; requests and pip; pip; curl
AUTHORITIES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE")
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def of_mirrors(host: Host, authorities: str) -> dict[str, str]:
    """The environment variables that pass on the host's ``mirrors``, except those that ``ray.env`` sets.

    :param authorities: path of the file with the system's certificates and those of ``mirrors.ca``; '' for none.
    """
    mirrors, out = host.mirrors, {}
    if mirrors.pypi:
        out |= {"PIP_INDEX_URL": mirrors.pypi, "UV_DEFAULT_INDEX": mirrors.pypi}
        scheme, _, rest = mirrors.pypi.partition("://")
        # unlike uv, pip ignores an index without TLS that it is not told to trust
        out |= {"PIP_TRUSTED_HOST": rest.partition("/")[0]} if scheme == "http" else {}
    if mirrors.proxy:
        out |= dict.fromkeys(PROXIES, mirrors.proxy)
    if mirrors.ca and authorities:
        out |= dict.fromkeys(AUTHORITIES, authorities)
    own = {name.lower() for name in host.ray.env}
    return {name: value for name, value in out.items() if name.lower() not in own}


def settled(names: Iterable[str]) -> str:
    """The variables that must not come from the session, since the hosts file sets them: in both cases."""
    return " ".join(sorted({case for name in names for case in (name, name.swapcase())}))


def own_no_proxy(variables: Mapping[str, str]) -> str:
    """The names that need no proxy as the hosts file has them, which are extended and not replaced."""
    return ",".join(dict.fromkeys(filter(None, (variables.get("no_proxy"), variables.get("NO_PROXY")))))


def direct(addresses: Iterable[str]) -> str:
    """The value that extends ``NO_PROXY``: loopback and these nodes.

    Each address by itself: Python's urllib and gRPC know no networks there. With and without brackets for IPv6.
    """
    found = dict.fromkeys([*LOOPBACK, *addresses])
    return ",".join(text for one in found for text in ([one, f"[{one}]"] if ":" in one else [one]))
