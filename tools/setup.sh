#!/bin/sh
# Makes .venv from the hashed locks: setup.sh [kubeflow] [dev]. What is already done is skipped.
# PYTHON=/path/to/python3.10 chooses the interpreter.
set -eu
cd "$(dirname "$0")/.."
mkdir -p build
log=build/setup.log

say() { printf '%s\n' "$*"; }
fail() {
    printf 'set-up: %s\n' "$*" >&2
    exit 2
}

is_310() { [ -n "$1" ] && [ "$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = 3.10 ]; }

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        is_310 "$PYTHON" || fail "PYTHON=$PYTHON is not a working Python 3.10; give the path of one, or unset PYTHON"
        command -v "$PYTHON"
        return
    fi
    # A pyenv shim is on PATH even where it leads nowhere, so each candidate is run, not only looked up.
    for name in python3.10 python3 python; do
        is_310 "$name" && command -v "$name" && return
    done
    for candidate in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.10*/bin/python; do
        is_310 "$candidate" && say "$candidate" && return
    done
    if uv --version >/dev/null 2>&1; then
        candidate=$(uv python find --no-python-downloads 3.10 2>/dev/null || true)
        is_310 "$candidate" && say "$candidate" && return
    fi
    fail "no Python 3.10 found on PATH, in pyenv or in uv. Install one (for example: 'uv python install 3.10', 'pyenv install 3.10', or your system's python3.10 with its venv package), or name it: make PYTHON=/path/to/python3.10 ..."
}

locks="requirements/base.lock"
for extra in "$@"; do
    [ -f "requirements/$extra.lock" ] || fail "unknown extra '$extra'; there is a lock for: $(cd requirements && ls ./*.lock | sed 's#^\./##; s#\.lock##' | tr '\n' ' ')"
    locks="$locks requirements/$extra.lock"
done

stamp_of() { cat "$1" setup.py tools/setup.sh | cksum | tr ' ' -; }
todo=""
for lock in $locks; do
    stamp=".venv/.installed-$(basename "$lock" .lock)"
    { [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null || true)" = "$(stamp_of "$lock")" ]; } || todo="$todo $lock"
done
# The checkout may have been moved: the scripts of .venv name their interpreter by absolute path.
if [ -x .venv/bin/python ] && [ "$(cat .venv/.place 2>/dev/null || true)" != "$PWD" ]; then
    rm -rf .venv
    todo=" $locks"
fi
if [ -z "$todo" ]; then
    exit 0
fi

start=$(date +%s)
: >"$log"
if ! [ -x .venv/bin/python ] || ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    python=$(find_python)
    say "set-up: Python 3.10 at $python"
    rm -rf .venv
    "$python" -m venv .venv >>"$log" 2>&1 || {
        rm -rf .venv
        fail "'$python -m venv' failed (see $log); on Debian and Ubuntu install the python3.10-venv package, or name another Python: make PYTHON=/path/to/python3.10 ..."
    }
fi

installer=".venv/bin/python -m pip install --disable-pip-version-check"
if uv --version >/dev/null 2>&1; then
    installer="uv pip install --python .venv/bin/python"
elif .venv/bin/python -m pip install --disable-pip-version-check -q --require-hashes -r requirements/uv.lock >>"$log" 2>&1; then
    installer=".venv/bin/uv pip install --python .venv/bin/python"
fi
install_lock() {
    # The locks are complete, so nothing is resolved; each file's hash is checked.
    say "set-up: installing $1 (about 3 GB on disk for the base; log: $log)"
    if [ -t 2 ] && [ "${CI:-}" != true ]; then
        $installer --no-deps --require-hashes -r "$1"
    else
        $installer --no-deps --require-hashes -r "$1" >>"$log" 2>&1
    fi || {
        say "set-up: trying again with pip" >&2
        .venv/bin/python -m pip install --disable-pip-version-check --no-deps --require-hashes -r "$1" >>"$log" 2>&1
    } || {
        tail -n 5 "$log" >&2
        fail "could not install $1 (log: $log); check the network or the package index settings and run the same command again"
    }
}
for lock in $todo; do
    rm -f ".venv/.installed-$(basename "$lock" .lock)"
    install_lock "$lock"
    if [ "$lock" = requirements/base.lock ]; then
        .venv/bin/python -m pip install --disable-pip-version-check -q --no-deps --no-build-isolation --no-index -e . >>"$log" 2>&1 || {
            tail -n 5 "$log" >&2
            fail "could not install mer-tf itself into .venv (log: $log)"
        }
    fi
    stamp_of "$lock" >".venv/.installed-$(basename "$lock" .lock)"
done
printf '%s' "$PWD" >.venv/.place
# Compiled once here, so that the first command does not pay for it.
.venv/bin/python -m compileall -q mer_tf components tfx_pipeline serving >>"$log" 2>&1 || true
say "set-up: done in $(($(date +%s) - start)) s"
