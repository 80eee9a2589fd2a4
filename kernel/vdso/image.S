# The linked vDSO as data. Its symbols are vdso.cpp's.
        .section .rodata
        .globl kernel_vdso_start, kernel_vdso_end
        .p2align 4
kernel_vdso_start:
        .incbin "vdso.so"
kernel_vdso_end:
        .section .note.GNU-stack, "", @progbits
