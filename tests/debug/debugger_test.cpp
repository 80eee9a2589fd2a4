// The engine alone: it stops where it should, and the guest cannot tell that it was there.
#include "emu/debug/debugger.h"

#include <csignal>

#include "mmu/presets.h"
#include "tests/debug/support.h"

#include <catch2/catch.hpp>

namespace {

using emu::Debugger;
using emu::Machine;
using emu::Resume;
using emu::Stop;
using emu::WatchRange;
using mmu::u64;
using mmu::u8;

const Resume kStep{.kind = Resume::Kind::kStep};
const Resume kGo{};

std::string free_run(const std::string& guest) {
    const auto machine = test::load(guest);
    machine->run();
    return machine->state_hash();
}

/// Goes on to the end, whatever it stops for.
u64 run_out(Debugger& debugger, const std::function<void(const Stop&)>& at_stop = {}) {
    u64 stops = 0;
    for (Stop stop = debugger.resume(kGo); stop.kind != Stop::Kind::kExited; stop = debugger.resume(kGo)) {
        ++stops;
        if (at_stop) at_stop(stop);
    }
    return stops;
}

const std::string kGuest = test::debug_guest("debuggee.static");

}  // namespace

TEST_CASE("Debugger: a run in single steps ends in the same state as a free run") {
    const auto machine = test::load(kGuest);
    Debugger debugger(*machine);
    u64 before = 0;
    while (debugger.resume(kStep).kind != Stop::Kind::kExited) {
        REQUIRE(debugger.instructions() <= before + 1);
        before = debugger.instructions();
    }
    CHECK(machine->state_hash() == free_run(kGuest));
}

TEST_CASE("Debugger: breakpoints stop before their instruction and change nothing") {
    const u64 factorial = test::symbol(kGuest, "factorial");
    const auto machine = test::load(kGuest);
    Debugger debugger(*machine);
    debugger.set_breakpoint(factorial);
    u64 expected = 6;
    const u64 stops = run_out(debugger, [&](const Stop& stop) {
        if (stop.kind == Stop::Kind::kSignal) return;
        CHECK(stop.kind == Stop::Kind::kBreakpoint);
        CHECK(debugger.registers().rip == factorial);
        CHECK(debugger.registers().gpr[mmu::kRdi] == expected--);
    });
    CHECK(stops == 6 + 1);  // and the signal
    CHECK(machine->state_hash() == free_run(kGuest));
}

TEST_CASE("Debugger: a condition lets the guest pass without a stop") {
    const auto machine = test::load(kGuest);
    Debugger debugger(*machine);
    debugger.pass_signals({SIGUSR1});
    debugger.set_breakpoint(test::symbol(kGuest, "factorial"),
                            [&] { return debugger.registers().gpr[mmu::kRdi] == 3; });
    CHECK(run_out(debugger) == 1);
    CHECK(machine->state_hash() == free_run(kGuest));
}

TEST_CASE("Debugger: a watched variable stops behind each instruction that writes it and changes nothing") {
    const u64 counter = test::symbol(kGuest, "counter");
    const auto machine = test::load(kGuest);
    Debugger debugger(*machine);
    debugger.pass_signals({SIGUSR1});
    debugger.set_watch({.first = counter, .last = counter + 7, .writes = true});
    u64 value = 0, sum = 0, n = 0;
    run_out(debugger, [&](const Stop& stop) {
        REQUIRE(stop.kind == Stop::Kind::kWatch);
        CHECK(stop.watch.address == counter);
        debugger.read(counter, {reinterpret_cast<u8*>(&value), sizeof value});
        CHECK(value == (sum += n++));
    });
    CHECK(n == 10);
    CHECK(machine->state_hash() == free_run(kGuest));
}

TEST_CASE("Debugger: reads are watched as well, and neighbours are not") {
    const u64 pair = test::symbol(kGuest, "pair");
    const auto machine = test::load(kGuest);
    Debugger debugger(*machine);
    debugger.pass_signals({SIGUSR1});
    debugger.set_watch({.first = pair, .last = pair + 3, .reads = true, .writes = true});
    debugger.set_watch({.first = pair + 8, .last = pair + 15, .reads = true, .writes = true});
    CHECK(run_out(debugger, [&](const Stop& stop) {
              CHECK(stop.watch.address == pair);
              CHECK_FALSE(stop.watch.write);
          }) == 1);
    CHECK(machine->state_hash() == free_run(kGuest));
}

TEST_CASE("Debugger: reading all of the guest's memory leaves no trace") {
    const auto machine = test::load(kGuest);
    Debugger debugger(*machine);
    debugger.set_breakpoint(test::symbol(kGuest, "touch"));
    debugger.set_breakpoint(test::symbol(kGuest, "factorial"));
    std::vector<u8> bytes(1 << 20);
    run_out(debugger, [&](const Stop&) {
        for (const u64 address : {u64{0x400000}, u64{0x4c0000}, debugger.registers().gpr[mmu::kRsp] - 65536})
            CHECK(debugger.read(address, bytes) > 0);
        CHECK(debugger.read(0xffff800000000000, bytes) == 0);
        CHECK(debugger.read(0x800000000000, bytes) == 0);
        CHECK(debugger.read(0, bytes) == 0);
    });
    CHECK(machine->state_hash() == free_run(kGuest));
}

TEST_CASE("Debugger: system calls are caught at their door and on their way out") {
    const auto machine = test::load(kGuest);
    Debugger debugger(*machine);
    debugger.pass_signals({SIGUSR1});
    debugger.catch_syscalls(true, {1});  // write
    std::vector<Stop::Kind> kinds;
    run_out(debugger, [&](const Stop& stop) {
        kinds.push_back(stop.kind);
        CHECK(stop.syscall == 1);
    });
    CHECK(kinds == std::vector{Stop::Kind::kSyscallEntry, Stop::Kind::kSyscallReturn});
    CHECK(machine->state_hash() == free_run(kGuest));
}

TEST_CASE("Debugger: a signal that is not delivered is never seen by the guest") {
    const u64 handled = test::symbol(kGuest, "handled");
    for (const bool deliver : {true, false}) {
        const auto machine = test::load(kGuest);
        Debugger debugger(*machine);
        const Stop stop = debugger.resume(kGo);
        REQUIRE(stop.kind == Stop::Kind::kSignal);
        CHECK(stop.signal == SIGUSR1);
        debugger.set_breakpoint(test::symbol(kGuest, "printf"));
        debugger.resume({.deliver_signal = deliver});
        int value = -1;
        debugger.read(handled, {reinterpret_cast<u8*>(&value), sizeof value});
        CHECK(value == (deliver ? SIGUSR1 : 0));
    }
}

TEST_CASE("Debugger: stops at stages of the kernel and of the MMU change nothing") {
    const auto machine = test::load(kGuest);
    Debugger debugger(*machine);
    debugger.pass_signals({SIGUSR1});
    u64 stages = 0;
    bool stepping = false;
    debugger.set_stage_handler([&]() -> Resume {
        ++stages;
        CHECK(debugger.in_stage());
        CHECK(debugger.registers().rip >= emu::kKernelText);
        u8 bytes[64];
        CHECK(debugger.read(debugger.registers().gpr[mmu::kRsp], bytes) == sizeof bytes);
        stepping = !stepping;
        return stepping ? kStep : kGo;
    });
    for (const char* name : {"do_anonymous_page", "alloc_pages", "__do_sys_brk"})
        debugger.set_breakpoint(emu::address_of(emu::kernel_function(name)) + emu::kBody);
    SECTION("of the kernel") {}
    SECTION("and of the MMU, for a while") {
        const u64 walk = emu::address_of(emu::kernel_function("walk_level")) + emu::kBody;
        debugger.set_breakpoint(walk, [&] { return debugger.instructions() > 30000; });
        debugger.set_breakpoint(test::symbol(kGuest, "factorial"));
        while (debugger.resume(kGo).kind != Stop::Kind::kBreakpoint) {
        }
        debugger.remove_breakpoint(walk);
        debugger.remove_breakpoint(test::symbol(kGuest, "factorial"));
    }
    run_out(debugger);
    CHECK(stages > 20);
    CHECK(machine->state_hash() == free_run(kGuest));
}

TEST_CASE("Debugger: a breakpoint on address 0 is nobody's, not each stage's") {
    const auto machine = test::load(kGuest);
    Debugger debugger(*machine);
    debugger.pass_signals({SIGUSR1});
    u64 stages = 0;
    debugger.set_stage_handler([&]() -> Resume { return ++stages, kGo; });
    debugger.set_breakpoint(0);
    CHECK(run_out(debugger) == 0);
    CHECK(stages == 0);
}

TEST_CASE("Debugger: who leaves at a stage gets the machine back behind it") {
    const auto machine = test::load(kGuest);
    Debugger debugger(*machine);
    debugger.set_fault_mode(Debugger::FaultMode::kStop);
    u64 stages = 0;
    debugger.set_stage_handler([&]() -> Resume {
        ++stages;
        debugger.leave_stages();
        return {};
    });
    CHECK(debugger.resume(kGo).kind == Stop::Kind::kInterrupted);
    CHECK(stages == 1);
    debugger.set_stage_handler({});
    debugger.pass_signals({SIGUSR1});
    run_out(debugger);
    CHECK(machine->state_hash() == free_run(kGuest));
}

TEST_CASE("Debugger: forks, other programs and ends of processes stop, and change nothing") {
    const std::string guest = test::debug_guest("processes.static");
    const auto machine = test::load(guest);
    Debugger debugger(*machine);
    debugger.want_task_events({.forks = true, .execs = true, .exits = true});
    std::vector<Stop::Kind> kinds;
    std::vector<u8> bytes(4096);
    run_out(debugger, [&](const Stop& stop) {
        if (stop.kind == Stop::Kind::kSignal) return;  // SIGCHLD
        kinds.push_back(stop.kind);
        debugger.select(stop.other ? stop.other : stop.task);
        debugger.read(test::symbol(guest, "work"), bytes);
    });
    using Kind = Stop::Kind;
    CHECK(kinds == std::vector{Kind::kFork, Kind::kProcessExited, Kind::kVfork, Kind::kExec, Kind::kVforkDone,
                               Kind::kProcessExited});
    CHECK(machine->state_hash() == free_run(guest));
}

TEST_CASE("Debugger: a breakpoint of one process is not another's") {
    const std::string guest = test::debug_guest("processes.static");
    const u64 work = test::symbol(guest, "work");
    const auto machine = test::load(guest);
    Debugger debugger(*machine);
    debugger.pass_signals({SIGCHLD});
    debugger.set_breakpoint(work, {}, 1000);
    debugger.want_task_events({.children_ignored = true});
    CHECK(run_out(debugger, [&](const Stop& stop) {
              CHECK(stop.task == 1000);
              CHECK(debugger.registers().gpr[mmu::kRdi] == 5);
          }) == 1);
    CHECK(machine->state_hash() == free_run(guest));
}

TEST_CASE("Debugger: watched memory and entries, TLB misses and evictions stop, and change nothing") {
    const auto machine = test::load(kGuest);
    Debugger debugger(*machine);
    debugger.pass_signals({SIGUSR1});
    const u64 root = debugger.control().root().value;
    (void)debugger.vm_watch().watch_entry(test::symbol(kGuest, "counter"), root);
    (void)debugger.vm_watch().watch_physical(0x100000, 0x100fff);
    debugger.vm_watch().catch_misses(0x400000, 0x4fffff);
    debugger.vm_watch().catch_evictions();
    u64 misses = 0;
    run_out(debugger, [&](const Stop& stop) {
        CHECK(stop.kind == Stop::Kind::kCaught);
        misses += stop.what.find("tlbmiss") != std::string::npos;
    });
    CHECK(misses > 10);
    CHECK(machine->state_hash() == free_run(kGuest));
}

TEST_CASE("Debugger: entries that leave a paging-structure cache are told, and change nothing") {
    mmu::TlbConfig small = *mmu::find_preset("skylake-sp");
    small.walk_caches.pde = 1;
    const auto free = test::load_with(small, kGuest);
    free->run();
    const auto machine = test::load_with(small, kGuest);
    Debugger debugger(*machine);
    debugger.pass_signals({SIGUSR1});
    debugger.vm_watch().catch_evictions();
    u64 left = 0;
    run_out(debugger, [&](const Stop& stop) {
        left += stop.what.find("evict PDE cache: the entry for 0x") != std::string::npos;
    });
    CHECK(left > 2);
    CHECK(machine->state_hash() == free->state_hash());
}

TEST_CASE("Debugger: a thread that stands still runs on later, and no other one is lost") {
    const std::string guest = test::debug_guest("threads.static");
    const auto machine = test::load(guest);
    Debugger debugger(*machine);
    debugger.pass_signals({SIGCHLD});
    debugger.set_breakpoint(test::symbol(guest, "work"));
    const Stop first = debugger.resume(kGo);
    REQUIRE(first.kind == Stop::Kind::kBreakpoint);
    debugger.freeze({first.task});
    const Stop second = debugger.resume(kGo);
    REQUIRE(second.kind == Stop::Kind::kBreakpoint);
    CHECK(second.task != first.task);
    debugger.freeze({});
    debugger.clear_all();
    run_out(debugger);
    CHECK(machine->kernel().exit_status()->code == 0);
}

TEST_CASE("VmWatch: a change that comes with an A or D bit is the MMU's doing") {
    struct Nobody final : kernel::Observer {
        void on_event(const kernel::Event&) override {}
    } nobody;
    const auto machine = test::load(kGuest);
    emu::VmWatch::Entry entry{1, 0x5008, 0x123005};
    int events = 0;
    emu::VmWatch watch(
        machine->mmu(), machine->cpu().regs, nobody, [&](u64, u64) { return entry; }, [&] { ++events; });
    CHECK(watch.watch_entry(0x401000, 0) ==
          "watching the entry of 0x401000: PTE   @ 0x5008 = 0x123005: frame 0x123 present read-only user\n");
    watch.on_mmu_event({.stage = mmu::Stage::kAccessedSet, .address = mmu::VirtAddr{0x777000}});
    CHECK_FALSE(watch.take());  // another entry's
    entry.raw = 0x123025;
    watch.on_mmu_event({.stage = mmu::Stage::kAccessedSet, .address = mmu::VirtAddr{0x401000}});
    const auto hit = watch.take();
    REQUIRE(hit);
    CHECK_CONTAINS(*hit, "0x123025: frame 0x123 present read-only user accessed");
    CHECK_CONTAINS(*hit, "by the MMU, which sets A on the walk of a load of 0x401000");
    CHECK(events == 1);
    CHECK_FALSE(watch.take());
}
