// A boot sector: reads what follows it on the disk to 8000h, goes to 64-bit mode with the first GiB mapped to itself in
// pages of 2 MiB, enables AVX and jumps there.
        .code16
        .globl _start
_start: cli
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    $0x7c00, %sp
        movw    $packet, %si
        movb    $0x42, %ah
        int     $0x13
        inb     $0x92, %al              // A20
        orb     $2, %al
        outb    %al, $0x92
        movw    $0x1000, %di            // PML4, PDPT, PD
        movw    $0x1800, %cx
        xorw    %ax, %ax
        rep stosw
        movw    $0x2003, 0x1000
        movw    $0x3003, 0x2000
        movw    $0x3000, %di
        movl    $0x83, %eax
1:      movl    %eax, (%di)
        addw    $8, %di
        addl    $0x200000, %eax
        cmpw    $0x4000, %di
        jne     1b
        movl    $0x40620, %eax          // OSXSAVE, OSXMMEXCPT, OSFXSR, PAE
        movl    %eax, %cr4
        movl    $0x1000, %eax
        movl    %eax, %cr3
        movl    $0xc0000080, %ecx
        rdmsr
        orl     $0x100, %eax            // EFER.LME
        wrmsr
        lgdtl   gdt_pointer
        movl    $0x80000013, %eax       // PG, ET, MP, PE
        movl    %eax, %cr0
        ljmpl   $8, $long_mode
        .code64
long_mode:
        movw    $16, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    $0x1ffff8, %esp
        xorl    %ecx, %ecx
        xgetbv
        orl     $7, %eax
        xsetbv
        movl    $0x8000, %eax
        jmp     *%rax
        .balign 8
gdt:    .quad   0, 0x00209a0000000000, 0x0000920000000000
gdt_pointer:
        .word   23
        .long   gdt
packet: .byte   16, 0
        .word   32, 0x8000, 0           // sectors, offset, segment
        .quad   1
        .org    510
        .word   0xaa55
