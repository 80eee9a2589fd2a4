// libFuzzer's entry: arbitrary code in blocks and one by one (tests/fuzz/targets.h).
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    static tests::RunTarget target;
    const std::string wrong = target.check({data, size});
    if (wrong.empty()) return 0;
    std::fprintf(stderr, "fuzz_run: %s\n", wrong.c_str());
    std::abort();
}
