// Workload: a product of two matrices of doubles by fused multiply-adds of four. usage: matrix [size] [rounds].
#pragma GCC optimize("O3")
#pragma GCC target("avx2,fma")
#include <stdio.h>
#include <stdlib.h>

static void multiply(long n, const double* restrict a, const double* restrict b, double* restrict c) {
    for (long i = 0; i < n; i++)
        for (long k = 0; k < n; k++) {
            const double factor = a[i * n + k];
            for (long j = 0; j < n; j++) c[i * n + j] += factor * b[k * n + j];
        }
}

int main(int argc, char** argv) {
    const long n = argc > 1 ? atol(argv[1]) : 256, rounds = argc > 2 ? atol(argv[2]) : 20;
    double* a = malloc(sizeof(double[n][n]));
    double* b = malloc(sizeof(double[n][n]));
    double* c = calloc((size_t)(n * n), sizeof(double));
    if (!a || !b || !c) return 1;
    for (long i = 0; i < n * n; i++) {
        a[i] = (double)(i % 17) / 4;
        b[i] = (double)(i % 23) / 8;
    }
    for (long round = 0; round < rounds; round++) multiply(n, a, b, c);
    double trace = 0;
    for (long i = 0; i < n; i++) trace += c[i * n + i];
    printf("matrix %.3f\n", trace);
}
