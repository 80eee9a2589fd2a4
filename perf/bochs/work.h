// The work that is compared with Bochs: the same code in a program and in a machine without an operating system.
// Vector code of x86-64-v3 on memory that fits the first-level caches.
#include <immintrin.h>

enum { kSide = 64, kBytes = 16384 };

// Rounds of a product of two matrices of doubles, by fused multiply-adds of four; the trace.
static double multiply(double* a, double* b, double* c, long rounds) {
    for (long i = 0; i < kSide * kSide; i++) {
        a[i] = (double)(i % 17) / 4;
        b[i] = (double)(i % 23) / 8;
        c[i] = 0;
    }
    for (long round = 0; round < rounds; round++)
        for (long i = 0; i < kSide; i++)
            for (long k = 0; k < kSide; k++) {
                const __m256d factor = _mm256_set1_pd(a[i * kSide + k]);
                for (long j = 0; j < kSide; j += 4) {
                    double* const sum = c + i * kSide + j;
                    const __m256d row = _mm256_loadu_pd(b + k * kSide + j);
                    _mm256_storeu_pd(sum, _mm256_fmadd_pd(factor, row, _mm256_loadu_pd(sum)));
                }
            }
    double trace = 0;
    for (long i = 0; i < kSide; i++) trace += c[i * kSide + i];
    return trace;
}

// As the C library's AVX2 functions do it: 128 bytes a turn, the first match by VPMOVMSKB.
static void copy(char* to, const char* from, long bytes) {
    for (long at = 0; at < bytes; at += 128)
        for (long part = 0; part < 128; part += 32)
            _mm256_storeu_si256((__m256i*)(to + at + part),
                                _mm256_loadu_si256((const __m256i*)(from + at + part)));
}
static long find(const char* text, char wanted) {
    const __m256i all = _mm256_set1_epi8(wanted), zero = _mm256_setzero_si256();
    for (long at = 0;; at += 32) {
        const __m256i here = _mm256_loadu_si256((const __m256i*)(text + at));
        const __m256i found = _mm256_or_si256(_mm256_cmpeq_epi8(here, all), _mm256_cmpeq_epi8(here, zero));
        const unsigned mask = (unsigned)_mm256_movemask_epi8(found);
        if (mask) return at + __builtin_ctz(mask);
    }
}
// Rounds of memcpy, strlen and strchr; the sum of what they find.
static long strings(char* from, char* to, long rounds) {
    for (long i = 0; i < kBytes + 128; i++) from[i] = 'a';
    from[kBytes - 1] = 0;
    from[kBytes - 9] = 'z';
    long sum = 0;
    for (long round = 0; round < rounds; round++) {
        const long skip = round & 63;
        copy(to, from + skip, kBytes);
        sum += find(to, 0) + find(to, 'z');
        for (long n = 8; n < 512; n *= 2) sum += find(to + kBytes - n - 64, 'z');
    }
    return sum;
}
