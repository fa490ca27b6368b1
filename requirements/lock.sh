#!/bin/sh
# Recompiles the hashed locks of both stacks: of Python 3.10 and 3.11 here, of Python 3.12 and 3.13 in current/. One
# resolution of everything first, so that the extras' locks only add packages to base.lock and never move one. Needs uv.
set -eu
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# lock_stack FOLDER PYTHON DATE EXTRAS-OF-BASE LOCKS...
lock_stack() {
    folder=$1 python=$2 date=$3 base=$4
    shift 4
    compile() {
        uv pip compile --quiet --python-version "$python" --python-platform x86_64-manylinux_2_40 --exclude-newer "$date" --generate-hashes \
            --no-header --no-annotate --constraint "$folder/pins.txt" "$@"
    }
    # shellcheck disable=SC2046
    compile setup.py $(printf ' --extra %s' $base "$@") --output-file "$tmp/everything.txt"
    grep -E '^[a-z0-9]' "$tmp/everything.txt" | sed -e 's/ *\\$//' -e 's/\[[^]]*\]//' >"$tmp/versions.txt"
    # The editable install needs setuptools and wheel in the environment.
    printf 'setuptools\nwheel\n' >"$tmp/tools.in"
    # shellcheck disable=SC2046
    compile setup.py "$tmp/tools.in" $(printf ' --extra %s' $base) --constraint "$tmp/versions.txt" \
        --output-file "$folder/base.lock" >/dev/null
    # A lock of an extra holds what base.lock does not.
    for extra in "$@"; do
        # shellcheck disable=SC2046
        compile setup.py $(printf ' --extra %s' $base "$extra") --constraint "$tmp/versions.txt" \
            --output-file "$tmp/$extra.txt" >/dev/null
        awk -v base="$folder/base.lock" '
            BEGIN { while ((getline line < base) > 0) if (line ~ /^[a-z0-9]/) { split(line, a, "=="); sub(/\[.*/, "", a[1]); known[a[1]] = 1 } }
            /^[a-z0-9]/ { split($0, a, "=="); sub(/\[.*/, "", a[1]); keep = !(a[1] in known) }
            keep { print }' "$tmp/$extra.txt" >"$folder/$extra.lock"
    done
}

# The date keeps google-* wheels that warn about Python 3.10 out.
lock_stack requirements 3.10 2025-09-01 all kubeflow dev docs
# On 3.12 the same (of google-apitools Beam would take an earlier one there). Its compiler for Kubeflow needs a Python
# below 3.12, so there is no lock of that extra.
lock_stack requirements/current 3.13 2026-11-25 all dev docs
# The installer itself, for machines without one.
printf 'uv>=0.8\n' >"$tmp/uv.in"
uv pip compile --quiet --python-version 3.10 --exclude-newer 2025-09-01 --generate-hashes --no-header --no-annotate \
    "$tmp/uv.in" --output-file requirements/uv.lock >/dev/null
