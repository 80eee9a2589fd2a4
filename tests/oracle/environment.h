// What a user says to the oracle: MMUSCOPE_ORACLE_SECONDS, MMUSCOPE_ORACLE_SEED, MMUSCOPE_ORACLE_ROW
// (README.md).
#pragma once

#include <cstdlib>

#include "mmu/base/ints.h"

namespace tests {

inline mmu::u64 number_from_environment(const char* name, mmu::u64 otherwise) {
    const char* text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

}  // namespace tests
