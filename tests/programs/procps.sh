# ps, pgrep, pmap, top, free, lsof-like reads of /proc: other processes, their descriptors, links and threads.
# suite
# needs: ps pgrep pmap free top
sleep 1000 7<. & job=$!
for i in 1 2 3 4 5 6 7 8 9; do [ "$(cat /proc/$job/comm)" = sleep ] && break; done
ps -o comm= -o args= -p $job; ps -o ppid= -p $job | grep -c "^ *$$\$"; ps -o stat= -p $job | cut -c1
ps -e -o pid=,comm= | grep -c "^ *$job sleep$"; ps -o nlwp= -p $$ | tr -d ' '; pgrep -P $$ -x sleep | grep -c "^$job$"
pmap $job | head -1 | cut -d: -f2; pmap $job | grep -c 'sleep$'; pmap -x $job | tail -1 | cut -d' ' -f1
free -b | sed 's/[0-9 ]*$//'; top -b -n1 -p $job | grep -c ' sleep$'; cat /proc/uptime | wc -w
tr '\0' ' ' </proc/$job/cmdline; echo; tr '\0' '\n' </proc/$job/environ | grep ^LC_; ls /proc/$job/fd | grep -c '^[0127]$'; readlink /proc/$job/fd/7 /proc/$job/cwd /proc/$job/root
basename $(readlink /proc/$job/exe); grep -E '^(Name|Threads|Tgid)' /proc/$job/status | sed "s/$job/JOB/"; head -2 /proc/$job/fdinfo/7 | cut -c1-4
ls /proc/$job/task | sed "s/$job/JOB/"; ls -d /proc/self /proc/[0-9]*/comm | grep -c "/$job/"; ls /proc/sys/kernel | grep -c pid_max; cat /proc/$$/task/$$/comm
cd /proc/self/cwd/ && pwd | grep -c proc; cat /dev/fd/0 </dev/null; test -d /proc/$job && echo there; test -e /proc/99999 || echo absent
find /proc/$job -maxdepth 1 -name 'c*' | sed "s/$job/JOB/" | grep -E 'comm$|cmdline$|cwd$' | sort; stat -c '%A %F' /proc/$job /proc/$job/stat /proc/$job/exe /proc/self
kill $job; wait $job; echo $?; test -e /proc/$job || echo gone
