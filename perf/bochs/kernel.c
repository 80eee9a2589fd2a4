// The work on a bare machine, without interrupts, every page mapped to itself: what is compiled in by -DMATRIX=0|1 and
// -DROUNDS=N. It prints to Bochs's port E9h and ends by its shutdown port.
#include "work.h"

static void out(unsigned short port, char byte) { __asm__ volatile("outb %0, %1" : : "a"(byte), "Nd"(port)); }

__attribute__((section(".start"), noreturn)) void start(void) {
    char* const memory = (char*)0x400000;
    double* const matrices = (double*)memory;
    const long result = MATRIX ? (long)multiply(matrices, matrices + 4096, matrices + 8192, ROUNDS)
                               : strings(memory, memory + (1 << 16), ROUNDS);
    char digits[24];
    int n = 0;
    for (unsigned long left = (unsigned long)result; n == 0 || left; left /= 10) digits[n++] = (char)('0' + left % 10);
    out(0xe9, '@');
    while (n) out(0xe9, digits[--n]);
    out(0xe9, '\n');
    const char bye[] = "Shutdown";
    for (int i = 0; bye[i]; i++) out(0x8900, bye[i]);
    for (;;) __asm__ volatile("hlt");
}
