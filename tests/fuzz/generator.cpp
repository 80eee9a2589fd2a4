#include "tests/fuzz/generator.h"

namespace tests {

using mmu::u8;

std::vector<u8> InputGenerator::instruction() {
    RandomCase made;
    for (;;) {
        const auto chapter = chapters_[rng_.below(chapters_.size())];
        if (make_case(chapter[rng_.below(chapter.size())], rng_, made)) return made.bytes;
    }
}

std::vector<u8> InputGenerator::next() {
    std::vector<u8> bytes;
    const mmu::u64 count = 1 + rng_.below(12);
    for (mmu::u64 n = 0; n < count; ++n) {
        if (rng_.below(8) == 0) {
            for (mmu::u64 more = rng_.below(6); more > 0; --more)
                bytes.push_back(static_cast<u8>(rng_.next()));
            continue;
        }
        std::vector<u8> one = instruction();
        if (rng_.below(3) == 0) one[rng_.below(one.size())] ^= static_cast<u8>(1u << rng_.below(8));
        if (rng_.below(6) == 0) {
            constexpr u8 kPrefixes[] = {0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x48, 0x64,
                                        0x65, 0x2e, 0x0f, 0xc4, 0xc5, 0x62};
            one.insert(one.begin(), kPrefixes[rng_.below(std::size(kPrefixes))]);
        }
        bytes.insert(bytes.end(), one.begin(), one.end());
    }
    if (bytes.empty()) bytes.push_back(0x90);
    return bytes;
}

}  // namespace tests
