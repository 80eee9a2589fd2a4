// malloc under load: blocks of all size classes, realloc, aligned blocks, four threads that also free each
// other's blocks; every block's bytes are checked before it goes. With glibc also malloc_trim and
// malloc_info, whose numbers are the allocator's own. Everything printed is the same on every Linux with the
// same libc.
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 400, ROUNDS = 6000, THREADS = 4 };

typedef struct {
    unsigned char* at;
    size_t size;
    unsigned char mark;
} Block;

static uint64_t draw(uint64_t* state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/// Mostly small, some of pages, now and then beyond every threshold for mmap.
static size_t draw_size(uint64_t* state) {
    const uint64_t kind = draw(state) % 100;
    if (kind < 60) return draw(state) % 300;
    if (kind < 90) return draw(state) % 9000;
    if (kind < 99) return draw(state) % 100000;
    return 128 * 1024 + draw(state) % 400000;
}

/// Checks first, last and some bytes between; a sum of them.
static uint64_t look(const Block* block) {
    uint64_t sum = block->size;
    for (size_t i = 0; i < block->size; i += block->size / 16 + 1) {
        if (block->at[i] != block->mark) {
            printf("a block of %zu bytes has changed at %zu\n", block->size, i);
            exit(1);
        }
        sum = sum * 31 + block->at[i];
    }
    if (block->size && block->at[block->size - 1] != block->mark) exit(2);
    return sum;
}

static void fill(Block* block, uint64_t* state) {
    block->mark = (unsigned char)draw(state);
    memset(block->at, block->mark, block->size);
}

static uint64_t churn(uint64_t seed, Block* blocks, unsigned rounds) {
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 1, sum = 0;
    for (unsigned n = 0; n < rounds; n++) {
        Block* block = &blocks[draw(&state) % SLOTS];
        const uint64_t what = draw(&state) % 10;
        if (!block->at) {
            block->size = draw_size(&state);
            if (what == 0) {
                const size_t alignment = (size_t)16 << draw(&state) % 9;
                if (posix_memalign((void**)&block->at, alignment, block->size)) exit(3);
                if ((uintptr_t)block->at % alignment) exit(4);
            } else {
                block->at = what == 1 ? calloc(1, block->size + 1) : malloc(block->size + 1);
                if (what == 1 && block->at[block->size / 2]) exit(5);
            }
            fill(block, &state);
        } else if (what < 3) {
            const size_t before = block->size;
            sum += look(block);
            block->size = draw_size(&state);
            block->at = realloc(block->at, block->size + 1);
            const Block kept = {block->at, before < block->size ? before : block->size, block->mark};
            sum += look(&kept);
            fill(block, &state);
        } else {
            sum += look(block);
            free(block->at);
            block->at = 0;
        }
    }
    return sum;
}

static Block blocks[THREADS][SLOTS];
static uint64_t sums[THREADS];
static pthread_barrier_t barrier;

static void* worker(void* argument) {
    const uintptr_t me = (uintptr_t)argument;
    sums[me] = churn(me + 100, blocks[me], ROUNDS);
    pthread_barrier_wait(&barrier);
    // The next one's blocks, which another arena gave.
    sums[me] += churn(me + 200, blocks[(me + 1) % THREADS], ROUNDS);
    return 0;
}

static void trim(const char* when) {
#ifdef __GLIBC__
    const int gave_back = malloc_trim(0);
    const struct mallinfo2 info = mallinfo2();
    printf("%s: trim %d, in use %zu, mapped %zu in %zu blocks, kept at the top %zu\n", when, gave_back,
           info.uordblks, info.hblkhd, info.hblks, info.keepcost);
    malloc_info(0, stdout);
#else
    (void)when;
#endif
}

int main(void) {
    static char buffer[1 << 16];  // stdout's own block would be among the counted
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    static Block first[SLOTS];
    printf("one thread: %016llx\n", (unsigned long long)churn(1, first, 4 * ROUNDS));
    trim("half full");
    for (int i = 0; i < SLOTS; i++) free(first[i].at);
    trim("all free");
    pthread_t threads[THREADS];
    pthread_barrier_init(&barrier, 0, THREADS);
    for (uintptr_t i = 0; i < THREADS; i++) pthread_create(&threads[i], 0, worker, (void*)i);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], 0);
    for (int i = 0; i < THREADS; i++) printf("thread %d: %016llx\n", i, (unsigned long long)sums[i]);
    return 0;
}
