// libFuzzer's entry: decoder and block builder against Capstone (tests/fuzz/targets.h).
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    static tests::DecodeTarget target;
    const std::string wrong = target.check({data, size});
    if (wrong.empty()) return 0;
    std::fprintf(stderr, "fuzz_decode: %s\n", wrong.c_str());
    std::abort();
}
