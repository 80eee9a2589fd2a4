#include "tests/oracle/host_features.h"

#include <cpuid.h>

#include <array>

#include "tests/support/host_cpu.h"

namespace tests {
namespace {

/// The feature of a row; a table without such a column has only what every x86-64 CPU has.
template <class Row>
emu::Feature feature_of(const Row& row) {
    if constexpr (requires { row.feature; })
        return row.feature;
    else
        return emu::Feature::kCount;
}

enum Register : unsigned { kEax, kEbx, kEcx, kEdx };

bool cpuid_bit(unsigned leaf, Register word, unsigned bit) {
    std::array<unsigned, 4> r{};
    return __get_cpuid_count(leaf, 0, &r[kEax], &r[kEbx], &r[kEcx], &r[kEdx]) && (r[word] >> bit & 1);
}

/// What needs YMM registers also needs a system that keeps them.
bool keeps_ymm() {
    return __builtin_cpu_supports("avx");
}

struct HostFeature {
    const char* name;
    bool present;
};

HostFeature on_host(emu::Feature feature) {
    using enum emu::Feature;
    switch (feature) {
        case kSse3:
            return {"SSE3", cpuid_bit(1, kEcx, 0)};
        case kSsse3:
            return {"SSSE3", cpuid_bit(1, kEcx, 9)};
        case kSse41:
            return {"SSE4.1", cpuid_bit(1, kEcx, 19)};
        case kSse42:
            return {"SSE4.2", cpuid_bit(1, kEcx, 20)};
        case kPopcnt:
            return {"POPCNT", cpuid_bit(1, kEcx, 23)};
        case kCmpxchg16b:
            return {"CMPXCHG16B", cpuid_bit(1, kEcx, 13)};
        case kMovbe:
            return {"MOVBE", cpuid_bit(1, kEcx, 22)};
        case kLzcnt:
            return {"LZCNT", cpuid_bit(0x80000001, kEcx, 5)};
        case kBmi1:
            return {"BMI1", cpuid_bit(7, kEbx, 3)};
        case kBmi2:
            return {"BMI2", cpuid_bit(7, kEbx, 8)};
        case kRdtscp:
            return {"RDTSCP", cpuid_bit(0x80000001, kEdx, 27)};
        case kXsave:
            return {"XSAVE", cpuid_bit(1, kEcx, 27)};
        case kAvx:
            return {"AVX", keeps_ymm()};
        case kAvx2:
            return {"AVX2", keeps_ymm() && cpuid_bit(7, kEbx, 5)};
        case kFsgsbase:
            return {"FSGSBASE", HostCpu::loads_fs()};
        case kInvpcid:  // privileged: #GP here as there
        case kCount:
            return {"", true};
    }
    return {"a feature that host_features.cpp does not know", false};
}

}  // namespace

const char* missing_on_host(const emu::OpcodeRow& row) {
    const HostFeature feature = on_host(feature_of(row));
    return feature.present ? nullptr : feature.name;
}

}  // namespace tests
