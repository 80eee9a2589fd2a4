// A kernel with a guest in it but without a CPU: tests make system calls and faults themselves, and read and
// write the guest's memory as its program would.
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "kernel/kernel.h"
#include "kernel/mmap.h"
#include "kernel/state.h"
#include "kernel/uaccess.h"
#include "mmu/base/log.h"
#include "mmu/presets.h"
#include "tests/kernel_sys/tiny_elf.h"
#include "tests/support/process.h"

#ifndef TWOBLUECUBES_SINGLE_INCLUDE_CATCH_HPP_INCLUDED  // precompiled, Catch is there already
#undef CHECK  // ours and Catch's are two things: tests use Catch's
#endif
#include <catch2/catch.hpp>

namespace sys_test {

using mmu::i64;
using mmu::u32;
using mmu::u64;
using mmu::u8;

/// A running guest with a page of memory of its own for arguments.
class Guest {
  public:
    explicit Guest(const kernel::KernelConfig& config = {}, std::vector<std::string> arguments = {"tiny"})
        : Guest(tiny_elf(), config, std::move(arguments)) {}

    Guest(const std::vector<u8>& program, const kernel::KernelConfig& config,
          std::vector<std::string> arguments)
        : memory_(std::move(*mmu::PhysicalMemory::create(64u << 20))),
          mmu_(memory_, *mmu::find_preset("skylake-sp"), mmu::PagingFeatures{}, 1),
          kernel_(memory_, mmu_, config) {
        (void)mmu::set_log_level("off");
        program_path_ = folder_.write("tiny", std::string(program.begin(), program.end()));
        ::chmod(program_path_.c_str(), 0755);
        std::string path = program_path_;
        if (!config.files.root.empty()) {  // the program is in the guest's root
            path = "/tiny";
            std::filesystem::copy_file(program_path_, config.files.root + path,
                                       std::filesystem::copy_options::overwrite_existing);
        }
        error_ = start(path, arguments);
    }

    std::string start(const std::string& path, const std::vector<std::string>& arguments) {
        const auto done = kernel_.exec(path, arguments, {"HOME=/", "LANG=C"}, registers);
        if (!done) return done.error().message;
        scratch = static_cast<u64>(call(SYS_mmap, 0, 16 * 4096, 3, 0x22, -1, 0));
        return {};
    }

    template <class... Arguments>
    i64 call(long number, Arguments... arguments) {
        const u64 values[6] = {static_cast<u64>(arguments)...};
        static constexpr mmu::Gpr kOrder[6] = {mmu::kRdi, mmu::kRsi, mmu::kRdx,
                                               mmu::kR10, mmu::kR8,  mmu::kR9};
        for (unsigned i = 0; i < 6; ++i) registers.gpr[kOrder[i]] = values[i];
        registers.gpr[mmu::kRax] = static_cast<u64>(number);
        instructions += 100;
        kernel_.handle_syscall(registers, instructions);
        return static_cast<i64>(registers.gpr[mmu::kRax]);
    }

    /// Puts a string into the argument page and returns where it lies; `slot` 0 to 7.
    u64 text(const std::string& value, unsigned slot = 0) {
        const u64 place = scratch + slot * 5000;
        REQUIRE(kernel::copy_to_user(system(), mm(), place, value.c_str(), value.size() + 1) == 0);
        return place;
    }
    template <class T>
    T read(u64 address) {
        T value{};
        REQUIRE(kernel::get_user(system(), mm(), value, address) == 0);
        return value;
    }
    std::string read_text(u64 address, u64 size) {
        std::string value(size, '\0');
        REQUIRE(kernel::copy_from_user(system(), mm(), value.data(), address, size) == 0);
        return value;
    }
    template <class T>
    u64 write(const T& value, u64 address) {
        REQUIRE(kernel::put_user(system(), mm(), value, address) == 0);
        return address;
    }

    i64 open(const std::string& path, int flags = O_RDONLY, int mode = 0644) {
        return call(SYS_open, text(path), flags, mode);
    }

    kernel::KernelState& state() { return const_cast<kernel::KernelState&>(kernel_.state()); }
    kernel::Task& task() { return state().task(); }
    kernel::MmStruct& mm() { return state().mm_of(task()); }
    kernel::MemorySystem& system() { return state().system; }
    kernel::Kernel& kernel() { return kernel_; }
    const std::string& error() const { return error_; }
    const std::string& program_path() const { return program_path_; }

    mmu::Registers registers;
    u64 scratch = 0;
    u64 instructions = 0;

  private:
    test::TemporaryFolder folder_;
    mmu::PhysicalMemory memory_;
    mmu::Mmu mmu_;
    kernel::Kernel kernel_;
    std::string program_path_, error_;
};

}  // namespace sys_test
