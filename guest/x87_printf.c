// long double through printf and strtod: x87 arithmetic, 80-bit loads and stores, rounding control.
//
// expect-exit: 0
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int main(void) {
    volatile long double third = 1.0L / 3, sum = 0;
    for (int i = 1; i <= 1000; i++) sum += 1.0L / i;
    printf("%.20Lg %.18Lf %La\n", third, sum, third);
    printf("%Lg %Lg %Lg\n", strtold("1e4932", 0), strtold("3.6451995318824746025e-4951", 0),
           -strtold("inf", 0));
    printf("%.17g %.17g\n", strtod("0.1", 0), strtod("123456789.123456789e-300", 0));
    printf("%ld %ld %lld\n", lrintl(2.5L), lrintl(-3.5L), (long long)(third * 1e18L));
    volatile long double x = 2.0L;
    printf("%.20Lg %.20Lg %.20Lg\n", sqrtl(x), fabsl(-x), fmodl(1e18L, 7.5L));
}
