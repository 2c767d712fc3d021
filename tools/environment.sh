# Sourced by tools/run and tools/test: makes .venv and installs the project into it, once for each state of its needs.
# shellcheck shell=bash

say() { printf '%s\n' "$*" >&2; }
fail() { say "posestream: $*"; exit 1; }

# as_root PACKAGE...: installs Debian packages where this user may; returns 1 where not.
as_root() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    say "installing $*"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } >/dev/null
}

find_python() {
    for candidate in python3 python3.13 python3.12 python3.11 python3.14; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    fail "needs Python 3.11 or newer; on Debian and Ubuntu: apt-get install python3 python3-venv"
}

make_venv() {
    local python
    python=$(find_python) || exit 1
    "$python" -c 'import ensurepip' 2>/dev/null || as_root python3-venv ||
        fail "this Python cannot make virtual environments; on Debian and Ubuntu: sudo apt-get install python3-venv"
    say "making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv || fail "could not make .venv (see above)"
}

# install_project [EXTRA]: installs the project, and EXTRA, at the versions of tools/locked.txt, unless it is there.
install_project() {
    local extra=${1:-} wanted stamp
    wanted=$(cat pyproject.toml tools/locked.txt tools/environment.sh | cksum | tr ' ' -)
    stamp=.venv/posestream-${extra:-core}-$wanted
    [ -e "$stamp" ] && return
    [ -x .venv/bin/python ] && .venv/bin/python -c 'import pip' 2>/dev/null || make_venv
    say "installing posestream${extra:+ and what its $extra needs}: some minutes the first time"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint tools/locked.txt \
        --editable ".${extra:+[$extra]}" || fail "pip could not install the project (see above)"
    check_opencv
    touch "$stamp"
}

check_opencv() {
    local missing
    missing=$(.venv/bin/python -c 'import cv2' 2>&1) && return
    as_root libgl1 libglib2.0-0 && .venv/bin/python -c 'import cv2' 2>/dev/null && return
    fail "OpenCV cannot be loaded: ${missing##*$'\n'}
On Debian and Ubuntu: sudo apt-get install libgl1 libglib2.0-0"
}
