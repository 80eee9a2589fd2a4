// An object of a slab cache, held as long as its owner lives: how the kernel's own structures take up guest
// RAM. It knows nothing of caches; slab.h does. The structure itself is a C++ value elsewhere, this is its
// place.
#pragma once

#include <utility>

#include "kernel/gfp.h"

namespace kernel {

struct MemorySystem;

/// kmem_cache: an index into SlabState::caches. The machine's own caches have fixed ones, see slab.cpp.
using CacheId = mmu::u16;

class KmemObject {
  public:
    KmemObject() = default;
    KmemObject(const KmemObject&) {}  ///< a copy of the owner has no place yet
    KmemObject& operator=(const KmemObject&) { return *this; }
    KmemObject(KmemObject&& other) noexcept
        : system_(other.system_), address_(std::exchange(other.address_, 0)) {}
    KmemObject& operator=(KmemObject&& other) noexcept {
        std::swap(system_, other.system_);
        std::swap(address_, other.address_);
        return *this;
    }
    ~KmemObject() { reset(); }

    /// kmem_cache_alloc(). False: out of memory. An object that is there already stays.
    [[nodiscard]] bool allocate(MemorySystem& system, CacheId cache, Gfp gfp = GFP_KERNEL);
    void reset() {
        if (address_) free();
    }
    mmu::u64 address() const { return address_; }  ///< in the kernel's mapping of RAM; 0: none
    explicit operator bool() const { return address_ != 0; }

  private:
    void free();

    MemorySystem* system_ = nullptr;
    mmu::u64 address_ = 0;
};

}  // namespace kernel
