#!/bin/sh
# Makes .venv from the hashed locks: setup.sh [kubeflow] [dev] [docs]. What is already done is skipped.
# PYTHON=/path/to/python chooses the interpreter. Python 3.10 and 3.11 take the locks of the first stack (TFX 1.15,
# TensorFlow 2.15); Python 3.12 and 3.13, where the C library is glibc 2.39 or newer, those of the second (TFX 1.21,
# TensorFlow 2.21), in requirements/current/.
set -eu
cd "$(dirname "$0")/.."
mkdir -p build
log=build/setup.log

say() { printf '%s\n' "$*"; }
fail() {
    printf 'set-up: %s\n' "$*" >&2
    exit 2
}

version_of() { [ -n "$1" ] && "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true; }

# ML Metadata and TensorFlow Data Validation, which TFX 1.21 needs, are built for glibc 2.39; of TFX 1.15 there is
# nothing for Python 3.12.
has_glibc_239() {
    glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null || true)
    major=${glibc#glibc } minor=${glibc#*.}
    major=${major%%.*} minor=${minor%%.*}
    case "$major$minor" in '' | *[!0-9]*) return 1 ;; esac
    [ "$major" -gt 2 ] || { [ "$major" -eq 2 ] && [ "$minor" -ge 39 ]; }
}

# Folder of the locks for a Python, or nothing where there are none.
locks_for() {
    case $(version_of "$1") in
    3.10 | 3.11) say requirements ;;
    3.12 | 3.13) if has_glibc_239; then say requirements/current; fi ;;
    esac
}

fits() { [ -n "$(locks_for "$1")" ]; }

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        fits "$PYTHON" || fail "PYTHON=$PYTHON is not a working Python 3.10 or 3.11 (nor 3.12 or 3.13 with glibc 2.39 or newer); give the path of one, or unset PYTHON"
        command -v "$PYTHON"
        return
    fi
    # A pyenv shim is on PATH even where it leads nowhere, so each candidate is run, not only looked up.
    for minor in 10 11 13 12; do
        fits "python3.$minor" && command -v "python3.$minor" && return
        for candidate in "${PYENV_ROOT:-$HOME/.pyenv}/versions/3.$minor"*/bin/python; do
            fits "$candidate" && say "$candidate" && return
        done
    done
    for name in python3 python; do
        fits "$name" && command -v "$name" && return
    done
    if uv --version >/dev/null 2>&1; then
        candidate=$(uv python find --no-python-downloads 3.10 2>/dev/null || uv python find --no-python-downloads 3.11 2>/dev/null || true)
        fits "$candidate" && say "$candidate" && return
        say "set-up: no fitting Python here; uv installs Python 3.11 for you (needs the network)" >&2
        if uv python install 3.11 >>"$log" 2>&1; then
            candidate=$(uv python find --no-python-downloads 3.11 2>/dev/null || true)
            fits "$candidate" && say "$candidate" && return
        fi
        say "set-up: uv could not (log: $log)" >&2
    fi
    fail "no Python 3.10 or 3.11 found on PATH, in pyenv or in uv (3.12 and 3.13 need glibc 2.39 or newer). Install one (for example: 'uv python install 3.11', 'pyenv install 3.11', or your system's python3.11 with its venv package), or name it: make PYTHON=/path/to/python3.11 ..."
}

for extra in "$@"; do
    [ -f "requirements/$extra.lock" ] || fail "unknown extra '$extra'; there is a lock for: $(cd requirements && ls ./*.lock | sed 's#^\./##; s#\.lock##' | tr '\n' ' ')"
done

# An environment of another Python than the one that is asked for is made anew.
if [ -x .venv/bin/python ] && [ -n "${PYTHON:-}" ] && [ "$(version_of .venv/bin/python)" != "$(version_of "$PYTHON")" ]; then
    fits "$PYTHON" || find_python >/dev/null
    rm -rf .venv
fi
# The checkout may have been moved: the scripts of .venv name their interpreter by absolute path.
if [ -x .venv/bin/python ] && [ "$(cat .venv/.place 2>/dev/null || true)" != "$PWD" ]; then
    rm -rf .venv
fi

folder=$(locks_for .venv/bin/python)
stamp_of() { cat "$1" setup.py tools/setup.sh | cksum | tr ' ' -; }
wanted() { # locks of the folder that are not installed yet
    for name in base "$@"; do
        lock="$folder/$name.lock"
        [ -f "$lock" ] || continue # the second stack has everything of kubeflow.lock in its base, or cannot have it
        stamp=".venv/.installed-$name"
        [ "$(cat "$stamp" 2>/dev/null || true)" = "$(stamp_of "$lock")" ] || printf ' %s' "$name"
    done
}
if [ -n "$folder" ] && [ -z "$(wanted "$@")" ]; then
    exit 0
fi

start=$(date +%s)
: >"$log"
if [ -z "$folder" ] || ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    python=$(find_python)
    version=$(version_of "$python")
    folder=$(locks_for "$python")
    say "set-up: Python $version at $python, locks of $folder/"
    rm -rf .venv
    "$python" -m venv .venv >>"$log" 2>&1 || {
        rm -rf .venv
        fail "'$python -m venv' failed (see $log); on Debian and Ubuntu install the python$version-venv package, or name another Python: make PYTHON=/path/to/python3.11 ..."
    }
fi

pip_install=".venv/bin/python -m pip install --disable-pip-version-check"
installer=$pip_install
if [ "$(version_of .venv/bin/python)" = 3.11 ]; then
    # TFX 1.15 declares Python below 3.11, which is a declaration alone: its wheel is pure Python. pip can be told to go
    # on, uv cannot.
    pip_install="$pip_install --ignore-requires-python"
    installer=$pip_install
elif uv --version >/dev/null 2>&1; then
    installer="uv pip install --python .venv/bin/python"
elif $pip_install -q --require-hashes -r requirements/uv.lock >>"$log" 2>&1; then
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
        $pip_install --no-deps --require-hashes -r "$1" >>"$log" 2>&1
    } || {
        tail -n 5 "$log" >&2
        fail "could not install $1 (log: $log); check the network or the package index settings and run the same command again"
    }
}
for name in $(wanted "$@"); do
    lock="$folder/$name.lock"
    rm -f ".venv/.installed-$name"
    install_lock "$lock"
    if [ "$name" = base ]; then
        .venv/bin/python -m pip install --disable-pip-version-check -q --no-deps --no-build-isolation --no-index -e . >>"$log" 2>&1 || {
            tail -n 5 "$log" >&2
            fail "could not install mer-tf itself into .venv (log: $log)"
        }
    fi
    stamp_of "$lock" >".venv/.installed-$name"
done
printf '%s' "$PWD" >.venv/.place
# Compiled once here, so that the first command does not pay for it.
.venv/bin/python -m compileall -q mer_tf components tfx_pipeline serving >>"$log" 2>&1 || true
say "set-up: done in $(($(date +%s) - start)) s"
