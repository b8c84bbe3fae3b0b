#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib envs envs_made uv
# values: ENV_ID INDEX LOCK PYTHON PYTHON_MIRROR PYTHON_VERSION UV_CARRIED UV_VERSION
# Installs uv, a Python environment and the locked packages; a complete environment is left unchanged.
rf_env=$NODE/envs/$ENV_ID
uv_from_index() {
    # uv's wheel contains one static binary; the host's Python downloads and unpacks it.
    "$PYTHON" - "$INDEX" "$UV_VERSION" "$ROOT/.uv/$UV_VERSION" <<'PY'
import hashlib, io, json, os, platform, re, ssl, sys, urllib.parse, urllib.request, zipfile
index, version, target = sys.argv[1:]
index = (index or os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("PIP_INDEX_URL") or "https://pypi.org/simple").rstrip("/") + "/uv/"
tags = {"x86_64": "manylinux_2_17_x86_64", "aarch64": "manylinux_2_17_aarch64", "arm64": "macosx_11_0_arm64"}
machine = platform.machine()
tag = "macosx_10_12_x86_64" if sys.platform == "darwin" and machine == "x86_64" else tags[machine]
page = urllib.request.urlopen(index, timeout=20).read().decode()
for link in re.findall(r'href="([^"]+)"', page):
    link = link.replace("&amp;", "&")
    url = urllib.parse.urljoin(index, link)
    name = urllib.parse.urlparse(url).path.rsplit("/", 1)[-1]
    if name.startswith("uv-%s-" % version) and tag in name and name.endswith(".whl"):
        break
else:
    sys.exit("the index has no uv %s for %s" % (version, tag))
data = urllib.request.urlopen(url.split("#")[0], timeout=60).read()
want = re.search("sha256=([0-9a-f]{64})", url)
if want and hashlib.sha256(data).hexdigest() != want.group(1):
    sys.exit("the index sent a uv whose SHA-256 differs")
wheel = zipfile.ZipFile(io.BytesIO(data))
member = [n for n in wheel.namelist() if n.endswith("/scripts/uv")][0]
os.makedirs(target, exist_ok=True)
part = os.path.join(target, "uv.part")
with open(part, "wb") as out:
    out.write(wheel.read(member))
os.chmod(part, 0o755)
os.replace(part, os.path.join(target, "uv"))
PY
}
find_uv() {
    if uv_here; then return 0; fi
    [ -z "$UV_CARRIED" ] || return 1
    step "fetching uv $UV_VERSION"
    uv_from_index 2>"$NODE/uv.log" && uv_works "$rf_uv"
}
(umask 077 && mkdir -p "$NODE/envs") || fail "cannot make $NODE/envs"
if env_whole "$rf_env"; then
    emit changed 0
    finish 0
fi
if ! find_uv; then
    [ -z "$UV_CARRIED" ] || fail "uv $UV_VERSION was copied here, but does not run" "can programs run from $ROOT? (mount option noexec)"
    emit need_uv "$(tail -n 1 "$NODE/uv.log" 2>/dev/null)"
    rm -f "$NODE/uv.log"
    finish 0
fi
rm -f "$NODE/uv.log"
uv_begin
env_begin "$rf_env"
if [ -z "$PYTHON" ]; then
    step "installing Python $PYTHON_VERSION"
    [ -z "$PYTHON_MIRROR" ] || { UV_PYTHON_INSTALL_MIRROR=$PYTHON_MIRROR && export UV_PYTHON_INSTALL_MIRROR; }
    "$rf_uv" python install --no-bin "$PYTHON_VERSION" 2>"$NODE/install.log" || {
        emit_text log <"$NODE/install.log"
        fail "cannot install Python $PYTHON_VERSION" "install it by hand, or set mirrors.python to a mirror of uv's Python downloads"
    }
    PYTHON=$("$rf_uv" python find --managed-python "$PYTHON_VERSION" 2>/dev/null)
fi
"$rf_uv" venv --quiet --no-project --python "$PYTHON" "$rf_env" 2>"$NODE/install.log" || {
    emit_text log <"$NODE/install.log"
    fail "cannot make an environment with $PYTHON"
}
step "installing packages"
write_file "$rf_env/requirements.lock" 600 "$LOCK"
"$rf_uv" pip install --quiet --no-deps --python "$rf_env/bin/python" -r "$rf_env/requirements.lock" 2>"$NODE/install.log" || {
    tail -n 25 "$NODE/install.log" | emit_text log
    case $(cat "$NODE/install.log") in
        *"No space left"*) fail "the disk is full" "free some space below $HOME" ;;
        *onnect* | *"dns error"* | *"timed out"* | *esolve*) fail "cannot fetch packages" "is the package index reachable from this host? mirrors.pypi names another one" ;;
        *) fail "cannot install the packages" ;;
    esac
}
[ -x "$rf_env/bin/ray" ] || fail "the packages do not include ray" "add ray to uv.packages"
env_done
rm -f "$NODE/install.log"
emit changed 1
