// A call through an entry of a table, as into a shared library: the entry has no line of its own.
__attribute__((noinline)) long doubled(long n) {
    return 2 * n;
}

long (*slot)(long) = doubled;
__asm__(".pushsection .text.entries, \"ax\"\n.type entry, @function\nentry: jmp *slot(%rip)\n.size entry, . - entry\n.popsection\n");
long entry(long n);

int main(void) {
    long n = entry(21);
    return n == 42 ? 0 : 1;
}
