# gcc -O2: compiles, assembles and links a C file; what came out runs here too.
# needs: gcc
cat >program.c <<'SOURCE'
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
static int order(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
int main(int argc, char **argv) {
    int v[100];
    for (int i = 0; i < 100; i++) v[i] = i * 7919 % 101;
    qsort(v, 100, sizeof *v, order);
    printf("%d %d %d %.10f %s\n", v[0], v[50], v[99], sqrt(2) * argc, argv[1]);
    return v[3];
}
SOURCE
gcc -O2 -Wall -o program program.c -lm && ./program argument
echo "status $?"
