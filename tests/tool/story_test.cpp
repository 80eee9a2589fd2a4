// The story: events in, lines out. The events here are those of one first write to a heap page.
#include "emu/report/story.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <memory>

#include "emu/machine/machine.h"
#include "mmu/arch/pte.h"
#include "mmu/presets.h"

using kernel::EventKind;
using mmu::MmuEvent;
using mmu::PhysAddr;
using mmu::Stage;
using mmu::u64;
using mmu::VirtAddr;

namespace {

std::unique_ptr<emu::Machine> idle_machine() {
    emu::MachineConfig config;
    config.memory_bytes = u64{16} << 20;
    config.tlb = *mmu::find_preset("skylake-sp");
    auto machine = emu::Machine::create(config);
    REQUIRE(machine);
    return std::move(*machine);
}

/// What a story writes that looks at a machine before its first program.
class Recorder {
  public:
    explicit Recorder(std::pair<u64, u64> faults = {1, ~u64{0}})
        : machine_(idle_machine()),
          file_(open_memstream(&text_, &size_)),
          story(file_, machine_->mmu(), machine_->kernel().state(), faults) {}
    ~Recorder() {
        std::fclose(file_);
        std::free(text_);
    }
    std::string text() {
        std::fflush(file_);
        return std::string(text_, size_);
    }

  private:
    std::unique_ptr<emu::Machine> machine_;
    char* text_ = nullptr;
    std::size_t size_ = 0;
    std::FILE* file_;

  public:
    emu::Story story;
};

MmuEvent store(Stage stage, u64 address) {
    return {.stage = stage, .access = mmu::Access::kStore, .address = VirtAddr{address}};
}

/// The walk that finds no PTE, the kernel's answer, and the retry.
void first_write(emu::Story& story, u64 address) {
    MmuEvent event = store(Stage::kReference, address);
    story.on_mmu_event(event);
    event = store(Stage::kTlbLookup, address);
    story.on_mmu_event(event);
    event = store(Stage::kWalkBegin, address);
    event.level = 2, event.cached = true, event.physical = PhysAddr{0x3000};
    story.on_mmu_event(event);
    event = store(Stage::kWalkEntry, address);
    event.level = 1, event.physical = PhysAddr{0x4010};
    story.on_mmu_event(event);
    event = store(Stage::kVerdict, address);
    event.verdict = mmu::Verdict::kNotPresent, event.error_code = 6;
    story.on_mmu_event(event);

    story.on_event({.kind = EventKind::kFaultEntry, .address = address, .after = 0x401000, .flags = 6});
    story.on_event(
        {.kind = EventKind::kFindVma, .address = address, .start = 0x500000, .end = 0x521000, .flags = 3});
    story.on_event({.kind = EventKind::kHandleMmFault, .address = address});
    story.on_event({.kind = EventKind::kAnonPage, .address = address, .pfn = 0x123});
    story.on_event(
        {.kind = EventKind::kSetPte, .address = address, .before = 0, .after = 0x8000000000123067});
    story.on_event({.kind = EventKind::kFaultVerdict, .address = address, .after = 1, .text = "minor"});

    story.on_mmu_event(store(Stage::kReference, address));
    story.on_mmu_event(store(Stage::kTlbLookup, address));
    event = store(Stage::kWalkEntry, address);
    event.level = 1, event.physical = PhysAddr{0x4010}, event.raw = 0x8000000000123067;
    story.on_mmu_event(event);
    event = store(Stage::kFill, address);
    story.on_mmu_event(event);
}

}  // namespace

TEST_CASE("Story: a fault is told from the access to the retry") {
    Recorder recorder;
    recorder.story.on_event({.kind = EventKind::kSyscallExit,
                             .address = 12,
                             .before = 0x521000,
                             .after = 0x521000,
                             .text = "brk"});
    first_write(recorder.story, 0x500008);
    CHECK(
        recorder.text() ==
        "brk(0x521000) = 0x521000\n\n"
        "fault 1  write to 0x500008 by the instruction at 0x401000\n"
        "  mmu     L1D 4K, set 0 of 16: page 0x500 (4K, PCID 0) against ways (all 4 empty): no match\n"
        "          STLB 4K+2M, set 10 of 128: page 0x500 (4K, PCID 0) against ways (all 12 empty): no match\n"
        "          L1 dTLB miss, L2 TLB miss\n"
        "          walk from the PDPTE cache: page directory at 0x3000\n"
        "          PTE   @ 0x4010 = 0: not present\n"
        "          refused: not present, error code 0x6\n"
        "  #PF     error code 0x6 (not present, write, user); CR2 = 0x500008\n"
        "  kernel  find_vma: 0x500000-0x521000 rw-p\n"
        "  kernel  handle_mm_fault\n"
        "  kernel  do_anonymous_page: a write, zeroed frame 0x123\n"
        "  kernel  set_pte 0x0 -> 0x8000000000123067: frame 0x123 present write user accessed dirty NX\n"
        "  kernel  done: minor\n"
        "  kernel  no flush: the entries were not present, and such are in no TLB\n"
        "  retry   the access starts again\n"
        "  mmu     L1D 4K, set 0 of 16: page 0x500 (4K, PCID 0) against ways (all 4 empty): no match\n"
        "          STLB 4K+2M, set 10 of 128: page 0x500 (4K, PCID 0) against ways (all 12 empty): no match\n"
        "          L1 dTLB miss, L2 TLB miss\n"
        "          PTE   @ 0x4010 = 0x8000000000123067: frame 0x123 present write user accessed dirty NX\n"
        "          L1 and L2 TLB filled\n\n");
}

TEST_CASE("Story: only the faults asked for are told, and all are numbered") {
    Recorder recorder({2, 2});
    for (u64 page = 0; page < 3; ++page) first_write(recorder.story, 0x500000 + page * 4096);
    const std::string text = recorder.text();
    CHECK(text.starts_with("fault 2  write to 0x501000"));
    CHECK(text.find("fault 3") == std::string::npos);
}
