// A block of instructions against the host CPU, one by one.
#include "tests/oracle/sequence_runner.h"

#include <catch2/catch.hpp>

namespace {

constexpr unsigned kSequences = 30'000;

}  // namespace

TEST_CASE("Sequences: a block leaves what its instructions leave on the host, one by one") {
    const bool translated = GENERATE(false, true);
    tests::Sequences sequences(1, translated);
    unsigned different = 0;
    for (unsigned n = 0; n < kSequences && different < 5; ++n) {
        const std::string found = sequences.run_one();
        if (found.empty()) continue;
        ++different;
        FAIL_CHECK((translated ? "translated sequence " : "sequence ") << n << "\n" << found);
    }
    CHECK(different == 0);
}
