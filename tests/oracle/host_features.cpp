#include "tests/oracle/host_features.h"

#include "tests/support/host_cpu.h"

namespace tests {

const char* missing_on_host(const emu::OpcodeRow& row) {
    using emu::Feature;
    const bool present =
        row.feature == Feature::kFsgsbase ? HostCpu::loads_fs() : emu::host_features().has(row.feature);
    return present ? nullptr : emu::name_of(row.feature);
}

}  // namespace tests
