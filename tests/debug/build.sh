#!/bin/bash
# Builds guests with symbols, as people debug them: static, static-pie and dynamic.
# usage: tests/debug/build.sh OUTPUT_DIR NAME.c ...
set -euo pipefail
out=$1
shift
mkdir -p "$out"
for source in "$@"; do
    name=$(basename "$source" .c)
    for kind in static static-pie dynamic; do
        program=$out/$name.$kind
        [ "$program" -nt "$source" ] && continue
        link=()
        [ "$kind" = dynamic ] || link=("-$kind")
        gcc -g -O0 -Wall -Wextra "${link[@]}" -o "$program.new" "$source"
        mv "$program.new" "$program"
    done
done
