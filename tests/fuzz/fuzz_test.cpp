// The fuzz targets on a fixed set of inputs; `./dev fuzz` goes on with coverage as its guide.
#include "tests/fuzz/generator.h"
#include "tests/fuzz/targets.h"

#include <catch2/catch.hpp>
#include <cstdio>
#include <set>

namespace {

constexpr unsigned kInputs = 20'000;

std::string hex(const std::vector<mmu::u8>& bytes) {
    std::string text;
    char byte[4];
    for (const mmu::u8 each : bytes) {
        std::snprintf(byte, sizeof byte, "%02x ", each);
        text += byte;
    }
    return text;
}

template <class Target>
void check_all(mmu::u64 seed) {
    Target target;
    tests::InputGenerator inputs(seed);
    std::set<std::string> found;
    for (unsigned n = 0; n < kInputs && found.size() < 20; ++n) {
        const std::vector<mmu::u8> bytes = inputs.next();
        if (const std::string wrong = target.check(bytes); !wrong.empty())
            if (found.insert(wrong).second) FAIL_CHECK(wrong << "\n  input " << hex(bytes));
    }
    CHECK(found.empty());
}

}  // namespace

TEST_CASE("Fuzz: no bytes are executed as something else than Capstone says") {
    check_all<tests::DecodeTarget>(1);
}

TEST_CASE("Fuzz: arbitrary code does the same in blocks and one by one") {
    check_all<tests::RunTarget>(2);
}
