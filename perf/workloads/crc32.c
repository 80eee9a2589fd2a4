// Workload: table-driven CRC-32 (IEEE 802.3) over a 1 MiB buffer. usage: crc32 [passes]; prints the CRC.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t table[256];
static uint8_t buffer[1 << 20];

static void make_table(void) {
    for (uint32_t n = 0; n < 256; n++) {
        uint32_t c = n;
        for (int k = 0; k < 8; k++) c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
        table[n] = c;
    }
}

int main(int argc, char** argv) {
    int passes = argc > 1 ? atoi(argv[1]) : 40;
    make_table();
    for (size_t i = 0; i < sizeof buffer; i++) buffer[i] = (uint8_t)(i * 2654435761u >> 13);
    uint32_t crc = ~0u;
    for (int pass = 0; pass < passes; pass++)
        for (size_t i = 0; i < sizeof buffer; i++) crc = table[(crc ^ buffer[i]) & 0xff] ^ (crc >> 8);
    printf("crc32 %08x\n", ~crc);
}
