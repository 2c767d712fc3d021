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

# install_project run|dev: installs the project and the files of tools/locked-run.txt or -dev.txt, unless they are there.
install_project() {
    local stamp
    stamp=.venv/posestream-$1-$(cat pyproject.toml tools/locked-*.txt tools/environment.sh | cksum | tr ' ' -)
    [ -e "$stamp" ] && return
    .venv/bin/python -c 'import pip' 2>/dev/null || make_venv
    say "installing posestream and what tools/locked-$1.txt lists: some minutes the first time"
    { install_locked "$1" && { [ "$1" = run ] || install_torch; } && pip_install --editable .; } ||
        fail "pip could not install the project (see above)"
    check_opencv
    touch "$stamp"
}

# install_locked NAME: exactly those files whose hashes are in tools/locked-NAME.txt.
install_locked() {
    local lock=tools/locked-$1.txt
    # setuptools first: it builds the project, and packages that come as source.
    pip_install --require-hashes --requirement <(sed -n '/^setuptools==/,/[^\\]$/p' "$lock") &&
        pip_install --require-hashes --requirement "$lock"
}

# install_torch: its build for CPUs where pip finds it, which spares gigabytes; else the one for CUDA, with its libraries.
install_torch() {
    pip_install --require-hashes --requirement tools/locked-cpu.txt 2>/dev/null || install_locked cuda
}

pip_install() {
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation "$@"
}

check_opencv() {
    local missing
    missing=$(.venv/bin/python -c 'import cv2' 2>&1) && return
    as_root libgl1 libglib2.0-0 && .venv/bin/python -c 'import cv2' 2>/dev/null && return
    fail "OpenCV cannot be loaded: ${missing##*$'\n'}
On Debian and Ubuntu: sudo apt-get install libgl1 libglib2.0-0"
}
