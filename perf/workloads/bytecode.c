// Workload: a bytecode interpreter with a switch, running a prime sieve's inner loop. usage: bytecode
// [thousand rounds].
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { kAdd, kSub, kXor, kShl, kLoad, kStore, kJnz, kMul, kMov, kHalt };
struct op {
    uint8_t code, a, b, c;
};

static uint64_t run(const struct op* program, uint64_t rounds) {
    uint64_t r[8] = {rounds, 1, 3, 0x9e3779b97f4a7c15u, 0, 0, 0, 0}, memory[64] = {0};
    for (const struct op* pc = program;; pc++) {
        switch (pc->code) {
            case kAdd:
                r[pc->a] = r[pc->b] + r[pc->c];
                break;
            case kSub:
                r[pc->a] = r[pc->b] - r[pc->c];
                break;
            case kXor:
                r[pc->a] = r[pc->b] ^ r[pc->c];
                break;
            case kShl:
                r[pc->a] = r[pc->b] << (pc->c & 63) | r[pc->b] >> (64 - (pc->c & 63));
                break;
            case kLoad:
                r[pc->a] = memory[r[pc->b] & 63];
                break;
            case kStore:
                memory[r[pc->b] & 63] = r[pc->a];
                break;
            case kMul:
                r[pc->a] = r[pc->b] * r[pc->c];
                break;
            case kMov:
                r[pc->a] = r[pc->b];
                break;
            case kJnz:
                if (r[pc->a]) pc -= pc->b;
                break;
            case kHalt:
                return r[4] ^ r[5] ^ r[6];
        }
    }
}

int main(int argc, char** argv) {
    static const struct op program[] = {{kMul, 4, 0, 3},   {kXor, 5, 5, 4},  {kShl, 5, 5, 7},
                                        {kStore, 5, 0, 0}, {kAdd, 6, 0, 2},  {kLoad, 7, 6, 0},
                                        {kAdd, 6, 6, 7},   {kMov, 7, 6, 0},  {kXor, 4, 4, 7},
                                        {kSub, 0, 0, 1},   {kJnz, 0, 11, 0}, {kHalt, 0, 0, 0}};
    uint64_t rounds = (uint64_t)(argc > 1 ? atoi(argv[1]) : 5000) * 1000;
    printf("bytecode %016llx\n", (unsigned long long)run(program, rounds));
}
