#include "tests/support/xsave_area.h"

#include <cstring>

namespace tests {

using mmu::Registers;

namespace {

constexpr u16 kTopMask = 7u << 11;

}  // namespace

void store_fpu(const Registers& from, XsaveArea& area) {
    area.control = from.x87.control;
    area.status = static_cast<u16>((from.x87.status & ~kTopMask) | from.x87.top << 11);
    area.tag = from.x87.valid;
    area.mxcsr = from.mxcsr;
    area.components |= XsaveComponent::kAll;
    for (unsigned i = 0; i < 8; ++i) std::memcpy(area.x87[i], &from.x87.physical[(from.x87.top + i) & 7], 10);
    for (unsigned i = 0; i < 16; ++i) {
        std::memcpy(area.xmm[i], from.vector[i].bytes.data(), 16);
        std::memcpy(area.ymm_high[i], from.vector[i].bytes.data() + 16, 16);
    }
}

void load_fpu(const XsaveArea& area, u64 components, Registers& to) {
    to.x87 = {};
    to.vector = {};
    to.mxcsr = area.mxcsr;
    if (components & XsaveComponent::kX87) {
        to.x87.control = area.control;
        to.x87.status = static_cast<u16>(area.status & ~kTopMask);
        to.x87.top = (area.status >> 11) & 7;
        to.x87.valid = area.tag;
        for (unsigned i = 0; i < 8; ++i) {
            mmu::Float80& value = to.x87.physical[(to.x87.top + i) & 7];
            std::memcpy(&value.significand, area.x87[i], 8);
            std::memcpy(&value.sign_exponent, area.x87[i] + 8, 2);
        }
    }
    for (unsigned i = 0; i < 16; ++i) {
        if (components & XsaveComponent::kSse) std::memcpy(to.vector[i].bytes.data(), area.xmm[i], 16);
        if (components & XsaveComponent::kAvx)
            std::memcpy(to.vector[i].bytes.data() + 16, area.ymm_high[i], 16);
    }
}

}  // namespace tests
