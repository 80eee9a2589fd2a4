# Drawn calls, natively and under mmuscope, compared line by line, for as long as wanted; ends at the first difference.
# Sourced by a tool that has set `guest_name` and `calls`, and whose functions natively() and here() run $guest with
# $seed and $calls, in $work if they need a folder.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
mmuscope=${MMUSCOPE:-$top/build/mmuscope}
guest=${GUEST:-$top/build/test-guests/$guest_name.glibc}
seconds=60 seed=1000
while [ $# -gt 1 ]; do
    case $1 in
        --seconds) seconds=$2 ;;
        --seed) seed=$2 ;;
        --calls) calls=$2 ;;
        *) break ;;
    esac
    shift 2
done
[ $# = 0 ] || { sed -n '3s/^# //p' "$0" >&2; exit 2; }
[ -x "$guest" ] || { echo "$guest_name: no $guest: build first (./dev test)" >&2; exit 2; }
work=$(mktemp -d /tmp/mmuscope-drawn.XXXXXX)
trap 'rm -rf "$work"' EXIT
first=$seed
while [ $SECONDS -lt "$seconds" ]; do
    natively >"$work/expected"
    expected=$?
    here >"$work/actual" 2>"$work/log"
    if [ $? != $expected ] || ! diff "$work/expected" "$work/actual" >"$work/difference"; then
        echo "seed $seed, $calls calls: natively <, here >"
        head -20 "$work/difference"
        tail -3 "$work/log"
        exit 1
    fi
    seed=$((seed + 1))
done
echo "$((seed - first)) sequences of $calls calls, all the same"
