# busybox sh: background jobs, traps, here documents, pipelines, subshells and its tools.
# suite
# needs: busybox
exec busybox sh <<'SCRIPT'
n=0; for i in 3 1 2; do (sleep 0.$i; echo job $i) & done; wait; echo all
trap 'n=$((n + 1)); echo usr1 $n' USR1; for i in 1 2 3; do kill -USR1 $$; done
(while :; do sleep 1; done) & p=$!; kill $p; wait $p; echo status $?
mkfifo pipe; (echo through a fifo >pipe) & cat pipe; wait; rm pipe
seq 1 50 | awk '{s += $1} END {print s}'; seq 5 | sed -n '2,4p' | tr '\n' ' '; echo
set -- a 'b c' d; for x; do echo "<$x>"; done; f() { local x=$1; [ $x -gt 0 ] && { echo $x; f $((x - 1)); }; }; f 3
find / -maxdepth 0; ls -la / >/dev/null && echo listed; printf '%s\n' z y x | sort >sorted; cat <<E
$(cat sorted) $((6 * 7)) ${PATH%%:*}
E
vi --help >/dev/null 2>&1; echo $?; dd if=/dev/zero bs=1k count=64 2>/dev/null | md5sum; diff sorted sorted && echo same
SCRIPT
