# bash: jobs, process substitution, coprocesses, arrays, traps, here strings, pipefail, /dev/fd.
# suite
# needs: bash
exec bash <<'SCRIPT'
set -o pipefail; declare -A m=([a]=1 [b]=2); for k in "${!m[@]}"; do echo "$k=${m[$k]}"; done | sort
coproc up { while read -r l; do echo "${l^^}"; done; }; echo hello >&"${up[1]}"; read -r r <&"${up[0]}"; echo "$r"; kill $up_PID 2>/dev/null; wait $up_PID 2>/dev/null
diff <(seq 3) <(seq 2 4); paste <(echo a) - <<<b; false | true; echo $?
for i in {1..5}; do (exit $i) & wait $! || echo "job $?"; done; (sleep 0.02; echo slow) & (echo fast); wait
trap 'echo exit trap' EXIT; trap 'echo err $?' ERR; false; exec 7>file; echo to seven >&7; exec 7>&-; cat file; mapfile -t a < <(seq 3); echo "${#a[@]} ${a[*]: -1}"
set -m; sleep 0.1 & jobs; wait %1; echo $?; echo ${BASH_VERSINFO[0]} $((2**40)); ulimit -n 50; ulimit -n; printf '%q\n' "a b"; time_it=$(TIMEFORMAT=%0R; { time :; } 2>&1); echo $time_it; read -t 0.01 </dev/tty 2>/dev/null; cat /dev/fd/3 3<<<three; kill -l 9
SCRIPT
