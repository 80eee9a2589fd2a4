#!/bin/bash
# Builds guest programs, static, with the host's gcc and (where it is there and the guest does not need glibc) musl.
# usage: guest/build.sh OUTPUT_DIR [NAME.c ...]
# "// flags: ..." in a source takes the place of -O2 -static.
# Writes OUTPUT_DIR/NAME.glibc and OUTPUT_DIR/NAME.musl; skips what is up to date. Also used for perf/workloads.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: guest/build.sh OUTPUT_DIR [NAME.c ...]}
shift
mkdir -p "$out"
[ $# -gt 0 ] || set -- "$here"/*.c

build() {  # compiler, source, program
    local compiler=$1 source=$2 program=$3
    [ "$program" -nt "$source" ] && [ "$program" -nt "$here/lib/guest.h" ] && return
    local flags
    read -ra flags <<<"$(sed -n 's|^// flags: *||p' "$source")"
    [ ${#flags[@]} -gt 0 ] || flags=(-O2 -static)
    "$compiler" "${flags[@]}" -Wall -Wextra -I"$here" -o "$program.new" "$source" -lm
    mv "$program.new" "$program"
}

for source in "$@"; do
    name=$(basename "$source" .c)
    build gcc "$source" "$out/$name.glibc"
    if command -v musl-gcc >/dev/null && ! grep -q '^// libc: glibc' "$source"; then
        build musl-gcc "$source" "$out/$name.musl"
    fi
done
