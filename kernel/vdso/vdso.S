# The vDSO: clock readings without a system call, as a shared object that the kernel maps into each process. Time is the
# time-stamp counter (a nanosecond an instruction, and what was slept), so what is read here is what the call would say.
# Assembly, so that every compiler gives the same instructions: they are virtual time. It knows of vvar (vdso.h) alone.
# Linux: lib/vdso/gettimeofday.c, arch/x86/entry/vdso/vclock_gettime.c, vgetcpu.c.
        .text

        .set NANOSECONDS, 1000000000
        .set CLOCKS, 1 << 0 | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 11     # all of the system's own
        .set REALTIMES, 1 << 0 | 1 << 5 | 1 << 11
        .set COARSE, 1 << 5 | 1 << 6
        .set COARSE_NANOSECONDS, 4000000
        .set VVAR_MODE, 0               # 1: the counter is the clock; 0: only the kernel knows it
        .set VVAR_EPOCH, 8              # CLOCK_REALTIME at counter 0, in seconds

        .macro function name
        .globl __vdso_\name
        .type __vdso_\name, @function
        .weak \name
        .type \name, @function
        .p2align 4
__vdso_\name:
\name:
        .cfi_startproc
        .endm
        .macro end name
        .cfi_endproc
        .size __vdso_\name, . - __vdso_\name
        .size \name, . - \name
        .endm
        # rax: whole seconds of the counter, rdx: the nanoseconds beyond. Uses rcx.
        .macro read_counter
        rdtsc
        shlq $32, %rdx
        orq %rdx, %rax
        xorl %edx, %edx
        movl $NANOSECONDS, %ecx
        divq %rcx
        .endm

        # int clock_gettime(clockid_t, struct timespec *)
        function clock_gettime
        cmpl $11, %edi
        ja 1f
        movl $CLOCKS, %eax
        btl %edi, %eax
        jnc 1f
        cmpl $0, vvar + VVAR_MODE(%rip)
        je 1f
        read_counter
        movl $REALTIMES, %ecx
        btl %edi, %ecx
        jnc 2f
        addq vvar + VVAR_EPOCH(%rip), %rax
2:      movq %rax, (%rsi)
        movq %rdx, 8(%rsi)
        xorl %eax, %eax
        ret
1:      movl $228, %eax
        syscall
        ret
        end clock_gettime

        # int gettimeofday(struct timeval *, struct timezone *)
        function gettimeofday
        cmpl $0, vvar + VVAR_MODE(%rip)
        je 1f
        testq %rdi, %rdi
        je 2f
        read_counter
        addq vvar + VVAR_EPOCH(%rip), %rax
        movq %rax, (%rdi)
        movl %edx, %eax
        xorl %edx, %edx
        movl $1000, %ecx
        divl %ecx
        movq %rax, 8(%rdi)
2:      testq %rsi, %rsi
        je 3f
        movq $0, (%rsi)                 # UTC
3:      xorl %eax, %eax
        ret
1:      movl $96, %eax
        syscall
        ret
        end gettimeofday

        # time_t time(time_t *)
        function time
        cmpl $0, vvar + VVAR_MODE(%rip)
        je 1f
        read_counter
        addq vvar + VVAR_EPOCH(%rip), %rax
        testq %rdi, %rdi
        je 2f
        movq %rax, (%rdi)
2:      ret
1:      movl $201, %eax
        syscall
        ret
        end time

        # int clock_getres(clockid_t, struct timespec *)
        function clock_getres
        cmpl $11, %edi
        ja 1f
        movl $CLOCKS, %eax
        btl %edi, %eax
        jnc 1f
        testq %rsi, %rsi
        je 2f
        movl $1, %edx
        movl $COARSE, %eax
        btl %edi, %eax
        jnc 3f
        movl $COARSE_NANOSECONDS, %edx
3:      movq $0, (%rsi)
        movq %rdx, 8(%rsi)
2:      xorl %eax, %eax
        ret
1:      movl $229, %eax
        syscall
        ret
        end clock_getres

        # int getcpu(unsigned *cpu, unsigned *node, void *): there is one of each
        function getcpu
        testq %rdi, %rdi
        je 1f
        movl $0, (%rdi)
1:      testq %rsi, %rsi
        je 2f
        movl $0, (%rsi)
2:      xorl %eax, %eax
        ret
        end getcpu

        # ELFNOTE_START(Linux, 0, "a"): LINUX_VERSION_CODE, as glibc wants it
        .section .note, "a", @note
        .long 6, 4, 0
        .asciz "Linux"
        .p2align 2
        .long 6 << 16 | 12 << 8

        .section .note.GNU-stack, "", @progbits
