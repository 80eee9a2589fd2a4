// Every x87 instruction that computes, as two bytes of code and a RET, to be called between FRSTOR and
// FNSAVE. FNSAVE also leaves the host's x87 as it was: initialised.
#include "emu/insn/x87_host.h"

#include <cstring>

namespace emu::insn {
namespace {

// Four bytes each. Register forms by opcode and the low six bits of ModRM; memory forms, with the operand at
// RDI, by opcode and ModRM.reg.
asm(R"(
    .pushsection .text
    .balign 16
mmuscope_x87_register_forms:
    .set mmuscope_opcode, 0xd8
    .rept 8
    .set mmuscope_modrm, 0xc0
    .rept 64
    .byte mmuscope_opcode, mmuscope_modrm, 0xc3, 0x90
    .set mmuscope_modrm, mmuscope_modrm + 1
    .endr
    .set mmuscope_opcode, mmuscope_opcode + 1
    .endr
mmuscope_x87_memory_forms:
    .set mmuscope_opcode, 0xd8
    .rept 8
    .set mmuscope_modrm, 0x07
    .rept 8
    .byte mmuscope_opcode, mmuscope_modrm, 0xc3, 0x90
    .set mmuscope_modrm, mmuscope_modrm + 8
    .endr
    .set mmuscope_opcode, mmuscope_opcode + 1
    .endr
    .popsection
)");
extern "C" const u8 register_forms[] asm("mmuscope_x87_register_forms");
extern "C" const u8 memory_forms[] asm("mmuscope_x87_memory_forms");

const u8* code_for(u8 opcode, u8 modrm) {
    const unsigned group = opcode & 7;
    if (modrm >= 0xc0) return register_forms + (group * 64 + (modrm & 63)) * 4;
    return memory_forms + (group * 8 + (modrm >> 3 & 7)) * 4;
}

/// FNSAVE's image, 32-bit protected-mode format (SDM Vol. 1 figure 8-9).
struct Image {
    u16 control, unused0, status, unused1, tags, unused2;
    u32 instruction;
    u16 code_segment, opcode;
    u32 operand;
    u16 data_segment, unused3;
    u8 registers[8][10];
};
static_assert(sizeof(Image) == 108);

void to_image(const mmu::X87State& state, Image& image) {
    image = Image{};
    image.control = state.control;
    image.status = static_cast<u16>(state.status | state.top << 11);
    image.tags = 0xffff;  // empty, or else "valid": the CPU finds out the rest
    for (unsigned n = 0; n < 8; ++n) {
        const mmu::Float80& value = state.physical[(state.top + n) & 7];
        std::memcpy(image.registers[n], &value.significand, 8);
        std::memcpy(image.registers[n] + 8, &value.sign_exponent, 2);
        if (state.valid >> n & 1) image.tags &= static_cast<u16>(~(3u << 2 * n));
    }
}

void from_image(const Image& image, mmu::X87State& state) {
    state.control = image.control;
    state.status = image.status & static_cast<u16>(~X87Bits::kTop);
    state.top = image.status >> 11 & 7;
    state.valid = 0;
    for (unsigned n = 0; n < 8; ++n) {
        mmu::Float80& value = state.physical[(state.top + n) & 7];
        std::memcpy(&value.significand, image.registers[n], 8);
        std::memcpy(&value.sign_exponent, image.registers[n] + 8, 2);
        if ((image.tags >> 2 * n & 3) != 3) state.valid |= static_cast<u8>(1u << n);
    }
}

}  // namespace

void x87_execute(mmu::X87State& state, u8 opcode, u8 modrm, void* memory, Flags& flags) {
    Image image;
    to_image(state, image);
    u64 rax = flags;
    asm volatile(
        "frstor (%[image])\n\t"
        "lea -128(%%rsp), %%rsp\n\t"  // the red zone
        "sahf\n\t"
        "call *%[code]\n\t"
        "lahf\n\t"
        "seto %%al\n\t"
        "lea 128(%%rsp), %%rsp\n\t"
        "fnsave (%[image])"
        : "+&a"(rax)
        : [image] "r"(&image), [code] "r"(code_for(opcode, modrm)), "D"(memory)
        : "memory", "cc", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)");
    flags = static_cast<Flags>(rax);
    from_image(image, state);
}

}  // namespace emu::insn
