// Page tables built by hand for the MMU's tests: frames are taken one after another from a small guest RAM,
// and every bit of every entry can be set. It knows nothing of kernels.
#pragma once

#include "mmu/arch/control.h"
#include "mmu/arch/pte.h"
#include "mmu/physical_memory.h"

namespace mmu {

class TableBuilder {
  public:
    static constexpr u64 kTable = Pte::kPresent | Pte::kWritable | Pte::kUser;
    static constexpr u64 kUserPage = Pte::kPresent | Pte::kWritable | Pte::kUser;

    /// Tables come from frame `first` upwards; the root, of `levels`, is the first.
    TableBuilder(PhysicalMemory& memory, unsigned levels, u64 first = 1)
        : memory_(memory), levels_(levels), next_(first), root_(take()) {}

    PhysAddr root() const { return root_; }
    /// A zeroed frame.
    PhysAddr take() {
        const Pfn frame{next_++};
        memory_.clear_frame(frame);
        return frame.address();
    }

    /// Where the entry of `level` for `address` is; the tables above it are made (with kTable) where missing.
    PhysAddr entry(VirtAddr address, unsigned level) {
        PhysAddr table = root_;
        for (unsigned at = levels_;; --at) {
            const PhysAddr where = table + 8 * address.table_index(at);
            if (at == level) return where;
            Pte value{memory_.read64(where)};
            if (!value.present()) {
                value = Pte{take().pfn(), kTable};
                memory_.write64(where, value.raw);
            }
            table = value.address();
        }
    }
    Pte read(VirtAddr address, unsigned level) { return Pte{memory_.read64(entry(address, level))}; }
    void write(VirtAddr address, unsigned level, Pte value) {
        memory_.write64(entry(address, level), value.raw);
    }
    void set(VirtAddr address, unsigned level, u64 bits) {
        write(address, level, read(address, level).with(bits));
    }
    void clear(VirtAddr address, unsigned level, u64 bits) {
        write(address, level, read(address, level).without(bits));
    }

    static unsigned leaf_level(PageSize size) { return index_of(size) + 1; }
    void map(VirtAddr address, PhysAddr page, PageSize size = PageSize::k4K, u64 flags = kUserPage) {
        const u64 large = size == PageSize::k4K ? 0 : Pte::kLarge;
        write(address, leaf_level(size), Pte{page.value | flags | large});
    }

  private:
    PhysicalMemory& memory_;
    unsigned levels_;
    u64 next_;
    PhysAddr root_;
};

}  // namespace mmu
