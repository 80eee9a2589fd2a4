// Workload: dependent loads through a random cycle of cache lines. usage: chase [MiB] [thousand hops].
// Prints the node reached; nanoseconds per hop are the run's time less that of `chase MiB 0`, divided by the
// hops.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct node {
    struct node* next;
    char line[56];
};

int main(int argc, char** argv) {
    size_t count = ((size_t)(argc > 1 ? atoi(argv[1]) : 64) << 20) / sizeof(struct node);
    long hops = (argc > 2 ? atol(argv[2]) : 10000) * 1000;
    struct node* nodes = malloc(count * sizeof *nodes);
    uint32_t* order = malloc(count * sizeof *order);
    uint64_t state = 1;
    for (size_t i = 0; i < count; i++) order[i] = (uint32_t)i;
    for (size_t i = count - 1; i > 0; i--) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        size_t j = (state >> 33) % (i + 1);
        uint32_t swap = order[i];
        order[i] = order[j], order[j] = swap;
    }
    for (size_t i = 0; i < count; i++) nodes[order[i]].next = &nodes[order[(i + 1) % count]];
    struct node* at = nodes;
    for (long i = 0; i < hops; i++) at = at->next;
    printf("chase %zu\n", (size_t)(at - nodes));
}
