// Instructions that run on the host where it has them: the plain C++ that stands in elsewhere gives the same.
#include "emu/cpu/feature.h"
#include "emu/insn/crc32c.h"
#include "emu/insn/crypto_host.h"
#include "mmu/base/rng.h"

#include <catch2/catch.hpp>
#include <cstring>

using namespace emu;
using namespace emu::insn;
using Xmm = __m128i;

namespace {

constexpr unsigned kCases = 2000;

Xmm random_xmm(mmu::Rng& rng) {
    return _mm_set_epi64x(static_cast<long long>(rng.next()), static_cast<long long>(rng.next()));
}
bool same(Xmm a, Xmm b) {
    return std::memcmp(&a, &b, sizeof a) == 0;
}
/// True, with a word about it, where the host has no such instruction.
bool lacks(Feature feature) {
    if (host_features().has(feature)) return false;
    WARN("skipped: no " << name_of(feature) << " on this host");
    return true;
}

}  // namespace

TEST_CASE("AES in plain C++ gives what the host gives") {
    if (lacks(Feature::kAes)) return;
    mmu::Rng rng(1);
    for (unsigned n = 0; n < kCases; ++n) {
        const Xmm a = random_xmm(rng), b = random_xmm(rng);
        REQUIRE(same(host::kAesenc(a, b), portable::aesenc(a, b)));
        REQUIRE(same(host::kAesenclast(a, b), portable::aesenclast(a, b)));
        REQUIRE(same(host::kAesdec(a, b), portable::aesdec(a, b)));
        REQUIRE(same(host::kAesdeclast(a, b), portable::aesdeclast(a, b)));
        REQUIRE(same(host::kAesimc(a), portable::aesimc(a)));
        REQUIRE(same(host::kAeskeygenassist(a), portable::aeskeygenassist(a)));
    }
}

TEST_CASE("Carry-less multiplication in plain C++ gives what the host gives") {
    if (lacks(Feature::kPclmulqdq)) return;
    mmu::Rng rng(2);
    for (unsigned n = 0; n < kCases; ++n) {
        const Xmm a = random_xmm(rng), b = random_xmm(rng);
        REQUIRE(same(host::kPclmulqdq(a, b), portable::pclmulqdq(a, b)));
    }
}

TEST_CASE("SHA in plain C++ gives what the host gives") {
    if (lacks(Feature::kSha)) return;
    mmu::Rng rng(3);
    for (unsigned n = 0; n < kCases; ++n) {
        const Xmm a = random_xmm(rng), b = random_xmm(rng), keys = random_xmm(rng);
        REQUIRE(same(host::kSha1nexte(a, b), portable::sha1nexte(a, b)));
        REQUIRE(same(host::kSha1msg1(a, b), portable::sha1msg1(a, b)));
        REQUIRE(same(host::kSha1msg2(a, b), portable::sha1msg2(a, b)));
        REQUIRE(same(host::kSha1rnds4(a, b, n & 3), portable::sha1rnds4(a, b, n & 3)));
        REQUIRE(same(host::kSha256rnds2(a, b, keys), portable::sha256rnds2(a, b, keys)));
        REQUIRE(same(host::kSha256msg1(a, b), portable::sha256msg1(a, b)));
        REQUIRE(same(host::kSha256msg2(a, b), portable::sha256msg2(a, b)));
    }
}

TEST_CASE("CRC-32C in plain C++ gives what the host gives") {
    if (lacks(Feature::kSse42)) return;
    mmu::Rng rng(4);
    for (unsigned n = 0; n < kCases; ++n) {
        const u64 data = rng.next();
        const u32 crc = static_cast<u32>(rng.next());
        REQUIRE(host_crc32c(crc, data) == portable_crc32c(crc, data));
        REQUIRE(host_crc32c(crc, static_cast<u32>(data)) == portable_crc32c(crc, static_cast<u32>(data)));
        REQUIRE(host_crc32c(crc, static_cast<u16>(data)) == portable_crc32c(crc, static_cast<u16>(data)));
        REQUIRE(host_crc32c(crc, static_cast<u8>(data)) == portable_crc32c(crc, static_cast<u8>(data)));
    }
}
