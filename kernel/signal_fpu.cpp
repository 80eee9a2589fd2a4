// The floating-point and vector state in a signal frame. Linux: arch/x86/kernel/fpu/signal.c,
// arch/x86/include/uapi/asm/sigcontext.h struct _fpx_sw_bytes.
#include "kernel/signal_fpu.h"

#include <cstring>

#include "kernel/signal_frame.h"
#include "kernel/state.h"
#include "kernel/uaccess.h"

namespace kernel {

using mmu::Registers;

namespace {

/// The standard format of XSAVE (SDM Vol. 1 13.4); offsets as Intel's CPUs report them in CPUID.0DH.
constexpr size_t kSoftware = 464, kHeader = 512, kHeaderEnd = 576, kAvx = 576, kAvxEnd = 832, kPkru = 2688,
                 kPkruEnd = 2696;
constexpr u64 kX87 = 1, kSse = 2, kAvxComponent = 4, kPkruComponent = 1 << 9, kFpSse = kX87 | kSse;
constexpr u32 kMagic1 = 0x46505853, kMagic2 = 0x46505845;  // FP_XSTATE_MAGIC1, FP_XSTATE_MAGIC2
constexpr u32 kMxcsrReserved = 0xffff0000;

struct SoftwareBytes {
    u32 magic1 = 0, extended_size = 0;
    u64 xfeatures = 0;
    u32 xstate_size = 0, padding[7] = {};
};
static_assert(sizeof(SoftwareBytes) == 48);

template <class T>
T take(const u8* bytes) {
    T value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
}

/// Components that are kept in the frame.
u64 components(u64 xcr0) {
    return xcr0 & (kFpSse | kAvxComponent | kPkruComponent);
}

/// XINUSE.
u64 in_use(const Registers& registers) {
    u64 used = registers.x87 == mmu::X87State{} ? 0 : kX87;
    for (const mmu::Vector256& each : registers.vector)
        for (unsigned n = 0; n < 32; ++n)
            if (each.bytes[n]) used |= n < 16 ? kSse : kAvxComponent;
    return used;
}

/// check_xstate_in_sigframe(): nothing when the frame cannot be read; otherwise what to restore, with magic1
/// 0 for the FXSAVE part alone.
std::optional<SoftwareBytes> software_bytes(KernelState& kernel, MmStruct& mm, u64 fpstate) {
    SoftwareBytes found;
    if (get_user(kernel.system, mm, found, fpstate + kSoftware)) return std::nullopt;
    const bool plausible = found.magic1 == kMagic1 && found.xstate_size >= kHeaderEnd &&
                           found.xstate_size <= xstate_size(kernel.config.xcr0) &&
                           found.xstate_size <= found.extended_size;
    if (plausible) {
        u32 magic2 = 0;
        if (get_user(kernel.system, mm, magic2, fpstate + found.xstate_size)) return std::nullopt;
        if (magic2 == kMagic2) return found;
    }
    SoftwareBytes legacy;
    legacy.xstate_size = sizeof(FxsaveImage);
    legacy.xfeatures = kFpSse;
    return legacy;
}

}  // namespace

size_t xstate_size(u64 xcr0) {
    if (xcr0 == 0) return sizeof(FxsaveImage);
    return xcr0 & kPkruComponent ? kPkruEnd : xcr0 & kAvxComponent ? kAvxEnd : kHeaderEnd;
}

size_t fpstate_size(u64 xcr0) {
    return xstate_size(xcr0) + (xcr0 ? sizeof kMagic2 : 0);
}

u64 sigframe_size(u64 xcr0) {
    constexpr u64 kFrameAlignment = 16, kXsavePadding = 63;
    const u64 most = sizeof(RtSigframe) + (kFrameAlignment - 1) + fpstate_size(xcr0) + kXsavePadding;
    return mmu::align_up(most, kFrameAlignment);
}

std::vector<u8> fpstate_image(const Registers& registers, u64 xcr0, u32 pkru) {
    std::vector<u8> image(fpstate_size(xcr0));
    const FxsaveImage legacy = fxsave_image(registers);
    std::memcpy(image.data(), legacy.bytes, sizeof legacy.bytes);
    if (xcr0 == 0) return image;
    SoftwareBytes software;
    software.magic1 = kMagic1;
    software.extended_size = static_cast<u32>(image.size());
    software.xfeatures = components(xcr0);
    software.xstate_size = static_cast<u32>(xstate_size(xcr0));
    std::memcpy(image.data() + kSoftware, &software, sizeof software);
    // save_xstate_epilog(): whoever reads the FXSAVE part alone finds it marked as present.
    // update_pkru_in_sigframe(): so is PKRU, whatever it is.
    const u64 present = (in_use(registers) & components(xcr0)) | kFpSse | (xcr0 & kPkruComponent);
    std::memcpy(image.data() + kHeader, &present, sizeof present);
    if (components(xcr0) & kAvxComponent)
        for (unsigned n = 0; n < 16; ++n)
            std::memcpy(image.data() + kAvx + 16 * n, registers.vector[n].bytes.data() + 16, 16);
    if (xcr0 & kPkruComponent) std::memcpy(image.data() + kPkru, &pkru, sizeof pkru);
    std::memcpy(image.data() + xstate_size(xcr0), &kMagic2, sizeof kMagic2);
    return image;
}

bool load_xsave_image(std::span<const u8> area, u64 features, u64 xcr0, FpuState& state) {
    FxsaveImage legacy;
    std::memcpy(legacy.bytes, area.data(), sizeof legacy.bytes);
    const u64 present = take<u64>(area.data() + kHeader), compacted = take<u64>(area.data() + kHeader + 8),
              reserved = take<u64>(area.data() + kHeader + 16);
    if (present & ~xcr0 || compacted || reserved) return false;
    const u64 wanted = components(xcr0) & features, loaded = wanted & present;
    const bool with_mxcsr = wanted & (kSse | kAvxComponent);
    const u32 mxcsr = take<u32>(legacy.bytes + 24);
    if (with_mxcsr && mxcsr & kMxcsrReserved) return false;

    Registers from;
    Registers& registers = state.registers;
    load_fxsave_image(legacy, from);
    if (with_mxcsr) registers.mxcsr = mxcsr;
    registers.x87 = loaded & kX87 ? from.x87 : mmu::X87State{};
    for (unsigned n = 0; n < 16; ++n) {
        mmu::Vector256& to = registers.vector[n];
        to = {};
        if (loaded & kSse) std::memcpy(to.bytes.data(), from.vector[n].bytes.data(), 16);
        if (loaded & kAvxComponent && area.size() >= kAvxEnd)
            std::memcpy(to.bytes.data() + 16, area.data() + kAvx + 16 * n, 16);
    }
    state.pkru = loaded & kPkruComponent && area.size() >= kPkruEnd ? take<u32>(area.data() + kPkru) : 0;
    return true;
}

bool restore_fpstate(KernelState& kernel, MmStruct& mm, u64 fpstate, FpuState& state) {
    if (kernel.config.xcr0 == 0) {
        FxsaveImage image;
        if (get_user(kernel.system, mm, image, fpstate)) return false;
        load_fxsave_image(image, state.registers);
        return true;
    }
    const auto software = software_bytes(kernel, mm, fpstate);
    if (!software) return false;
    std::vector<u8> area(xstate_size(kernel.config.xcr0));
    if (copy_from_user(kernel.system, mm, area.data(), fpstate, software->xstate_size)) return false;
    if (software->magic1) return load_xsave_image(area, software->xfeatures, kernel.config.xcr0, state);
    // The FXSAVE part alone, with MXCSR as FXRSTOR checks it.
    if (take<u32>(area.data() + 24) & kMxcsrReserved) return false;
    FxsaveImage image;
    std::memcpy(image.bytes, area.data(), sizeof image.bytes);
    load_fxsave_image(image, state.registers);
    state.pkru = 0;
    return true;
}

}  // namespace kernel
