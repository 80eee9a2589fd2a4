// Stubs of VEX-encoded instructions by their operands, and the handlers that find the memory operand first.
#include "emu/insn/vex_forms.h"

#include <cstddef>

#include "emu/insn/host_stub.h"

namespace emu::insn {
namespace {

constexpr u8 kDst = offsetof(Insn, dst), kSrc = offsetof(Insn, src), kVvvv = offsetof(Insn, aux);

/// A stub's body, whose place is in `imm` when a handler goes before it.
StubBody body_of(const Insn* i) {
    return reinterpret_cast<StubBody>(i->imm);
}

/// Runs a stub's body and comes back from it.
[[gnu::noinline]] void run_alone(Cpu& c, const Insn* i, u8* p, StubBody body) {
    Insn alone[2];
    alone[0] = *i;
    alone[1].run = [](Cpu&, const Insn*) { return Exit::kLookup; };
    body(c, alone, p);
}

// --- memory operands: their address, then the stub ---

template <bool store>
struct ForStub {
    template <u32 size, bool aligned>
    struct Of {
        template <class Address>
        static Exit run(Cpu& c, const Insn* i) {
            const u64 address = Address::address(c, i);
            if constexpr (aligned)
                if (address % size) [[unlikely]]
                    return raise(c, i, mmu::Vector::kGeneralProtection);
            u8* p = c.l0.hit(store ? c.l0.store : c.l0.load, address, size);
            if (!p) [[unlikely]]
                return run_missed(c, i, address);
            return body_of(i)(c, i, p);
        }
        [[gnu::cold, gnu::noinline]] static Exit run_missed(Cpu& c, const Insn* i, u64 address) {
            if constexpr (store) {
                u8* p = c.open_store_slow(address, size);
                if (!p) return fault_exit(c, i, 0, 1);
                run_alone(c, i, p, body_of(i));
                c.close(p);
                return next(c, i);
            } else {
                const u8* p = c.read_slow(address, size);
                if (!p) return fault_exit(c, i, 1, 0);
                return body_of(i)(c, i, const_cast<u8*>(p));  // it only reads
            }
        }
    };
};

template <template <u32, bool> class Form>
Handler pick_size(u32 size, bool aligned, const Insn& i) {
    switch (size) {
        case 1:
            return pick_address<Form<1, false>>(i);
        case 2:
            return pick_address<Form<2, false>>(i);
        case 4:
            return pick_address<Form<4, false>>(i);
        case 8:
            return pick_address<Form<8, false>>(i);
        case 16:
            return aligned ? pick_address<Form<16, true>>(i) : pick_address<Form<16, false>>(i);
        default:
            return aligned ? pick_address<Form<32, true>>(i) : pick_address<Form<32, false>>(i);
    }
}

// --- floating-point exceptions ---

template <Traps traps>
bool has_tiny(const mmu::Vector256& value) {
    Xmm halves[2];
    __builtin_memcpy(halves, value.bytes.data(), 32);
    constexpr bool kScalar = traps == Traps::kTinySs || traps == Traps::kTinySd;
    return is_tiny<traps>(halves[0]) || (!kScalar && is_tiny<traps>(halves[1]));
}

/// Executes the instruction unless it traps.
template <Traps traps>
[[gnu::noinline]] bool executed(Cpu& c, const Insn* i, u8* p, StubBody body) {
    const mmu::Registers before = c.regs;
    const Flags flags = c.flags;
    begin_trapping(c);
    run_alone(c, i, p, body);
    bool tiny = false;
    if constexpr (traps >= Traps::kTinyPs) tiny = has_tiny<traps>(c.regs.vector[i->dst]);
    if (!end_trapping(c, tiny)) return true;
    const u32 mxcsr = c.regs.mxcsr;
    c.regs = before;
    c.regs.mxcsr = mxcsr;
    c.flags = flags;
    return false;
}

/// VCVTPS2PH, whose result of `size` bytes is where `p` leads.
template <u32 size>
[[gnu::noinline]] bool executed_to_half(Cpu& c, const Insn* i, u8* p, StubBody body) {
    const bool to_register = (i->cost & Cost::kStoreMask) == 0;
    const mmu::Vector256 before = c.regs.vector[i->src];
    u8 result[32];
    begin_trapping(c);
    run_alone(c, i, to_register ? p : result, body);
    if (to_register) __builtin_memcpy(result, p, size);
    bool tiny = false;
    for (u32 n = 0; n < size; n += 2) {
        const u32 magnitude = get<u16>(result + n) & 0x7fffu;
        tiny |= magnitude != 0 && magnitude < 0x400;
    }
    const bool traps = end_trapping(c, tiny);
    if (traps && to_register) c.regs.vector[i->src] = before;
    if (!traps && !to_register) __builtin_memcpy(p, result, size);
    return !traps;
}

template <u32 size>
[[gnu::cold]] Exit trapping_to_half(Cpu& c, const Insn* i, u8* p, StubBody body) {
    if (executed_to_half<size>(c, i, p, body)) return next(c, i);
    return fault_after(c, i, mmu::Vector::kSimdFloatingPoint, 0, (i->cost & Cost::kStoreMask) / Cost::kStore);
}

template <Traps traps>
[[gnu::cold]] Exit trapping(Cpu& c, const Insn* i, u8* p, StubBody body) {
    if (executed<traps>(c, i, p, body)) return next(c, i);
    return fault_after(c, i, mmu::Vector::kSimdFloatingPoint, i->cost & Cost::kLoadMask, 0);
}

StubWriter::Slow slow_of(Traps traps, bool wide) {
    switch (traps) {
        case Traps::kTinyPs:
            return trapping<Traps::kTinyPs>;
        case Traps::kTinyPd:
            return trapping<Traps::kTinyPd>;
        case Traps::kTinySs:
            return trapping<Traps::kTinySs>;
        case Traps::kTinySd:
            return trapping<Traps::kTinySd>;
        case Traps::kTinyPh:
            return wide ? trapping_to_half<16> : trapping_to_half<8>;
        default:
            return trapping<Traps::kSome>;
    }
}

// --- the stub ---

bool is_store(const VexForm& form) {
    return form.rm == VexRm::kStored || form.rm == VexRm::kStoredGeneral;
}
bool is_general(const VexForm& form) {
    return form.rm == VexRm::kGeneral || form.rm == VexRm::kStoredGeneral;
}

u32 operand_size(const VexForm& form, const Fields& f) {
    const u32 whole = f.vex_l ? 32 : 16;
    switch (form.size) {
        case VexSize::kWhole:
            return whole;
        case VexSize::kHalf:
            return whole / 2;
        case VexSize::kQuarter:
            return whole / 4;
        case VexSize::kEighth:
            return whole / 8;
        case VexSize::kByW:
            return f.rex_w() ? 8 : 4;
        case VexSize::kHalfOfXmm:
            return f.vex_l ? 32 : 8;
        default:
            return form.size;
    }
}

/// The host's instruction: the guest's with the registers of HostRegister.
StubWriter::Vex host_instruction(const VexForm& form, const Fields& f, bool wide) {
    StubWriter::Vex v{
        static_cast<u8>(f.map), f.vex_pp, f.opcode, form.w == VexW::k1 || (form.w_selects && f.rex_w()), wide,
        HostRegister::kReg};
    if (form.reg == VexReg::kExtension) v.reg = f.modrm_reg();
    if (form.vvvv) v.vvvv = HostRegister::kVvvv;
    if (form.reg == VexReg::kExtension) v.vvvv = HostRegister::kReg;
    const bool register_stored = is_store(form) && !f.memory();
    if (form.rm == VexRm::kOnlyRegister || form.string) v.rm = HostRegister::kRm;
    if (register_stored) v.rm = form.rm == VexRm::kStored ? HostRegister::kRm : u8{0};  // 0: RAX
    if (form.string) v.reg = HostRegister::kVvvv;  // PCMPxSTRM write XMM0
    return v;
}

void load_sources(StubWriter& stub, const VexForm& form, const Fields& f, bool wide) {
    const StubWriter::Vex host = host_instruction(form, f, wide);
    const bool reads_reg =
        form.reg == VexReg::kUpdated || form.reg == VexReg::kRead || form.reg == VexReg::kFlags;
    if (reads_reg) stub.load_vector(host.reg, kDst, wide);
    if (form.vvvv) stub.load_vector(HostRegister::kVvvv, kVvvv, wide);
    if (form.immediate == VexImmediate::kRegister)
        stub.load_vector_number(HostRegister::kIs4, static_cast<u8>(f.immediate() >> 4), wide);
    if (host.rm == HostRegister::kRm && !is_store(form)) stub.load_operand(HostRegister::kRm, wide);
    if (form.string) stub.load_string_lengths();
}

void store_results(StubWriter& stub, const VexForm& form, const Fields& f) {
    if (form.string) {
        const bool index = f.opcode & 1;
        if (index)
            stub.store_string_index();
        else
            stub.store_vector_number(0, 0);
        stub.store_flags();
        return;
    }
    if (is_store(form)) {
        if (f.memory()) return;
        if (form.rm == VexRm::kStored)
            stub.store_vector(HostRegister::kRm, kSrc);
        else
            stub.store_general(kSrc);
        return;
    }
    switch (form.reg) {
        case VexReg::kGeneral:
            return stub.store_general(kDst);
        case VexReg::kFlags:
            return stub.store_flags();
        case VexReg::kExtension:
            return stub.store_vector(HostRegister::kReg, kVvvv);
        default:
            return stub.store_vector(HostRegister::kReg, kDst);
    }
}

}  // namespace

bool build_vex(const VexForm& form, const Fields& f, Insn& out) {
    const bool wide = f.vex_l && !form.scalar;
    out.dst = form.reg == VexReg::kGeneral ? gpr(f.reg, 8, true) : f.reg;
    out.aux = f.vex_vvvv;
    StubWriter stub;
    if (!f.memory()) {
        out.src = is_general(form) ? gpr(f.rm, 8, true) : f.rm;
        if (is_general(form))
            stub.address_of_general(kSrc);
        else
            stub.address_of_vector(kSrc);
    }
    if (form.traps != Traps::kNone) stub.unless_masked(slow_of(form.traps, wide));
    load_sources(stub, form, f, wide);
    stub.vex(host_instruction(form, f, wide));
    if (form.immediate == VexImmediate::kByte) stub.immediate(static_cast<u8>(f.immediate()));
    if (form.immediate == VexImmediate::kRegister) stub.immediate(HostRegister::kIs4 << 4);
    store_results(stub, form, f);
    stub.finish(wide);
    u8* const code = executable(stub.bytes());
    if (!f.memory()) {
        out.run = reinterpret_cast<Handler>(code);
        return true;
    }
    out.imm = reinterpret_cast<u64>(code);
    const u32 size = operand_size(form, f);
    out.run = is_store(form) ? pick_size<ForStub<true>::Of>(size, form.aligned, out)
                             : pick_size<ForStub<false>::Of>(size, form.aligned, out);
    add_cost(out, is_store(form) ? 0 : 1, is_store(form) ? 1 : 0);
    return true;
}

}  // namespace emu::insn
