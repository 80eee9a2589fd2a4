// Raises every signal that a fault can raise and prints what its handler finds: numbers, codes, addresses,
// the error code, the saved registers; then masks, queues, alternate stacks and timers. Ends by an ignored
// SIGSEGV. Usage: signals FILE (shorter than a page)
// libc: glibc
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf back;
static char* pages;
static char alternate[65536];
static volatile int count, depth;

static void report(int signal, siginfo_t* info, void* context) {
    const ucontext_t* uc = context;
    const greg_t* gregs = uc->uc_mcontext.gregs;
    const unsigned long address = (unsigned long)info->si_addr, base = (unsigned long)pages;
    char where[32];
    if (address == (unsigned long)gregs[REG_RIP])
        strcpy(where, "rip");
    else
        snprintf(where, sizeof where, "%lx", address - base < 0x100000 ? address - base : address);
    printf("signal %d code %d errno %d addr %s trapno %llu err %llx cr2 %d flags %llx cs %llx mask %lx\n",
           signal, info->si_code, info->si_errno, where, gregs[REG_TRAPNO], gregs[REG_ERR],
           gregs[REG_TRAPNO] == 14 ? (unsigned long)gregs[REG_CR2] == address : -1, gregs[REG_EFL] & 0x600d00,
           gregs[REG_CSGSFS], uc->uc_sigmask.__val[0]);
    printf("  uc_flags %lx mxcsr %x cwd %x aligned %d alternate %d ss_flags %d\n", uc->uc_flags & 6,
           uc->uc_mcontext.fpregs->mxcsr & 0xffc0, uc->uc_mcontext.fpregs->cwd, (int)((unsigned long)uc % 16),
           (char*)&where > alternate && (char*)&where < alternate + sizeof alternate, uc->uc_stack.ss_flags);
    siglongjmp(back, 1);
}

static void recurse(int signal) {
    printf("recurse %d depth %d\n", signal, depth);
    if (depth++ < 2) raise(signal);
    depth--;
}
static void tally(int signal) {
    (void)signal;
    count++;
}
static void queued(int signal, siginfo_t* info, void* context) {
    (void)context;
    printf("queued %d code %d value %d own %d\n", signal, info->si_code, info->si_value.sival_int,
           info->si_pid == getpid());
}

#define TRY(name, ...)             \
    do {                           \
        printf("%s: ", name);      \
        if (!sigsetjmp(back, 1)) { \
            __VA_ARGS__;           \
            printf("no signal\n"); \
        }                          \
    } while (0)

static void act(int signal, void (*handler)(int), int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    if (sigaction(signal, &action, NULL)) printf("sigaction %d: %d\n", signal, errno);
}
static void act_info(int signal, void (*handler)(int, siginfo_t*, void*), int flags) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO};
    if (sigaction(signal, &action, NULL)) printf("sigaction %d: %d\n", signal, errno);
}

static void memory_faults(const char* file) {
    volatile char* const p = pages;
    volatile char sink;
    TRY("write to read-only", p[5] = 1);
    TRY("read of PROT_NONE", sink = p[4096 + 7]);
    TRY("read of nothing", sink = p[8192 + 9]);
    TRY("write to nothing", p[8192] = 1);
    TRY("jump to data", ((void (*)(void))pages)());
    TRY("jump to nothing", ((void (*)(void))(pages + 8192 + 3))());
    TRY("kernel read", sink = *(volatile char*)0xffffffff80000000ul);
    TRY("kernel write", *(volatile char*)0xffffffff80000000ul = 1);
    TRY("non-canonical read", sink = *(volatile char*)0x8000000000000000ul);
    TRY("non-canonical jump", ((void (*)(void))0x1234567812345678ul)());
    TRY("non-canonical stack",
        __asm__ volatile(
            "mov %%rsp, %%rbx; movabs $0x8000000000000000, %%rsp; push %%rax; mov %%rbx, %%rsp" ::
                : "rbx", "memory"));
    const int fd = open(file, O_RDONLY);
    char* const saved = pages;
    pages = mmap(0, 8192, PROT_READ, MAP_PRIVATE, fd, 0);
    TRY("beyond the end of a file", sink = *(volatile char*)(pages + 4096 + 1));
    pages = saved;
    (void)sink;
}

static void instruction_faults(void) {
    TRY("ud2", __asm__ volatile("ud2"));
    TRY("int3", __asm__ volatile("int3"));
    TRY("hlt", __asm__ volatile("hlt"));
    TRY("int 0x81", __asm__ volatile("int $0x81"));
    TRY("in", __asm__ volatile("in $0x60, %%al" ::: "rax"));
    TRY("divide by zero", __asm__ volatile("xor %%ecx, %%ecx; div %%ecx" ::: "eax", "ecx", "edx"));
    TRY("divide overflow", __asm__ volatile("mov $0x80000000, %%eax; cdq; mov $-1, %%ecx; idiv %%ecx" ::
                                                : "eax", "ecx", "edx"));
    const unsigned no_divide = 0x1f80 & ~0x200, no_invalid = 0x1f80 & ~0x80, all = 0x1f80;
    const double zero = 0, one = 1;
    TRY("SSE divide by zero",
        __asm__ volatile("ldmxcsr %0; movsd %2, %%xmm0; divsd %1, %%xmm0" ::"m"(no_divide), "m"(zero),
                         "m"(one)
                         : "xmm0"));
    TRY("SSE invalid",
        __asm__ volatile("ldmxcsr %0; movsd %1, %%xmm0; divsd %1, %%xmm0" ::"m"(no_invalid), "m"(zero)
                         : "xmm0"));
    __asm__ volatile("ldmxcsr %0" ::"m"(all));
    const unsigned short control = 0x37f & ~4;
    TRY("x87 divide by zero", __asm__ volatile("fninit; fldcw %0; fld1; fldz; fdivrp; fwait" ::"m"(control)));
    __asm__ volatile("fninit");
}

static void masks_and_queues(void) {
    sigset_t set, old, none;
    sigemptyset(&none);
    act(SIGUSR1, recurse, SA_NODEFER);
    raise(SIGUSR1);
    depth = 5;
    act(SIGUSR2, recurse, SA_RESETHAND);
    raise(SIGUSR2);
    struct sigaction now;
    sigaction(SIGUSR2, NULL, &now);
    printf("reset %d\n", now.sa_handler == SIG_DFL);

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &old);
    act(SIGTERM, tally, 0);
    raise(SIGTERM);
    raise(SIGTERM);
    sigpending(&old);
    printf("pending %d count %d\n", sigismember(&old, SIGTERM), count);
    const int suspended = sigsuspend(&none);
    printf("sigsuspend %d %d count %d\n", suspended, errno, count);

    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 2);
    sigaddset(&set, SIGRTMIN + 1);
    act_info(SIGRTMIN + 2, queued, 0);
    act_info(SIGRTMIN + 1, queued, 0);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < 3; i++) {
        sigqueue(getpid(), SIGRTMIN + 2, (union sigval){.sival_int = i});
        sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 10 + i});
    }
    sigprocmask(SIG_UNBLOCK, &set, NULL);

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGUSR1);
    siginfo_t info;
    const int waited = sigwaitinfo(&set, &info);
    printf("sigwaitinfo %d code %d\n", waited, info.si_code);
    const struct timespec soon = {0, 1000};
    const int timed = sigtimedwait(&set, &info, &soon);
    printf("sigtimedwait %d %d\n", timed, errno);
}

static void timers_and_pipes(void) {
    act(SIGALRM, tally, 0);
    count = 0;
    const struct itimerval soon = {{0, 0}, {0, 1000}};
    setitimer(ITIMER_REAL, &soon, NULL);
    const int paused = pause();
    printf("pause %d %d count %d\n", paused, errno, count);
    setitimer(ITIMER_REAL, &soon, NULL);
    while (count < 2) continue;
    printf("spun\n");
    int ends[2];
    if (pipe(ends)) return;
    close(ends[0]);
    act(SIGPIPE, tally, 0);
    count = 0;
    const int written = (int)write(ends[1], "x", 1);
    printf("closed pipe %d %d count %d\n", written, errno, count);
    const int killed = kill(99999999, 0);
    printf("kill %d %d\n", killed, errno);
    act(SIGKILL, tally, 0);
}

int main(int argc, char** argv) {
    static char out[1 << 16];
    setvbuf(stdout, out, _IOFBF, sizeof out);
    pages = mmap(0, 3 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(pages + 4096, 4096, PROT_NONE);
    munmap(pages + 8192, 4096);
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    for (int round = 0; round < 2; round++) {  // on the stack, then on the alternate one
        const int flags = round ? SA_ONSTACK : 0;
        if (round) printf("sigaltstack %d\n", sigaltstack(&stack, NULL));
        act_info(SIGSEGV, report, flags);
        act_info(SIGBUS, report, SA_ONSTACK);
        act_info(SIGILL, report, flags);
        act_info(SIGFPE, report, flags);
        act_info(SIGTRAP, report, flags);
        if (round) memory_faults(argc > 1 ? argv[1] : "/dev/null");
        instruction_faults();
    }
    stack_t old;
    sigaltstack(NULL, &old);
    printf("alternate stack: flags %d size %zu\n", old.ss_flags, old.ss_size);
    stack.ss_size = 100;
    const int small = sigaltstack(&stack, NULL);
    printf("too small: %d %d\n", small, errno);
    stack.ss_flags = 77;
    const int odd = sigaltstack(&stack, NULL);
    printf("odd flags: %d %d\n", odd, errno);
    masks_and_queues();
    timers_and_pipes();
    fflush(stdout);
    signal(SIGSEGV, SIG_IGN);
    return *(volatile char*)(pages + 8192);
}
