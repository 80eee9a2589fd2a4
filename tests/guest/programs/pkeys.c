// Protection keys from user code: rights by PKRU, the signal and its frame, XSAVE, threads, fork, the kernel's
// own accesses. Prints what Linux 6.12 on a CPU with PKU prints; "no protection keys" on any other CPU.
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static unsigned rdpkru(void) {
    unsigned eax, edx;
    __asm__ volatile(".byte 0x0f,0x01,0xee" : "=a"(eax), "=d"(edx) : "c"(0));
    return eax;
}
static void wrpkru(unsigned value) {
    __asm__ volatile(".byte 0x0f,0x01,0xef" : : "a"(value), "c"(0), "d"(0) : "memory");
}

static unsigned pkru_offset;
static volatile int faults, last_code, last_key;
static volatile unsigned in_handler, in_frame;

// Opens the key in the frame, so that the access succeeds when it starts again.
static void on_segv(int signal, siginfo_t *info, void *context) {
    (void)signal;
    unsigned char *area = (unsigned char *)((ucontext_t *)context)->uc_mcontext.fpregs;
    faults++;
    last_code = info->si_code;
    memcpy((void *)&last_key, (char *)info + 32, 4);
    in_handler = rdpkru();
    memcpy((void *)&in_frame, area + pkru_offset, 4);
    const unsigned open = 0;
    memcpy(area + pkru_offset, &open, 4);
}

static void *thread(void *unused) {
    (void)unused;
    printf("thread begins with %#x\n", rdpkru());
    fflush(stdout);
    wrpkru(0);
    return 0;
}

static void show_smaps_key(const char *page) {
    char line[256], start[32];
    int inside = 0;
    snprintf(start, sizeof start, "%lx-", (unsigned long)page);
    FILE *smaps = fopen("/proc/self/smaps", "r");
    while (smaps && fgets(line, sizeof line, smaps)) {
        if (strchr(line, '-') && strstr(line, start) == line) inside = 1;
        if (inside && !strncmp(line, "ProtectionKey", 13)) {
            fputs(line, stdout);
            break;
        }
    }
    if (smaps) fclose(smaps);
}

int main(void) {
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || !(ecx >> 4 & 1)) {
        puts("no protection keys");
        return 0;
    }
    __get_cpuid_count(0xd, 9, &eax, &ebx, &ecx, &edx);
    pkru_offset = ebx;
    printf("XSAVE component of %u bytes\n", eax);
    printf("begins with %#x\n", rdpkru());

    struct sigaction action = {.sa_flags = SA_SIGINFO};
    action.sa_sigaction = on_segv;
    sigaction(SIGSEGV, &action, 0);

    char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page[0] = 1;
    const int key = syscall(SYS_pkey_alloc, 0, 0);
    printf("key %d, %d\n", key, (int)syscall(SYS_pkey_mprotect, page, 4096, PROT_READ | PROT_WRITE, key));
    show_smaps_key(page);
    page[0] = 2;

    wrpkru(rdpkru() | 2u << 2 * key);  // no writes
    printf("read %d, faults %d\n", page[0], faults);
    page[0] = 3;
    printf("wrote %d, faults %d, code %d, key %d, in handler %#x, in frame %#x, after %#x\n", page[0], faults,
           last_code, last_key, in_handler, in_frame, rdpkru());

    wrpkru(0x55555554 | 1u << 2 * key);
    const int got = *(volatile char *)page;
    printf("read %d, faults %d, code %d, key %d\n", got, faults, last_code, last_key);

    // The kernel's accesses for this task.
    const int zero = open("/dev/zero", O_RDONLY);
    wrpkru(0x55555554);
    errno = 0;
    printf("read() into it: %d", (int)read(zero, page, 10));
    printf(" %s\n", errno == EFAULT ? "EFAULT" : "?");
    wrpkru(0);
    printf("read() into it: %d\n", (int)read(zero, page, 10));

    // XSAVE and XRSTOR of PKRU alone.
    static unsigned char area[4096] __attribute__((aligned(64)));
    wrpkru(0x5555aaa0);
    __asm__ volatile("xsave %0" : "+m"(area) : "a"(1 << 9), "d"(0));
    unsigned saved;
    memcpy(&saved, area + pkru_offset, 4);
    wrpkru(0);
    __asm__ volatile("xrstor %0" : : "m"(area), "a"(1 << 9), "d"(0));
    printf("saved %#x, restored %#x\n", saved, rdpkru());
    memset(area + 512, 0, 8);
    __asm__ volatile("xrstor %0" : : "m"(area), "a"(1 << 9), "d"(0));
    printf("initialised %#x\n", rdpkru());

    wrpkru(0x55555550);
    pthread_t other;
    pthread_create(&other, 0, thread, 0);
    pthread_join(other, 0);
    printf("still %#x\n", rdpkru());
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        printf("child begins with %#x\n", rdpkru());
        fflush(stdout);
        _exit(syscall(SYS_pkey_free, key));
    }
    int status;
    waitpid(child, &status, 0);
    printf("child freed the key: %d\n", WEXITSTATUS(status));

    char *code = mmap(0, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    faults = 0;
    const int byte = *(volatile char *)code;
    printf("execute-only: %d after %d fault of code %d, key %d\n", byte, faults, last_code, last_key);
    return 0;
}
