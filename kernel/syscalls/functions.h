// The functions behind the table's rows, one file for each group. Each is named after its call.
#pragma once

#include "kernel/syscall_table.h"

namespace kernel::calls {

// io.cpp
i64 read(Syscall& call);
i64 write(Syscall& call);
i64 readv(Syscall& call);
i64 writev(Syscall& call);
i64 pread64(Syscall& call);
i64 pwrite64(Syscall& call);
i64 preadv(Syscall& call);
i64 pwritev(Syscall& call);
i64 preadv2(Syscall& call);
i64 pwritev2(Syscall& call);
i64 sendfile(Syscall& call);
i64 copy_file_range(Syscall& call);
i64 lseek(Syscall& call);

// shared_memory.cpp
i64 semget(Syscall& call);
i64 semop(Syscall& call);
i64 semtimedop(Syscall& call);
i64 semctl(Syscall& call);
i64 msgget(Syscall& call);
i64 msgsnd(Syscall& call);
i64 msgrcv(Syscall& call);
i64 msgctl(Syscall& call);
i64 mq_open(Syscall& call);
i64 mq_unlink(Syscall& call);
i64 mq_timedsend(Syscall& call);
i64 mq_timedreceive(Syscall& call);
i64 mq_notify(Syscall& call);
i64 mq_getsetattr(Syscall& call);
i64 name_to_handle_at(Syscall& call);
i64 open_by_handle_at(Syscall& call);
i64 shmget(Syscall& call);
i64 shmat(Syscall& call);
i64 shmdt(Syscall& call);
i64 shmctl(Syscall& call);

// process_vm.cpp
i64 process_vm_readv(Syscall& call);
i64 process_madvise(Syscall& call);
i64 cachestat(Syscall& call);
i64 map_shadow_stack(Syscall& call);
i64 mseal(Syscall& call);
i64 process_vm_writev(Syscall& call);

// files.cpp
i64 open(Syscall& call);
i64 openat(Syscall& call);
i64 openat2(Syscall& call);
i64 creat(Syscall& call);
i64 close(Syscall& call);
i64 close_range(Syscall& call);
i64 dup(Syscall& call);
i64 dup2(Syscall& call);
i64 dup3(Syscall& call);
i64 fcntl(Syscall& call);
i64 ioctl(Syscall& call);
i64 pipe(Syscall& call);
i64 pipe2(Syscall& call);
i64 memfd_create(Syscall& call);
i64 fsync(Syscall& call);
i64 fdatasync(Syscall& call);
i64 sync(Syscall& call);
i64 syncfs(Syscall& call);
i64 sync_file_range(Syscall& call);
i64 ftruncate(Syscall& call);
i64 truncate(Syscall& call);
i64 fallocate(Syscall& call);
i64 fadvise64(Syscall& call);
i64 readahead(Syscall& call);
i64 getdents(Syscall& call);
i64 getdents64(Syscall& call);
i64 umask(Syscall& call);

// locks.cpp
i64 flock(Syscall& call);

// paths.cpp
i64 stat(Syscall& call);
i64 fstat(Syscall& call);
i64 lstat(Syscall& call);
i64 newfstatat(Syscall& call);
i64 statx(Syscall& call);
i64 access(Syscall& call);
i64 faccessat(Syscall& call);
i64 faccessat2(Syscall& call);
i64 readlink(Syscall& call);
i64 readlinkat(Syscall& call);
i64 getcwd(Syscall& call);
i64 chdir(Syscall& call);
i64 fchdir(Syscall& call);
i64 statfs(Syscall& call);
i64 fstatfs(Syscall& call);

// ids.cpp
i64 setuid(Syscall& call);
i64 setgid(Syscall& call);
i64 setreuid(Syscall& call);
i64 setregid(Syscall& call);
i64 setresuid(Syscall& call);
i64 setresgid(Syscall& call);
i64 setfsuid(Syscall& call);
i64 setfsgid(Syscall& call);
i64 setgroups(Syscall& call);

// namespaces.cpp
i64 unshare(Syscall& call);
i64 setns(Syscall& call);

// tree.cpp
i64 mknod(Syscall& call);
i64 mknodat(Syscall& call);
i64 rename(Syscall& call);
i64 renameat(Syscall& call);
i64 renameat2(Syscall& call);
i64 mkdir(Syscall& call);
i64 mkdirat(Syscall& call);
i64 rmdir(Syscall& call);
i64 unlink(Syscall& call);
i64 unlinkat(Syscall& call);
i64 link(Syscall& call);
i64 linkat(Syscall& call);
i64 symlink(Syscall& call);
i64 symlinkat(Syscall& call);
i64 chmod(Syscall& call);
i64 fchmod(Syscall& call);
i64 fchmodat(Syscall& call);
i64 fchmodat2(Syscall& call);
i64 chown(Syscall& call);
i64 fchown(Syscall& call);
i64 lchown(Syscall& call);
i64 fchownat(Syscall& call);
i64 utime(Syscall& call);
i64 utimes(Syscall& call);
i64 futimesat(Syscall& call);
i64 utimensat(Syscall& call);

// poll.cpp
i64 poll(Syscall& call);
i64 ppoll(Syscall& call);
i64 select(Syscall& call);
i64 pselect6(Syscall& call);

// memory.cpp
i64 mmap(Syscall& call);
i64 munmap(Syscall& call);
i64 mprotect(Syscall& call);
i64 pkey_mprotect(Syscall& call);
i64 pkey_alloc(Syscall& call);
i64 pkey_free(Syscall& call);
i64 brk(Syscall& call);
i64 mremap(Syscall& call);
i64 remap_file_pages(Syscall& call);
i64 madvise(Syscall& call);
i64 mincore(Syscall& call);
i64 msync(Syscall& call);
i64 mlock(Syscall& call);
i64 mlock2(Syscall& call);
i64 munlock(Syscall& call);
i64 mlockall(Syscall& call);
i64 munlockall(Syscall& call);

// signals.cpp
i64 rt_sigaction(Syscall& call);
i64 rt_sigprocmask(Syscall& call);
i64 restart_syscall(Syscall& call);
i64 rt_sigreturn(Syscall& call);
i64 rt_tgsigqueueinfo(Syscall& call);
i64 timer_create(Syscall& call);
i64 timer_settime(Syscall& call);
i64 timer_gettime(Syscall& call);
i64 timer_getoverrun(Syscall& call);
i64 timer_delete(Syscall& call);
i64 get_robust_list(Syscall& call);
i64 sched_setscheduler(Syscall& call);
i64 sched_setparam(Syscall& call);
i64 sched_rr_get_interval(Syscall& call);
i64 rt_sigpending(Syscall& call);
i64 rt_sigsuspend(Syscall& call);
i64 rt_sigtimedwait(Syscall& call);
i64 rt_sigqueueinfo(Syscall& call);
i64 sigaltstack(Syscall& call);
i64 kill(Syscall& call);
i64 tkill(Syscall& call);
i64 tgkill(Syscall& call);
i64 pause(Syscall& call);

// pidfd.cpp
i64 pidfd_open(Syscall& call);
i64 process_mrelease(Syscall& call);
i64 pidfd_send_signal(Syscall& call);
i64 pidfd_getfd(Syscall& call);

// process.cpp
i64 execveat(Syscall& call);
i64 sched_setattr(Syscall& call);
i64 sched_getattr(Syscall& call);
i64 futex_waitv(Syscall& call);
i64 futex2_wait(Syscall& call);
i64 futex2_wake(Syscall& call);
i64 futex2_requeue(Syscall& call);
i64 execve(Syscall& call);
i64 exit(Syscall& call);
i64 exit_group(Syscall& call);
i64 getpid(Syscall& call);
i64 getppid(Syscall& call);
i64 gettid(Syscall& call);
i64 getuid(Syscall& call);
i64 geteuid(Syscall& call);
i64 getgid(Syscall& call);
i64 getegid(Syscall& call);
i64 getresuid(Syscall& call);
i64 getresgid(Syscall& call);
i64 getgroups(Syscall& call);
i64 fork(Syscall& call);
i64 vfork(Syscall& call);
i64 clone(Syscall& call);
i64 clone3(Syscall& call);
i64 getpgrp(Syscall& call);
i64 getpgid(Syscall& call);
i64 setpgid(Syscall& call);
i64 setsid(Syscall& call);
i64 getsid(Syscall& call);
i64 uname(Syscall& call);
i64 sysinfo(Syscall& call);
i64 getrusage(Syscall& call);
i64 getrlimit(Syscall& call);
i64 setrlimit(Syscall& call);
i64 prlimit64(Syscall& call);
i64 prctl(Syscall& call);
i64 arch_prctl(Syscall& call);
i64 set_tid_address(Syscall& call);
i64 set_robust_list(Syscall& call);
i64 rseq(Syscall& call);
i64 getpriority(Syscall& call);
i64 ioprio_set(Syscall& call);
i64 ioprio_get(Syscall& call);
i64 setpriority(Syscall& call);
i64 sched_yield(Syscall& call);
i64 sched_getaffinity(Syscall& call);
i64 sched_setaffinity(Syscall& call);
i64 sched_getscheduler(Syscall& call);
i64 sched_getparam(Syscall& call);
i64 sched_get_priority_max(Syscall& call);
i64 sched_get_priority_min(Syscall& call);
i64 getcpu(Syscall& call);
i64 membarrier(Syscall& call);
i64 futex(Syscall& call);
i64 getrandom(Syscall& call);
i64 wait4(Syscall& call);
i64 waitid(Syscall& call);
i64 personality(Syscall& call);

// time.cpp
i64 time(Syscall& call);
i64 times(Syscall& call);
i64 gettimeofday(Syscall& call);
i64 clock_gettime(Syscall& call);
i64 clock_getres(Syscall& call);
i64 clock_nanosleep(Syscall& call);
i64 nanosleep(Syscall& call);
i64 alarm(Syscall& call);
i64 setitimer(Syscall& call);
i64 getitimer(Syscall& call);

// privileges.cpp
i64 capget(Syscall& call);
i64 capset(Syscall& call);
i64 not_permitted(Syscall& call);
i64 chroot(Syscall& call);
i64 mount(Syscall& call);
i64 umount2(Syscall& call);
i64 swapon(Syscall& call);
i64 iopl(Syscall& call);
i64 ioperm(Syscall& call);
i64 settimeofday(Syscall& call);
i64 clock_settime(Syscall& call);
i64 adjtimex(Syscall& call);
i64 clock_adjtime(Syscall& call);

// absent.cpp
i64 getxattr(Syscall& call);
i64 lgetxattr(Syscall& call);
i64 fgetxattr(Syscall& call);
i64 listxattr(Syscall& call);
i64 llistxattr(Syscall& call);
i64 flistxattr(Syscall& call);
i64 setxattr(Syscall& call);
i64 lsetxattr(Syscall& call);
i64 fsetxattr(Syscall& call);
i64 removexattr(Syscall& call);
i64 lremovexattr(Syscall& call);
i64 fremovexattr(Syscall& call);
i64 inotify_init(Syscall& call);
i64 inotify_init1(Syscall& call);
i64 numa_policy(Syscall& call);
i64 memfd_secret(Syscall& call);
i64 inotify_add_watch(Syscall& call);
i64 inotify_rm_watch(Syscall& call);

// sockets.cpp
i64 socket(Syscall& call);
i64 socketpair(Syscall& call);
i64 bind(Syscall& call);
i64 listen(Syscall& call);
i64 accept(Syscall& call);
i64 accept4(Syscall& call);
i64 connect(Syscall& call);
i64 getsockname(Syscall& call);
i64 getpeername(Syscall& call);
i64 getsockopt(Syscall& call);
i64 setsockopt(Syscall& call);
i64 shutdown(Syscall& call);

// messages.cpp
i64 sendto(Syscall& call);
i64 recvfrom(Syscall& call);
i64 sendmsg(Syscall& call);
i64 recvmsg(Syscall& call);
i64 sendmmsg(Syscall& call);
i64 recvmmsg(Syscall& call);

// events.cpp
i64 eventfd(Syscall& call);
i64 eventfd2(Syscall& call);
i64 timerfd_create(Syscall& call);
i64 timerfd_settime(Syscall& call);
i64 timerfd_gettime(Syscall& call);
i64 signalfd(Syscall& call);
i64 signalfd4(Syscall& call);
i64 epoll_create(Syscall& call);
i64 epoll_create1(Syscall& call);
i64 epoll_ctl(Syscall& call);
i64 epoll_wait(Syscall& call);
i64 epoll_pwait(Syscall& call);
i64 epoll_pwait2(Syscall& call);

// splice.cpp
i64 splice(Syscall& call);
i64 tee(Syscall& call);
i64 vmsplice(Syscall& call);

}  // namespace kernel::calls
