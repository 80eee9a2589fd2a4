// A machine without a CPU: guest RAM, a real MMU, memory management and one address space. touch() is what a
// load or store of a user program does: translate, fault, try again.
#pragma once

#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <vector>

#include "kernel/check.h"
#include "kernel/fault.h"
#include "kernel/huge_memory.h"
#include "kernel/mm.h"
#include "kernel/mmap.h"
#include "kernel/page_table.h"
#include "kernel/uaccess.h"
#include "mmu/mmu.h"
#include "mmu/presets.h"

#ifndef TWOBLUECUBES_SINGLE_INCLUDE_CATCH_HPP_INCLUDED  // precompiled, Catch is there already
#undef CHECK  // ours and Catch's are two things: tests use Catch's
#endif
#include <catch2/catch.hpp>

namespace mm_test {

using kernel::FaultOutcome;
using mmu::Access;
using mmu::i64;
using mmu::Pfn;
using mmu::u64;
using mmu::u8;
using mmu::VirtAddr;

inline constexpr u64 kPage = 4096;
inline constexpr u64 kProtNone = 0, kRead = 1, kWrite = 2, kExec = 4;
inline constexpr u64 kShared = 1, kPrivate = 2, kFixed = 0x10, kAnon = 0x20, kGrowsdown = 0x100,
                     kNoreserve = 0x4000, kPopulate = 0x8000, kFixedNoreplace = 0x100000, k32Bit = 0x40;

/// Advice of madvise(2).
inline constexpr int kMadvRandom = 1, kMadvSequential = 2, kMadvDontneed = 4, kMadvFree = 8, kMadvRemove = 9,
                     kMadvDontfork = 10, kMadvHugepage = 14, kMadvCold = 20, kMadvPageout = 21,
                     kMadvDontneedLocked = 24;

class Machine {
  public:
    explicit Machine(u64 ram_bytes = 64u << 20, u64 cr4 = 0)
        : memory_(std::move(*mmu::PhysicalMemory::create(ram_bytes))),
          mmu_(memory_, *mmu::find_preset("skylake-sp"), mmu::PagingFeatures{}, 1) {
        if (cr4) {
            using Cr = mmu::ControlRegisters;
            const u64 cr0 = mmu_.control().cr0;  // LA57 changes only while paging is off
            if (cr4 & Cr::kCr4La57) REQUIRE(mmu_.write_cr0(cr0 & ~Cr::kCr0Pg).has_value());
            REQUIRE(mmu_.write_cr4(mmu_.control().cr4 | (cr4 & ~Cr::kCr4Pcide)).has_value());
            REQUIRE(mmu_.write_cr0(cr0).has_value());
            REQUIRE(mmu_.write_cr4(mmu_.control().cr4 | (cr4 & Cr::kCr4Pcide)).has_value());
        }
        system = std::make_unique<kernel::MemorySystem>(memory_, mmu_);
        system->address_spaces = [this] {
            std::vector<kernel::MmStruct*> all = others;
            all.push_back(&mm);
            return all;
        };
        mm = *kernel::mm_alloc(*system);
        kernel::arch_pick_mmap_layout(mm, 0);
        kernel::switch_mm(*system, mm);
        mm.start_brk = mm.brk = 0x600000;
    }
    ~Machine() {
        kernel::exit_mmap(*system, mm);
        kernel::mm_drop(*system, mm);
        system->buddy.validate();
        // What is not free belongs to the page cache: frames in use by nobody would be lost.
        const u64 accounted = frames_free() + system->page_cache.cached_pages() +
                              (system->thp.huge_zero_page ? kernel::kHpagePmdNr : 0) +
                              system->slab.pages() + system->vmalloc.nr_pages +
                              system->vmalloc.table_pages + (system->vmalloc.start != 0);
        if (accounted == system->buddy.managed_frames()) return;
        std::fprintf(stderr, "lost %lld frames\n",
                     static_cast<long long>(system->buddy.managed_frames() - accounted));
        std::abort();
    }

    i64 mmap(u64 addr, u64 len, u64 prot = kRead | kWrite, u64 flags = kPrivate | kAnon,
             kernel::MmapFile* file = nullptr, u64 offset = 0) {
        return checked(kernel::sys_mmap(*system, mm, addr, len, prot, flags, file, offset));
    }
    i64 munmap(u64 addr, u64 len) { return checked(kernel::sys_munmap(*system, mm, addr, len)); }
    i64 mprotect(u64 addr, u64 len, u64 prot) {
        return checked(kernel::sys_mprotect(*system, mm, addr, len, prot));
    }
    i64 mremap(u64 addr, u64 old_len, u64 new_len, u64 flags = 0, u64 to = 0) {
        return checked(kernel::sys_mremap(*system, mm, addr, old_len, new_len, flags, to));
    }
    i64 madvise(u64 addr, u64 len, int advice) {
        return checked(kernel::sys_madvise(*system, mm, addr, len, advice));
    }
    u64 brk(u64 to) { return checked(kernel::sys_brk(*system, mm, to)); }

    /// A user access to one byte: its host address, or null and `outcome` says how it ended.
    u8* access(u64 address, Access how) {
        for (int tries = 0; tries < 8; ++tries) {
            auto translation = mmu_.translate(VirtAddr{address}, how, mmu::Privilege::kUser);
            if (translation) return translation->host;
            if (translation.error().vector != mmu::Vector::kPageFault) {  // non-canonical: #GP
                outcome = {};
                outcome.kind = FaultOutcome::Kind::kSignal;
                outcome.signal = SIGSEGV;
                outcome.si_code = SI_KERNEL;
                return nullptr;
            }
            outcome = kernel::do_page_fault(*system, mm, translation.error(), registers);
            if (outcome.kind != FaultOutcome::Kind::kRetry) return nullptr;
        }
        return nullptr;
    }
    bool load(u64 address) { return access(address, Access::kLoad); }
    bool store(u64 address, u8 value = 1) {
        u8* host = access(address, Access::kStore);
        if (host) *host = value;
        return host;
    }
    int value(u64 address) {
        const u8* host = access(address, Access::kLoad);
        return host ? *host : -1;
    }
    /// si_code of the signal that an access ends in, 0 for none; 100 + code for SIGBUS.
    int signal_code(u64 address, Access how) {
        if (access(address, how)) return 0;
        if (outcome.kind == FaultOutcome::Kind::kOom) return -1;
        return outcome.si_code + (outcome.signal == SIGBUS ? 100 : 0);
    }
    u64 minor() const { return system->faults.minor; }
    u64 major() const { return system->faults.major; }
    u64 frames_free() const { return system->buddy.free_frames(); }
    void validate() {
        std::vector<kernel::MmStruct*> all = others;
        all.push_back(&mm);
        kernel::validate_memory(*system, all);
        if (const auto stale = kernel::find_stale_translation(*system, mm)) {
            std::fprintf(stderr, "%s\n", stale->c_str());
            std::abort();
        }
    }
    /// The oracles, after each of the first calls of a test: a test of many thousands has its own rhythm.
    template <class Result>
    Result checked(Result result) {
        constexpr unsigned kCheckedCalls = 200;
        if (calls_ < kCheckedCalls) {
            ++calls_;
            validate();
        }
        return result;
    }
    mmu::Pte pte(u64 address) {
        const u64* ptep = kernel::pte_offset_map(*system, mm, address);
        return ptep ? mmu::Pte{*ptep} : mmu::Pte{};
    }
    /// "start-end perms" of each area, relative to `base`.
    std::string areas(u64 base = 0) const {
        std::string text;
        for (const auto& [end, vma] : mm.mm_mt) {
            char perms[5], line[64];
            vma.permissions(perms);
            std::snprintf(line, sizeof line, "%s%llx-%llx %s", text.empty() ? "" : ", ",
                          static_cast<unsigned long long>(vma.vm_start - base),
                          static_cast<unsigned long long>(vma.vm_end - base), perms);
            text += line;
        }
        return text;
    }

    /// All that merging looks at, for the message of a failed test.
    std::string details(u64 base = 0) const {
        std::string text;
        for (const auto& [end, vma] : mm.mm_mt) {
            char line[128];
            std::snprintf(line, sizeof line, "%llx-%llx flags %llx pgoff %llx anon_vma %u file %u\n",
                          static_cast<unsigned long long>(vma.vm_start - base),
                          static_cast<unsigned long long>(vma.vm_end - base),
                          static_cast<unsigned long long>(vma.vm_flags),
                          static_cast<unsigned long long>(vma.vm_pgoff), vma.anon_vma, vma.vm_file);
            text += line;
        }
        return text;
    }

  private:
    unsigned calls_ = 0;
    mmu::PhysicalMemory memory_;
    mmu::Mmu mmu_;

  public:
    std::unique_ptr<kernel::MemorySystem> system;
    kernel::MmStruct mm;
    mmu::Registers registers;
    FaultOutcome outcome;
    std::vector<kernel::MmStruct*> others;  ///< address spaces beside `mm`, for the oracles to count

    mmu::Mmu& hw() { return mmu_; }
    mmu::PhysicalMemory& memory() { return memory_; }
};

/// A file in memory, as the file layer would give one.
struct FakeFile {
    std::vector<u8> bytes;
    u64 ino = 1;
    int reads = 0;
    bool fails = false;

    class Backing : public kernel::FileBacking {
      public:
        explicit Backing(FakeFile& file) : file_(file) {}
        Identity identity() const override { return {1, file_.ino}; }
        u64 size() const override { return file_.bytes.size(); }
        i64 pread(std::span<u8> buffer, u64 offset) override {
            ++file_.reads;
            if (file_.fails) return -EIO;
            if (offset >= file_.bytes.size()) return 0;
            const u64 n = std::min<u64>(buffer.size(), file_.bytes.size() - offset);
            std::memcpy(buffer.data(), file_.bytes.data() + offset, n);
            return static_cast<i64>(n);
        }
        i64 pwrite(std::span<const u8> buffer, u64 offset) override {
            if (offset + buffer.size() > file_.bytes.size()) file_.bytes.resize(offset + buffer.size());
            std::memcpy(file_.bytes.data() + offset, buffer.data(), buffer.size());
            return static_cast<i64>(buffer.size());
        }

      private:
        FakeFile& file_;
    };

    kernel::MmapFile open(bool writable = false) {
        kernel::MmapFile file;
        file.description = 2 * ino + writable;
        file.backing = std::make_unique<Backing>(*this);
        file.readable = true;
        file.writable = writable;
        file.path = "/file";
        return file;
    }
};

}  // namespace mm_test
