#include "mmu/physical_memory.h"

#include <catch2/catch.hpp>

#include <fstream>

using namespace mmu;

namespace {

class Recorder : public CodeObserver {
  public:
    void code_frame_written(Pfn frame) override { frames.push_back(frame.value); }
    std::vector<u64> frames;
};

u64 resident_bytes() {
    u64 total = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> total >> resident;
    return resident * 4096;
}

}  // namespace

TEST_CASE(
    "PhysicalMemory: a size that is no multiple of a page, too small or absurd is refused with a sentence") {
    for (const u64 bytes : {u64{0}, u64{4096}, (u64{1} << 20) + 1, ~u64{0}, u64{1} << 50}) {
        const auto memory = PhysicalMemory::create(bytes);
        REQUIRE_FALSE(memory.has_value());
        REQUIRE(memory.error().message.find("guest RAM") != std::string::npos);
    }
}

TEST_CASE("PhysicalMemory: RAM is zeroed, keeps what is written, and is committed only when touched") {
    const u64 before = resident_bytes();
    auto memory = PhysicalMemory::create(u64{4} << 30);
    REQUIRE(memory.has_value());
    REQUIRE(memory->frames() == u64{1} << 20);
    const PhysAddr last{memory->size() - 8};
    REQUIRE(memory->read64(last) == 0);
    memory->write64(last, 0x1122334455667788);
    REQUIRE(memory->read64(last) == 0x1122334455667788);
    REQUIRE(*memory->host(last) == 0x88);
    REQUIRE(resident_bytes() - before < u64{16} << 20);
}

TEST_CASE("PhysicalMemory: outside RAM a read gives all ones and a write is dropped") {
    auto memory = PhysicalMemory::create(1 << 20);
    for (const u64 address : {u64{1} << 20, (u64{1} << 20) - 7, ~u64{0}, ~u64{0} - 7, u64{1} << 51}) {
        REQUIRE(memory->read64(PhysAddr{address}) == ~u64{0});
        memory->write64(PhysAddr{address}, 1);
    }
    REQUIRE(memory->contains(PhysAddr{(1 << 20) - 8}, 8));
    REQUIRE_FALSE(memory->contains(PhysAddr{(1 << 20) - 8}, 9));
    REQUIRE_FALSE(memory->contains(PhysAddr{~u64{0}}, 1));
}

TEST_CASE("PhysicalMemory: whoever writes a frame of decoded code, by whatever path, tells the observer") {
    auto memory = PhysicalMemory::create(1 << 20);
    Recorder recorder;
    memory->set_code_observer(&recorder);
    memory->mark_code(Pfn{7});
    memory->clear_frame(Pfn{6});
    memory->copy_frame(Pfn{8}, Pfn{7});
    REQUIRE(recorder.frames.empty());
    memory->clear_frame(Pfn{7});
    memory->copy_frame(Pfn{7}, Pfn{8});
    memory->write64(PhysAddr{0x7ff8}, 1);
    memory->note_write(Pfn{7});
    REQUIRE(recorder.frames == std::vector<u64>{7, 7, 7, 7});
    memory->unmark_code(Pfn{7});
    memory->note_write(Pfn{7});
    REQUIRE(recorder.frames.size() == 4);
}

TEST_CASE("PhysicalMemory: moving keeps contents and marks") {
    auto first = PhysicalMemory::create(1 << 20);
    first->write64(PhysAddr{0x5000}, 42);
    first->mark_code(Pfn{5});
    PhysicalMemory second = std::move(*first);
    REQUIRE(second.read64(PhysAddr{0x5000}) == 42);
    REQUIRE(second.holds_code(Pfn{5}));
    PhysicalMemory third = std::move(*PhysicalMemory::create(2 << 20));
    third = std::move(second);
    REQUIRE(third.size() == 1 << 20);
    REQUIRE(third.read64(PhysAddr{0x5000}) == 42);
}
