// Doubles and floats: SSE2 arithmetic, conversions, comparisons with NaN, rounding, printed in all formats.
//
// expect-exit: 0
#include <math.h>
#include <stdio.h>

int main(void) {
    volatile double a = 1.5, b = -2.25, zero = 0;
    volatile float f = 0.1f;
    printf("%g %g %g %g %.17g\n", a + b, a - b, a * b, a / b, sqrt(a));
    printf("%d %d %d %d\n", a<b, a> b, zero / zero == zero / zero, zero / zero != 0);
    printf("%g %g %g\n", 1 / zero, -1 / zero, fabs(zero / zero));
    printf("%.9g %a %e %d %u %ld\n", f, a, b, (int)b, (unsigned)a, (long)(b * 1e15));
    double sum = 0;
    for (int i = 1; i < 2000; i++) sum += sin(i) * exp(-i / 500.0) + pow(i, 0.25) - log(i);
    printf("%.15g\n", sum);
    for (double x = 1e-310; x < 1e308; x *= 1e103) printf("%.17g ", x);
    printf("%.3f %.0f %5.1e\n", 2.0005, 2.5, 123456.0);
}
