// The MMU's face: what a CPU, a kernel or an embedding program calls. Everything behind it (TLB hierarchy,
// paging- structure caches, page walker) is reached through translate(); the fast path in front of it is the
// CPU's L0.
//
//   CPU --L0::hit--> host bytes                      an L1 hit, nothing else to do
//    |  miss
//    +--> translate() --> L1 --> L2 --> walk (caches, tables in PhysicalMemory) --> rights --> fill -->
//    Translation
//                                                                                          +-> Fault (a
//                                                                                          value)
//
// The MMU never calls a kernel. A forgotten flush is visible to the guest, as on hardware: the modelled TLB
// is the translation that is used.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mmu/arch/control.h"
#include "mmu/arch/fault.h"
#include "mmu/base/expected.h"
#include "mmu/l0.h"
#include "mmu/page_walker.h"
#include "mmu/physical_memory.h"
#include "mmu/stats.h"
#include "mmu/tlb_config.h"
#include "mmu/tlb_hierarchy.h"

namespace mmu {

class Observer;
class WalkCache;

struct Translation {
    PhysAddr physical{};
    u8* host = nullptr;  ///< the byte at `physical`; null where no RAM is (a read gives all ones, a write is
                         ///< dropped)
    PageSize size = PageSize::k4K;
};

struct InvpcidDescriptor {
    u64 pcid = 0;  ///< bits 63:12 are reserved
    u64 address = 0;
};

/// What happens when a cached entry lacks a right that the tables may have gained since (SDM Vol.
/// 3A 4.10.4.3): both are allowed. kFault exercises a kernel's path for spurious faults.
enum class StaleRights : u8 { kRewalk, kFault };

class Mmu {
  public:
    Mmu(PhysicalMemory& memory, const TlbConfig& tlb, const PagingFeatures& features, u64 seed);
    ~Mmu();
    Mmu(const Mmu&) = delete;
    Mmu& operator=(const Mmu&) = delete;

    /// The front to keep filled. Without one every reference takes translate().
    void attach(L0* l0);

    /// One reference to one byte (the caller splits what crosses a page, low page first): looks it up, walks,
    /// checks rights, sets A and D, fills TLBs and L0, counts. On a fault nothing changes but A bits of upper
    /// levels. Who stores through the result calls memory().note_write(). A non-canonical address gives #GP:
    /// the CPU turns it into #SS for a reference through SS.
    Expected<Translation, Fault> translate(VirtAddr address, Access access, Privilege privilege);

    /// What translate() would find in the tables now: no count, no fill, no A or D bit. The debugger's eye.
    Expected<Translation, Fault> peek(VirtAddr address, Access access, Privilege privilege) const;
    /// The same with each entry that was read: what a debugger shows. `address` is canonical, paging is on.
    Walk peek_walk(VirtAddr address, Access access, Privilege privilege) const;
    /// The same under other control registers: another address space.
    Walk peek_walk(const ControlRegisters& control, VirtAddr address, Access access,
                   Privilege privilege) const;

    /// True while each reference must be made one by one (--verify, an observer of references, or a policy
    /// whose hits change more than a stamp): the CPU then runs one instruction a block and asks for each
    /// fetch.
    bool granular() const;

    const ControlRegisters& control() const;
    const PagingFeatures& features() const;
    PhysicalMemory& memory() { return memory_; }

    // Privileged instructions. A #GP comes back as a value; the flushes are those of SDM Vol. 3A 4.10.4.1.
    // That CR0.PG cannot be cleared in 64-bit mode is the CPU's to know.
    Expected<void, Fault> write_cr0(u64 value);
    Expected<void, Fault> load_cr3(u64 value);  ///< bit 63 of the value: keep the new PCID's entries
    Expected<void, Fault> write_cr4(u64 value);
    Expected<void, Fault> write_efer(u64 value);
    void write_pkru(u32 value);
    void write_pkrs(u32 value);
    void invlpg(VirtAddr address);
    Expected<void, Fault> invpcid(u64 type, const InvpcidDescriptor& descriptor);
    void flush_all();  ///< everything, global entries and all PCIDs included

    void set_stale_rights(StaleRights rule);

    /// A frame has begun to hold decoded code: stores to it must come through translate() from now on.
    void frame_holds_code(Pfn pfn);

    /// Pages (by virtual address) of which every reference must come through translate(): a debugger watches
    /// them.
    void set_watched_pages(std::vector<VirtAddr> pages);

    const MmuStats& stats() const;
    const TlbHierarchy& tlb() const;
    const WalkCache& walk_cache() const;

    /// Replays every reference in a brute-force model from now on (tests, --verify).
    void enable_verify();
    /// The first difference found, as a sentence; empty while there is none.
    const std::optional<std::string>& verify_failure() const;

    /// Tells each step of each translation that takes translate(); null for none.
    void set_observer(Observer* observer);

  private:
    struct State;
    PhysicalMemory& memory_;
    std::unique_ptr<State> state_;
};

}  // namespace mmu
