#!/bin/sh
# Recompiles the hashed locks. One resolution of everything first, so that the extras' locks only add
# packages to base.lock and never move one. Needs uv; the date keeps google-* wheels that warn about
# Python 3.10 out.
set -eu
cd "$(dirname "$0")/.."
compile() {
    uv pip compile --quiet --python-version 3.10 --exclude-newer 2025-09-01 --generate-hashes \
        --no-header --no-annotate --no-emit-index-url --constraint requirements/pins.txt "$@"
}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
compile setup.py --extra all --extra kubeflow --extra dev --output-file "$tmp/everything.txt"
grep -E '^[a-z0-9]' "$tmp/everything.txt" | sed -e 's/ *\\$//' -e 's/\[[^]]*\]//' >"$tmp/versions.txt"
# The editable install needs setuptools and wheel in the environment.
printf 'setuptools\nwheel\n' >"$tmp/tools.in"
compile setup.py "$tmp/tools.in" --extra all --constraint "$tmp/versions.txt" \
    --output-file requirements/base.lock >/dev/null
# A lock of an extra holds what base.lock does not.
extra_lock() {
    compile setup.py --extra all --extra "$1" --constraint "$tmp/versions.txt" --output-file "$tmp/$1.txt" >/dev/null
    awk -v base=requirements/base.lock '
        BEGIN { while ((getline line < base) > 0) if (line ~ /^[a-z0-9]/) { split(line, a, "=="); sub(/\[.*/, "", a[1]); known[a[1]] = 1 } }
        /^[a-z0-9]/ { split($0, a, "=="); sub(/\[.*/, "", a[1]); keep = !(a[1] in known) }
        keep { print }' "$tmp/$1.txt" >"requirements/$1.lock"
}
extra_lock kubeflow
extra_lock dev
# The installer itself, for machines without one.
printf 'uv>=0.8\n' >"$tmp/uv.in"
compile "$tmp/uv.in" --output-file requirements/uv.lock >/dev/null
