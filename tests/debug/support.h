// Guests for debuggers: built with symbols, static and dynamic, and machines that have them loaded.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "emu/machine/machine.h"
#include "tests/support/process.h"

namespace test {

/// "debuggee.static", "debuggee.dynamic": the build's own programs.
inline std::string debug_guest(const std::string& name) {
    return std::string(MMUSCOPE_DEBUG_GUESTS) + "/" + name;
}

/// A machine with the guest loaded, before its first instruction.
std::unique_ptr<emu::Machine> load(const std::string& guest, const std::vector<std::string>& arguments = {});
/// The same with other TLBs than skylake-sp's.
std::unique_ptr<emu::Machine> load_with(const mmu::TlbConfig& tlb, const std::string& guest,
                                        const std::vector<std::string>& arguments = {});

/// The address of a symbol of a static program.
mmu::u64 symbol(const std::string& guest, const std::string& name);

/// What gdb prints for `commands`, one a line, on a guest that it starts through us.
std::string gdb(const std::string& guest, const std::string& commands,
                const std::vector<std::string>& arguments = {}, const std::vector<std::string>& options = {});

}  // namespace test

#define CHECK_CONTAINS(text, part)                        \
    do {                                                  \
        const std::string all_of_it = (text);             \
        INFO(all_of_it);                                  \
        CHECK(all_of_it.find(part) != std::string::npos); \
    } while (false)
