// Calls that take a capability, by a process that has none: each result and error is the host's.
// libc: glibc
#define _GNU_SOURCE
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

static void say(const char* what, long result) {
    if (result < 0)
        printf("%s: %s\n", what, strerrorname_np(errno));
    else
        printf("%s: %ld\n", what, result);
    fflush(stdout);
}
#define CALL(name, ...) say(#name "(" #__VA_ARGS__ ")", syscall(SYS_##name, ##__VA_ARGS__))

struct sets {
    struct __user_cap_data_struct word[2];
};

static long get(unsigned version, int pid, struct sets* sets) {
    struct __user_cap_header_struct header = {version, pid};
    const long result = syscall(SYS_capget, &header, sets);
    const int error = errno;
    if (header.version != version) printf("use %#x\n", header.version);
    errno = error;
    return result;
}

static long set(unsigned version, int pid, const struct sets* sets) {
    struct __user_cap_header_struct header = {version, pid};
    return syscall(SYS_capset, &header, sets);
}

/// Ends the program when it cannot: what follows must not succeed anywhere.
static void drop_all(void) {
    for (int n = 0; n < 64; ++n) prctl(PR_CAPBSET_DROP, n, 0, 0, 0);
    const struct sets none = {0};
    struct sets now;
    memset(&now, -1, sizeof now);
    if (set(_LINUX_CAPABILITY_VERSION_3, 0, &none) || get(_LINUX_CAPABILITY_VERSION_3, 0, &now) ||
        memcmp(&now, &none, sizeof now)) {
        printf("capabilities remain\n");
        exit(1);
    }
}

static void capabilities(void) {
    struct sets sets;
    const unsigned one = _LINUX_CAPABILITY_VERSION_1, three = _LINUX_CAPABILITY_VERSION_3;
    say("get", get(three, 0, &sets));
    say("get of oneself", get(three, getpid(), &sets));
    say("get, nobody", get(three, 0x3fffff, &sets));
    say("get, negative", get(three, -1, &sets));
    say("get, nowhere", get(three, 0, (struct sets*)8));
    say("get, no data", get(three, 0, 0));
    say("get, version", get(7, 0, &sets));
    say("get, version asked for", get(7, 0, 0));
    memset(&sets, -1, sizeof sets);
    say("get, version 1", get(one, 0, &sets));
    printf("%d %d\n", sets.word[0].effective, sets.word[1].effective);
    CALL(capget, 8, &sets);
    sets = (struct sets){0};
    say("set to none", set(three, 0, &sets));
    say("set, version 1", set(one, 0, &sets));
    say("set, another's", set(three, 1, &sets));
    say("set, version", set(7, 0, &sets));
    say("set, nowhere", set(three, 0, 0));
    for (int n = 0; n < 64; n += 7) {
        sets = (struct sets){0};
        sets.word[n / 32].permitted = 1u << n % 32;
        say("raise permitted", set(three, 0, &sets));
        sets.word[n / 32].effective = sets.word[n / 32].permitted;
        sets.word[n / 32].permitted = 0;
        say("raise effective", set(three, 0, &sets));
        sets.word[n / 32].inheritable = sets.word[n / 32].effective;
        sets.word[n / 32].effective = 0;
        say("raise inheritable", set(three, 0, &sets));
        say("in the bounding set", prctl(PR_CAPBSET_READ, n, 0, 0, 0));
        say("drop from it", prctl(PR_CAPBSET_DROP, n, 0, 0, 0));
    }
    FILE* status = fopen("/proc/self/status", "r");
    for (char line[200]; fgets(line, sizeof line, status);)
        if (!strncmp(line, "Cap", 3)) fputs(line, stdout);
    fclose(status);
}

static void system_wide(void) {
    CALL(vhangup);
    CALL(pivot_root, "/", "/");
    CALL(acct, 0);
    CALL(sethostname, "name", 4);
    CALL(setdomainname, "name", 4);
    CALL(swapoff, "/nonexistent");
    CALL(swapon, "/nonexistent", 0);
    CALL(swapon, "/nonexistent", 0x100000);
    CALL(chroot, "/");
    CALL(chroot, "/nonexistent");
    CALL(chroot, "/proc/self/exe");
    CALL(chroot, 8);
}

static void mounts(void) {
    CALL(mount, "none", "/", "tmpfs", 0, 0);
    CALL(mount, "none", "/nonexistent", "tmpfs", 0, 0);
    CALL(mount, 8, "/", "tmpfs", 0, 0);
    CALL(mount, "none", "/", 8, 0, 0);
    CALL(mount, "none", 8, "tmpfs", 0, 0);
    CALL(mount, 0, "/", 0, MS_REMOUNT, 0);
    CALL(umount2, "/", 0);
    CALL(umount2, "/nonexistent", 0);
    CALL(umount2, "/", 0x100);
    CALL(umount2, 8, 0);
    CALL(fsopen, "tmpfs", 0);
    CALL(fspick, -100, "/", 0);
    CALL(move_mount, -1, "", -1, "", 0);
}

static void clocks(void) {
    struct timeval tv = {1000000000, 0}, bad_tv = {0, -1}, negative = {-1, 0};
    struct timespec ts = {1000000000, 0}, bad_ts = {0, 1000000000}, far = {1ll << 60, 0};
    CALL(settimeofday, &tv, 0);
    CALL(settimeofday, &bad_tv, 0);
    CALL(settimeofday, &negative, 0);
    CALL(settimeofday, 8, 0);
    CALL(settimeofday, 0, 8);
    CALL(clock_settime, CLOCK_REALTIME, &ts);
    CALL(clock_settime, CLOCK_REALTIME, &bad_ts);
    CALL(clock_settime, CLOCK_REALTIME, &far);
    CALL(clock_settime, CLOCK_REALTIME, 0);
    CALL(clock_settime, CLOCK_MONOTONIC, &ts);
    CALL(clock_settime, 77, &ts);
    struct timex t = {.modes = ADJ_FREQUENCY};
    CALL(adjtimex, &t);
    CALL(adjtimex, 8);
    CALL(clock_adjtime, CLOCK_REALTIME, &t);
    CALL(clock_adjtime, CLOCK_MONOTONIC, &t);
    CALL(clock_adjtime, CLOCK_PROCESS_CPUTIME_ID, &t);
    CALL(clock_adjtime, -2, &t);
    CALL(clock_adjtime, -5, &t);
    CALL(clock_adjtime, 77, &t);
    CALL(clock_adjtime, CLOCK_MONOTONIC, 8);
    t = (struct timex){0};
    printf("adjtimex reads: %d\n", adjtimex(&t) >= 0);
    const time_t now = time(0);
    printf("the time: %d, a tick: %ld\n", llabs(t.time.tv_sec - now) <= 1, t.tick);
}

int main(void) {
    drop_all();
    capabilities();
    system_wide();
    mounts();
    clocks();
    return 0;
}
