// Guest RAM: one host mapping, committed lazily, addressed by guest-physical address. Page tables live in it.
// It knows nothing of translation. It does know which frames hold decoded code, because whoever writes such a
// frame, by whatever path, must tell the decoder.
#pragma once

#include <cstring>

#include "mmu/arch/addr.h"
#include "mmu/base/expected.h"

namespace mmu {

/// Told when a frame that holds decoded code has been, or is about to be, written.
class CodeObserver {
  public:
    virtual ~CodeObserver() = default;
    virtual void code_frame_written(Pfn frame) = 0;
};

class PhysicalMemory {
  public:
    /// Maps `bytes` (a multiple of 4 KiB, at least 1 MiB) of zeroed RAM. Error when the host has no room for
    /// it.
    static Expected<PhysicalMemory, Error> create(u64 bytes);

    PhysicalMemory(PhysicalMemory&&) noexcept;
    PhysicalMemory& operator=(PhysicalMemory&&) noexcept;
    ~PhysicalMemory();

    u64 size() const { return size_; }
    u64 frames() const { return size_ >> kPageShift; }
    bool contains(PhysAddr address, u64 bytes = 1) const {
        return address.value < size_ && bytes <= size_ - address.value;
    }

    /// The host bytes behind `address`; the caller has checked contains().
    u8* host(PhysAddr address) { return base_ + address.value; }
    const u8* host(PhysAddr address) const { return base_ + address.value; }
    u8* frame(Pfn pfn) { return base_ + (pfn.value << kPageShift); }

    /// A naturally aligned 8-byte word. Outside RAM a read gives all ones and a write is dropped, as on an
    /// unclaimed bus address.
    u64 read64(PhysAddr address) const {
        if (!contains(address, sizeof(u64))) [[unlikely]]
            return ~u64{0};
        u64 value;
        std::memcpy(&value, host(address), sizeof value);
        return value;
    }
    void write64(PhysAddr address, u64 value) {
        if (!contains(address, sizeof(u64))) [[unlikely]]
            return;
        note_write(address.pfn());
        std::memcpy(host(address), &value, sizeof value);
    }

    /// Writes that are not guest stores (the kernel clears, copies and fills frames): they tell the observer.
    void clear_frame(Pfn pfn);
    void copy_frame(Pfn to, Pfn from);

    // `pfn` is one of RAM.
    bool holds_code(Pfn pfn) const { return holds_code_[pfn.value]; }
    void mark_code(Pfn pfn) { holds_code_[pfn.value] = 1; }
    void unmark_code(Pfn pfn) { holds_code_[pfn.value] = 0; }
    void set_code_observer(CodeObserver* observer) { code_observer_ = observer; }
    /// To be called by whoever writes a frame through host() or frame(). `pfn` is one of RAM.
    void note_write(Pfn pfn) {
        if (holds_code_[pfn.value]) [[unlikely]]
            code_written(pfn);
    }

  private:
    PhysicalMemory(u8* base, u8* holds_code, u64 size) : base_(base), size_(size), holds_code_(holds_code) {}
    void code_written(Pfn pfn);

    u8* base_ = nullptr;
    u64 size_ = 0;
    u8* holds_code_ = nullptr;  ///< a byte a frame, lazily committed like the RAM itself
    CodeObserver* code_observer_ = nullptr;
};

}  // namespace mmu
