// The floating-point state of signal frames, with the host kernel's frame of the same state as the oracle.
#include "kernel/signal_fpu.h"

#include <ucontext.h>
#include <csignal>
#include <cstring>

#include "kernel/signal_frame.h"

#include <catch2/catch.hpp>

using kernel::fpstate_image, kernel::load_xsave_image;
using mmu::u32, mmu::u64, mmu::u8;

namespace {

constexpr u64 kAvxState = 7;  ///< XCR0: x87, SSE, AVX
constexpr size_t kEnd = 832;

struct NativeFrame {
    alignas(64) u8 area[kEnd];
    u32 magic2;
    unsigned long uc_flags;
};
NativeFrame native;

struct Software {
    u32 magic1, extended_size;
    u64 xfeatures;
    u32 xstate_size;
};
Software software_of(const u8* area) {
    Software found;
    std::memcpy(&found, area + 464, sizeof found);
    return found;
}
u64 word_at(const u8* area, size_t at) {
    u64 value;
    std::memcpy(&value, area + at, sizeof value);
    return value;
}

void on_illegal(int, siginfo_t*, void* raw) {
    auto* context = static_cast<ucontext_t*>(raw);
    const u8* const fpu = reinterpret_cast<const u8*>(context->uc_mcontext.fpregs);
    std::memcpy(native.area, fpu, kEnd);
    std::memcpy(&native.magic2, fpu + software_of(fpu).xstate_size, 4);
    native.uc_flags = context->uc_flags;
    context->uc_mcontext.gregs[REG_RIP] += 2;  // UD2
}

struct Values {
    alignas(32) u8 low[32], high[32];
};
Values values() {
    Values v;
    for (unsigned n = 0; n < 32; ++n) {
        v.low[n] = static_cast<u8>(3 * n + 1);
        v.high[n] = static_cast<u8>(251 - 7 * n);
    }
    return v;
}

/// YMM3 and YMM12 hold values, ST0 is pi, and MXCSR has a flag.
__attribute__((noinline)) void take_native_frame() {
    struct sigaction action {
    }, old;
    action.sa_sigaction = on_illegal;
    action.sa_flags = SA_SIGINFO;
    REQUIRE(sigaction(SIGILL, &action, &old) == 0);
    const Values v = values();
    const u32 mxcsr = 0x1fa0, usual = 0x1f80;
    asm volatile(
        "vzeroall\n\tfninit\n\tfldpi\n\tldmxcsr %2\n\tvmovdqu %0, %%ymm3\n\tvmovdqu %1, %%ymm12\n\t"
        "ud2\n\tvzeroall\n\tfninit\n\tldmxcsr %3"
        :
        : "m"(v.low), "m"(v.high), "m"(mxcsr), "m"(usual)
        : "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
          "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)",
          "st(6)", "st(7)");
    sigaction(SIGILL, &old, nullptr);
}

mmu::Registers emulated_state() {
    mmu::Registers registers;
    const Values v = values();
    std::memcpy(registers.vector[3].bytes.data(), v.low, 32);
    std::memcpy(registers.vector[12].bytes.data(), v.high, 32);
    registers.mxcsr = 0x1fa0;
    registers.x87.top = 7;
    registers.x87.valid = 0x80;
    registers.x87.physical[7] = {0xc90fdaa22168c235, 0x4000, {}};
    return registers;
}

}  // namespace

TEST_CASE("Signal frame: the area of XSAVE agrees with the host kernel's, field by field") {
    if (!__builtin_cpu_supports("avx")) return;
    take_native_frame();
    const std::vector<u8> image = fpstate_image(emulated_state(), kAvxState, 0);
    REQUIRE(image.size() == kEnd + 4);
    CHECK((native.uc_flags & 1) == 1);  // UC_FP_XSTATE
    CHECK(std::memcmp(image.data(), native.area, 6) == 0);
    CHECK(std::memcmp(image.data() + 24, native.area + 24, 4) == 0);
    CHECK(std::memcmp(image.data() + 32, native.area + 32, 416 - 32) == 0);
    CHECK(std::memcmp(image.data() + 576, native.area + 576, 256) == 0);
    CHECK((word_at(image.data(), 512) & kAvxState) == (word_at(native.area, 512) & kAvxState));
    CHECK(word_at(image.data(), 520) == word_at(native.area, 520));
    CHECK(word_at(image.data(), 528) == word_at(native.area, 528));

    const Software ours = software_of(image.data()), theirs = software_of(native.area);
    CHECK(ours.magic1 == theirs.magic1);
    CHECK(ours.xfeatures == (theirs.xfeatures & kAvxState));
    CHECK(ours.xstate_size == kEnd);
    CHECK(ours.extended_size - ours.xstate_size == theirs.extended_size - theirs.xstate_size);
    u32 magic2;
    std::memcpy(&magic2, image.data() + kEnd, 4);
    CHECK(magic2 == native.magic2);
}

TEST_CASE("Signal frame: the host kernel's area gives its registers back") {
    if (!__builtin_cpu_supports("avx")) return;
    take_native_frame();
    const u64 present = word_at(native.area, 512) & kAvxState;
    std::memcpy(native.area + 512, &present, 8);  // the host's CPU may have more components
    kernel::FpuState state;
    mmu::Registers& registers = state.registers;
    registers.vector[5].bytes.fill(0xee);
    REQUIRE(load_xsave_image(native.area, kAvxState, kAvxState, state));
    const mmu::Registers expected = emulated_state();
    CHECK(registers.vector == expected.vector);
    CHECK(registers.mxcsr == expected.mxcsr);
    CHECK(registers.x87.physical == expected.x87.physical);
    CHECK(registers.x87.top == expected.x87.top);
    CHECK(registers.x87.valid == expected.x87.valid);
}

TEST_CASE("Signal frame: components that an area leaves out are initialised") {
    std::vector<u8> image = fpstate_image(emulated_state(), kAvxState, 0);
    const u64 no_avx = 3;
    std::memcpy(image.data() + 512, &no_avx, 8);
    kernel::FpuState state;
    mmu::Registers& registers = state.registers;
    for (auto& each : registers.vector) each.bytes.fill(0xee);
    REQUIRE(load_xsave_image(image, kAvxState, kAvxState, state));
    const mmu::Registers expected = emulated_state();
    CHECK(std::memcmp(registers.vector[3].bytes.data(), expected.vector[3].bytes.data(), 16) == 0);
    for (const auto& each : registers.vector) CHECK(each.bytes[31] == 0);
}

TEST_CASE("Signal frame: what XRSTOR would refuse is refused and changes nothing") {
    const std::vector<u8> good = fpstate_image(emulated_state(), kAvxState, 0);
    struct Row {
        size_t at;
        u8 value;
        const char* what;
    };
    const Row row =
        GENERATE(Row{513, 1, "a component that XCR0 has not"}, Row{527, 0x80, "the compacted format"},
                 Row{528, 1, "a reserved byte"}, Row{26, 1, "a reserved bit of MXCSR"});
    INFO(row.what);
    std::vector<u8> bad = good;
    bad[row.at] = row.value;
    kernel::FpuState state;
    CHECK(!load_xsave_image(bad, kAvxState, kAvxState, state));
    CHECK(state.registers == mmu::Registers{});
}

TEST_CASE("Signal frame: PKRU is marked as present whatever it is, and comes back") {
    constexpr u64 kPkruState = kAvxState | 0x200;
    std::vector<u8> image = fpstate_image(emulated_state(), kPkruState, 0x5555'5550);
    REQUIRE(image.size() == 2696 + 4);
    CHECK(word_at(image.data(), 512) & 0x200);
    CHECK(word_at(image.data(), 2688) == 0x5555'5550);
    CHECK(word_at(fpstate_image(emulated_state(), kPkruState, 0).data(), 512) & 0x200);
    kernel::FpuState state;
    REQUIRE(load_xsave_image({image.data(), 2696}, kPkruState, kPkruState, state));
    CHECK(state.pkru == 0x5555'5550);
    CHECK(state.registers.vector == emulated_state().vector);
    // What the frame leaves out is initialised: 0, all keys open.
    REQUIRE(load_xsave_image({image.data(), 2696}, kAvxState, kPkruState, state));
    CHECK(state.pkru == 0);
}

TEST_CASE("Signal frame: AT_MINSIGSTKSZ grows with the state that a frame holds") {
    CHECK(kernel::sigframe_size(0) == 1040);
    CHECK(kernel::sigframe_size(3) == 1104);
    CHECK(kernel::sigframe_size(kAvxState) == 1360);
    CHECK(kernel::fpstate_size(0) == 512);
    CHECK(kernel::fpstate_size(kAvxState) == kEnd + 4);
}
