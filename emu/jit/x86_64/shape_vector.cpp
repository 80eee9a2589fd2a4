// SSE to SSE3 on XMM registers. SDM Vol. 2. MMX forms of the same opcodes are not described.
#include "emu/jit/x86_64/shape.h"

namespace emu::jit {
namespace {

/// How an instruction uses its operands; `size` is that of a memory operand.
struct Use {
    u8 size = 16;
    bool aligned = true;  ///< if in memory
    bool merges = true;   ///< the destination's old value counts
    bool floating = false;
};

void describe(const Fields& f, Shape& s, u8 prefix) {
    s.kind = Shape::Kind::kVector;
    s.opcode = {f.opcode, static_cast<u8>(f.map), 4, prefix, false, false};
    s.extension = f.modrm_reg();
    s.reg = f.reg;
    s.rm = f.rm;
    s.rm_memory = f.memory();
    s.immediate_size = f.immediate_size;
    s.immediate = f.immediate();
}
bool load(const Fields& f, Shape& s, u8 prefix, const Use& use) {
    describe(f, s, prefix);
    s.has_reg = s.reg_write = s.rm_read = true;
    s.reg_read = use.merges;
    s.rm_size = use.size;
    s.aligned = use.aligned && use.size == 16;
    s.floating = use.floating;
    return true;
}
bool store(const Fields& f, Shape& s, u8 prefix, const Use& use) {
    describe(f, s, prefix);
    s.has_reg = s.reg_read = s.rm_write = true;
    s.rm_read = !s.rm_memory && use.merges;
    s.rm_size = use.size;
    s.aligned = use.aligned && use.size == 16;
    return true;
}
bool to_general(const Fields& f, Shape& s, u8 prefix, const Use& use) {
    load(f, s, prefix, use);
    s.reg_general = true;
    s.reg_read = false;
    s.opcode.size = f.rex_w() ? 8 : 4;
    return true;
}

constexpr u8 kScalarSingle = 0xf3, kScalarDouble = 0xf2;

/// 51 .. 5F and C2: four kinds of numbers by prefix.
Use arithmetic(u8 prefix) {
    Use use;
    use.size = prefix == kScalarSingle ? 4 : prefix == kScalarDouble ? 8 : 16;
    use.floating = true;
    return use;
}

bool moves(const Fields& f, Shape& s, u8 prefix) {
    const bool memory = f.memory();
    const Use whole{16, false, false}, aligned{16, true, false};
    switch (f.opcode) {
        case 0x10:
        case 0x11: {
            Use use = whole;
            if (prefix == kScalarSingle) use = {4, false, !memory};
            if (prefix == kScalarDouble) use = {8, false, !memory};
            return f.opcode == 0x10 ? load(f, s, prefix, use) : store(f, s, prefix, use);
        }
        case 0x12:
        case 0x16:
            if (prefix == kScalarSingle) return load(f, s, prefix, aligned);
            if (prefix == kScalarDouble) return f.opcode == 0x12 && load(f, s, prefix, {8, false, false});
            if (prefix == 0x66 && !memory) return false;
            return load(f, s, prefix, {8, false, true});
        case 0x13:
        case 0x17:
            if (!memory || (prefix != 0 && prefix != 0x66)) return false;
            return store(f, s, prefix, {8, false, false});
        case 0x28:
            return load(f, s, 0, aligned);
        case 0x29:
        case 0x2b:  // past the caches: to us a store as any other
            store(f, s, 0, aligned);
            s.opcode.byte = 0x29;
            return true;
        case 0x6e:
            if (prefix != 0x66) return false;
            load(f, s, prefix, {static_cast<u8>(f.rex_w() ? 8 : 4), false, false});
            s.rm_general = true;
            s.opcode.size = s.rm_size;
            return true;
        case 0x6f:
            if (prefix != 0x66 && prefix != kScalarSingle) return false;
            return load(f, s, prefix, prefix == 0x66 ? aligned : whole);
        case 0x7e:
            if (prefix == kScalarSingle) return load(f, s, prefix, {8, false, false});
            if (prefix != 0x66) return false;
            store(f, s, prefix, {static_cast<u8>(f.rex_w() ? 8 : 4), false, false});
            s.rm_general = true;
            s.opcode.size = s.rm_size;
            return true;
        case 0x7f:
        case 0xe7:
            if (prefix != 0x66 && (prefix != kScalarSingle || f.opcode == 0xe7)) return false;
            store(f, s, prefix, prefix == 0x66 ? aligned : whole);
            s.opcode.byte = 0x7f;
            return true;
        case 0xd6:
            return prefix == 0x66 && store(f, s, prefix, {8, false, false});
        case 0xf0:
            return prefix == kScalarDouble && memory && load(f, s, prefix, whole);
        default:
            return false;
    }
}

bool conversions(const Fields& f, Shape& s, u8 prefix) {
    const bool scalar = prefix == kScalarSingle || prefix == kScalarDouble;
    Use use = arithmetic(prefix);
    switch (f.opcode) {
        case 0x2a:
            if (!scalar) return false;
            use.size = f.rex_w() ? 8 : 4;
            load(f, s, prefix, use);
            s.rm_general = true;
            s.opcode.size = use.size;
            return true;
        case 0x2c:
        case 0x2d:
            return scalar && to_general(f, s, prefix, use);
        case 0x2e:
        case 0x2f:
            if (prefix != 0 && prefix != 0x66) return false;
            load(f, s, prefix, {static_cast<u8>(prefix ? 8 : 4), false, true, true});
            s.reg_write = false;
            s.flags = Shape::FlagWrite::kAll;
            return true;
        case 0x5a:
            use.merges = scalar;
            if (prefix == 0) use.size = 8;
            return load(f, s, prefix, use);
        case 0x5b:
            if (prefix == kScalarDouble) return false;
            return load(f, s, prefix, {16, true, false, true});
        case 0xe6:
            if (prefix == 0) return false;
            if (prefix == kScalarSingle) return load(f, s, prefix, {8, false, false, false});
            return load(f, s, prefix, {16, true, false, true});
        default:
            return false;
    }
}

bool numbers(const Fields& f, Shape& s, u8 prefix) {
    const u8 op = f.opcode;
    Use use = arithmetic(prefix);
    if (op == 0x51) {
        use.merges = use.size != 16;
        return load(f, s, prefix, use);
    }
    if (op == 0x52 || op == 0x53) {  // approximations raise nothing
        if (prefix != 0 && prefix != kScalarSingle) return false;
        return load(f, s, prefix, {use.size, true, use.size != 16, false});
    }
    if ((op >= 0x54 && op <= 0x57) || op == 0x14 || op == 0x15 || op == 0xc6)
        return (prefix == 0 || prefix == 0x66) && load(f, s, prefix, Use{});
    if (op == 0x7c || op == 0x7d || op == 0xd0) {
        if (prefix != 0x66 && prefix != kScalarDouble) return false;
        return load(f, s, prefix, {16, true, true, true});
    }
    if (op == 0xc2) {
        load(f, s, prefix, use);
        s.immediate &= 7;
        return true;
    }
    return load(f, s, prefix, use);  // 58, 59, 5C .. 5F
}

bool integers(const Fields& f, Shape& s, u8 prefix) {
    const u8 op = f.opcode;
    if (op == 0x70) return prefix != 0 && load(f, s, prefix, {16, true, false});
    if (prefix != 0x66) return false;
    if (op >= 0x71 && op <= 0x73) {
        if (f.memory()) return false;
        describe(f, s, prefix);
        s.rm_read = s.rm_write = true;
        return true;
    }
    if (op == 0xc4) {
        load(f, s, prefix, {2, false, true});
        s.rm_general = true;
        return true;
    }
    if (op == 0xc5 || op == 0xd7) return !f.memory() && to_general(f, s, prefix, Use{});
    if (op == 0xf7) return false;  // MASKMOVDQU
    return load(f, s, prefix, Use{});
}

}  // namespace

bool shape_vector(const Fields& f, Shape& s) {
    if (f.map != Map::k0F || f.lock) return false;
    const u8 op = f.opcode, prefix = f.repeat ? f.repeat : static_cast<u8>(f.operand16 ? 0x66 : 0);
    bool known = false;
    switch (op) {
        case 0x10 ... 0x13:
        case 0x16:
        case 0x17:
        case 0x28:
        case 0x29:
        case 0x2b:
        case 0x6e:
        case 0x6f:
        case 0x7e:
        case 0x7f:
        case 0xd6:
        case 0xe7:
        case 0xf0:
            known = moves(f, s, prefix);
            break;
        case 0x2a:
        case 0x2c ... 0x2f:
        case 0x5a:
        case 0x5b:
        case 0xe6:
            known = conversions(f, s, prefix);
            break;
        case 0x50:
            known = (prefix == 0 || prefix == 0x66) && !f.memory() && to_general(f, s, prefix, Use{});
            break;
        case 0x14:
        case 0x15:
        case 0x51 ... 0x59:
        case 0x5c ... 0x5f:
        case 0x7c:
        case 0x7d:
        case 0xc2:
        case 0xc6:
        case 0xd0:
            known = numbers(f, s, prefix);
            break;
        case 0x60 ... 0x6d:
        case 0x70 ... 0x76:
        case 0xc4:
        case 0xc5:
        case 0xd1 ... 0xd5:
        case 0xd7 ... 0xe5:
        case 0xe8 ... 0xef:
        case 0xf1 ... 0xfe:
            known = integers(f, s, prefix);
            break;
        default:
            break;
    }
    if (!known) s = Shape{};
    return known;
}

}  // namespace emu::jit
