"""What pip and uv really printed, and what the user reads of it."""

from __future__ import annotations

import pytest

from tasks.environment.reasons import explain

PIP_NO_NAME = """\
WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken by \
'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f>: Failed to establish a new \
connection: [Errno -3] Temporary failure in name resolution')': /simple/fabric/
ERROR: Could not find a version that satisfies the requirement fabric==3.2.3 (from versions: none)
ERROR: No matching distribution found for fabric==3.2.3
"""
PIP_REFUSED = PIP_NO_NAME.replace(
    "[Errno -3] Temporary failure in name resolution", "[Errno 111] Connection refused"
)
PIP_CERTIFICATE = """\
Could not fetch URL https://pypi.org/simple/fabric/: There was a problem confirming the ssl certificate: \
HTTPSConnectionPool(host='pypi.org', port=443): Max retries exceeded with url: /simple/fabric/ (Caused by \
SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed'))) - skipping
ERROR: No matching distribution found for fabric==3.2.3
"""
PIP_PROXY = """\
WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by 'ProxyError('Cannot connect to proxy.', \
NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f>: Failed to establish a new \
connection: [Errno 111] Connection refused'))': /simple/fabric/
"""
PIP_TOO_NEW = """\
ERROR: Could not find a version that satisfies the requirement uv==0.13.9 (from versions: 0.1.0, 0.1.1)
ERROR: No matching distribution found for uv==0.13.9
"""
PIP_SILENT = """\
ERROR: Could not find a version that satisfies the requirement fabric==3.2.3 (from versions: none)
ERROR: No matching distribution found for fabric==3.2.3
"""
PIP_LOGIN = "ERROR: HTTP error 401 while getting https://index/simple/fabric/\n"
PIP_FULL = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n"
PIP_MANAGED = "error: externally-managed-environment\n\n× This environment is externally managed\n"
UV_NO_NAME = """\
error: Request failed after 3 retries
  Caused by: Failed to fetch: `https://pypi.org/simple/rich/`
  Caused by: error sending request for url (https://pypi.org/simple/rich/)
  Caused by: client error (Connect)
  Caused by: dns error
"""
UV_CERTIFICATE = "  Caused by: invalid peer certificate: UnknownIssuer\n"
UV_FULL = "error: Failed to install: uv-0.13.9.whl\n  Caused by: No space left on device (os error 28)\n"
OTHER = "Collecting x\nERROR: something new\n\n[notice] of no use\n"


@pytest.mark.parametrize(
    ("output", "what", "way_out"),
    [
        (PIP_NO_NAME, "the name of the package index does not resolve", "PIP_INDEX_URL=https://"),
        (UV_NO_NAME, "the name of the package index does not resolve", "PIP_INDEX_URL=https://"),
        (PIP_REFUSED, "the package index does not answer", "PIP_INDEX_URL=https://"),
        (PIP_CERTIFICATE, "the certificate of the package index is not trusted", "export PIP_CERT="),
        (UV_CERTIFICATE, "the certificate of the package index is not trusted", "export PIP_CERT="),
        (PIP_PROXY, "the proxy does not answer", "export HTTPS_PROXY="),
        (PIP_LOGIN, "the package index refuses access", "~/.netrc"),
        (
            PIP_TOO_NEW,
            "the package index has no uv==0.13.9 for this Python and system",
            "PIP_INDEX_URL=https://",
        ),
        (PIP_SILENT, "the package index does not answer, or has no fabric==3.2.3", "PIP_INDEX_URL=https://"),
        (PIP_FULL, "the disk is full", "free about 200 MB"),
        (UV_FULL, "the disk is full", "free about 200 MB"),
        (PIP_MANAGED, "this Python is managed by the system", "python3 -m venv"),
        (OTHER, "something new", "PIP_INDEX_URL=https://"),
        ("", "it printed no error", "PIP_INDEX_URL=https://"),
    ],
)
def test_a_reason_is_one_sentence_and_a_fix(output, what, way_out):
    said, hint = explain(output)
    assert said == what
    assert way_out in hint
