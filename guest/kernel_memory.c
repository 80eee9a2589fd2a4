// The kernel's own memory: areas, processes and page tables are objects of slab caches, stacks of the vmalloc
// area and frames of the buddy allocator, and all of it comes back. What is free in blocks of all orders is
// what meminfo calls free; 512 frames taken one by one cut one block of the highest orders.
//
// options: --memory 64M
// host: no
// expect-stdout: buddy: blocks of all orders are MemFree
// expect-stdout: 1000 areas: 1000 objects of vm_area_struct more
// expect-stdout: unmapped: as many as before
// expect-stdout: 4 children: 4 mm_struct, 4 stacks of 16 kB more
// expect-stdout: waited for: as before
// expect-stdout: 512 frames: 512 minor, 0 major faults
// expect-stdout: 512 frames: 2048 kB less free, for pages and their tables 4 kB more
// expect-stdout: given back: as much as before
// expect-stdout: slabs: Slab is the pages of all caches
// expect-stdout: vmalloc: VmallocUsed is what vmallocinfo lists
// expect-faults: anonymous>=512
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/guest.h"

static long free_in_blocks(void) {
    char line[512];
    long pages = 0;
    FILE* in = fopen("/proc/buddyinfo", "r");
    while (in && fgets(line, sizeof line, in)) {
        char* at = strstr(line, "Normal") + 6;
        for (int order = 0; order <= 10; order++) pages += strtol(at, &at, 10) << order;
    }
    if (in) fclose(in);
    return pages * 4;
}

static long slab_kilobytes(void) {
    char line[512];
    long kb = 0;
    FILE* in = fopen("/proc/slabinfo", "r");
    while (in && fgets(line, sizeof line, in)) {
        long pages_each, slabs;
        if (sscanf(line, "%*s %*d %*d %*d %*d %ld : tunables %*d %*d %*d : slabdata %*d %ld", &pages_each,
                   &slabs) == 2)
            kb += pages_each * slabs * 4;
    }
    if (in) fclose(in);
    return kb;
}

static long vmalloc_kilobytes(void) {
    char line[512];
    long pages = 0;
    FILE* in = fopen("/proc/vmallocinfo", "r");
    while (in && fgets(line, sizeof line, in)) {
        const char* at = strstr(line, "pages=");
        if (at) pages += strtol(at + 6, NULL, 10);
    }
    if (in) fclose(in);
    return pages * 4;
}

int main(void) {
    enum { kAreas = 1000, kChildren = 4, kFrames = 512 };
    settle();
    (void)free_in_blocks();  // what reading files takes is there before anything is counted
    const long in_blocks = free_in_blocks();
    printf("buddy: blocks of all orders are %s\n",
           in_blocks == proc_field("/proc/meminfo", "MemFree:") ? "MemFree" : "something else");

    const long areas = proc_field("/proc/slabinfo", "vm_area_struct");
    unsigned char* p = mmap(NULL, 2 * kAreas * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < kAreas / 2; i++) mprotect(p + 4 * i * kPage, kPage, PROT_READ);
    printf("1000 areas: %ld objects of vm_area_struct more\n",
           proc_field("/proc/slabinfo", "vm_area_struct") - areas);
    munmap(p, 2 * kAreas * kPage);
    printf("unmapped: %s\n",
           proc_field("/proc/slabinfo", "vm_area_struct") == areas ? "as many as before" : "not all gone");

    const long spaces = proc_field("/proc/slabinfo", "mm_struct"),
               stacks = proc_field("/proc/meminfo", "KernelStack:");
    pid_t children[kChildren];
    for (int i = 0; i < kChildren; i++)
        if (!(children[i] = fork())) pause();
    printf("4 children: %ld mm_struct, %ld stacks of 16 kB more\n",
           proc_field("/proc/slabinfo", "mm_struct") - spaces,
           (proc_field("/proc/meminfo", "KernelStack:") - stacks) / 16);
    for (int i = 0; i < kChildren; i++) {
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
    printf("waited for: %s\n", proc_field("/proc/slabinfo", "mm_struct") == spaces &&
                                       proc_field("/proc/meminfo", "KernelStack:") == stacks
                                   ? "as before"
                                   : "not all gone");

    p = fresh_pages(kFrames * 2);
    p += (2 << 20) - (unsigned long)p % (2 << 20);  // with a table of its own
    const long free_before = proc_field("/proc/meminfo", "MemFree:"),
               tables = proc_field("/proc/meminfo", "PageTables:");
    begin_step();
    for (int i = 0; i < kFrames; i++) p[i * kPage] = 1;
    end_step("512 frames");
    const long more_tables = proc_field("/proc/meminfo", "PageTables:") - tables;
    printf("512 frames: %ld kB less free, for pages and their tables %ld kB more\n",
           free_before - proc_field("/proc/meminfo", "MemFree:") - more_tables, more_tables);
    munmap(p, kFrames * kPage);
    printf("given back: %s\n",
           proc_field("/proc/meminfo", "MemFree:") == free_before ? "as much as before" : "not all");

    printf("slabs: Slab is %s\n", slab_kilobytes() == proc_field("/proc/meminfo", "Slab:")
                                      ? "the pages of all caches"
                                      : "something else");
    printf("vmalloc: VmallocUsed is %s\n", vmalloc_kilobytes() == proc_field("/proc/meminfo", "VmallocUsed:")
                                               ? "what vmallocinfo lists"
                                               : "something else");
}
