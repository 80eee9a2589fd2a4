#include "emu/debug/gdb_registers.h"

#include <array>
#include <cstring>
#include <vector>

#include "emu/debug/kernel_functions.h"
#include "mmu/base/ints.h"

namespace emu {
namespace {

using mmu::Registers, mmu::u16, mmu::u32, mmu::u64, mmu::u8, mmu::usize;

enum class Kind : u8 {
    kGpr,
    kRip,
    kFlags,
    kSegment,
    kX87,
    kX87Control,
    kVector,
    kMxcsr,
    kOrigRax,
    kFsBase,
    kGsBase,
    kVectorHigh,
    kOwn
};

/// One register: how it is stored, and its line in the description.
struct Row {
    Kind kind;
    u8 index;
    u16 bytes;
    std::string name, type, group;
};

/// GDB's order of the general registers, as ours are numbered.
constexpr std::array<u8, 16> kGprOrder = {mmu::kRax, mmu::kRbx, mmu::kRcx, mmu::kRdx, mmu::kRsi, mmu::kRdi,
                                          mmu::kRbp, mmu::kRsp, mmu::kR8,  mmu::kR9,  mmu::kR10, mmu::kR11,
                                          mmu::kR12, mmu::kR13, mmu::kR14, mmu::kR15};
constexpr const char* kGprNames[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
                                     "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
constexpr const char* kSegments[] = {"cs", "ss", "ds", "es", "fs", "gs"};
constexpr u32 kSelectors[] = {0x33, 0x2b, 0, 0, 0, 0};  // __USER_CS, __USER_DS
constexpr const char* kX87Controls[] = {"fctrl", "fstat", "ftag", "fiseg", "fioff", "foseg", "fooff", "fop"};

struct Feature {
    const char* name;
    std::vector<Row> rows;
};

const std::vector<Feature>& features() {
    static const std::vector<Feature> all = [] {
        std::vector<Feature> f(6);
        f[0].name = "org.gnu.gdb.i386.core";
        for (u8 n = 0; n < 16; ++n) {
            const bool pointer = n == kGdbRbp || n == kGdbRsp;
            f[0].rows.push_back(
                {Kind::kGpr, kGprOrder[n], 8, kGprNames[n], pointer ? "data_ptr" : "int64", ""});
        }
        f[0].rows.push_back({Kind::kRip, 0, 8, "rip", "code_ptr", ""});
        f[0].rows.push_back({Kind::kFlags, 0, 4, "eflags", "i386_eflags", ""});
        for (u8 n = 0; n < 6; ++n) f[0].rows.push_back({Kind::kSegment, n, 4, kSegments[n], "int32", ""});
        for (u8 n = 0; n < 8; ++n)
            f[0].rows.push_back({Kind::kX87, n, 10, "st" + std::to_string(n), "i387_ext", ""});
        for (u8 n = 0; n < 8; ++n)
            f[0].rows.push_back({Kind::kX87Control, n, 4, kX87Controls[n], "int", "float"});
        f[1].name = "org.gnu.gdb.i386.sse";
        for (u8 n = 0; n < 16; ++n)
            f[1].rows.push_back({Kind::kVector, n, 16, "xmm" + std::to_string(n), "vec128", ""});
        f[1].rows.push_back({Kind::kMxcsr, 0, 4, "mxcsr", "i386_mxcsr", "vector"});
        f[2].name = "org.gnu.gdb.i386.linux";
        f[2].rows.push_back({Kind::kOrigRax, 0, 8, "orig_rax", "int", "system"});
        f[3].name = "org.gnu.gdb.i386.segments";
        f[3].rows.push_back({Kind::kFsBase, 0, 8, "fs_base", "int", ""});
        f[3].rows.push_back({Kind::kGsBase, 0, 8, "gs_base", "int", ""});
        f[4].name = "org.gnu.gdb.i386.avx";
        for (u8 n = 0; n < 16; ++n)
            f[4].rows.push_back({Kind::kVectorHigh, n, 16, "ymm" + std::to_string(n) + "h", "uint128", ""});
        f[5].name = "org.mmuscope.mmu";
        const auto own = [&](const char* name, u16 bytes, const char* type) {
            f[5].rows.push_back({Kind::kOwn, static_cast<u8>(f[5].rows.size()), bytes, name, type, "system"});
        };
        own("cr0", 8, "int64");
        own("cr2", 8, "data_ptr");
        own("cr3", 8, "int64");
        own("cr4", 8, "int64");
        own("efer", 8, "int64");
        own("pkru", 4, "int32");
        own("pf_err", 4, "pf_err_flags");
        own("fault_stage", 4, "fault_stage_enum");
        own("fault_no", 8, "int64");
        own("icount", 8, "int64");
        return f;
    }();
    return all;
}

const std::vector<const Row*>& rows() {
    static const std::vector<const Row*> all = [] {
        std::vector<const Row*> list;
        for (const Feature& feature : features())
            for (const Row& row : feature.rows) list.push_back(&row);
        return list;
    }();
    return all;
}

/// FSTENV's tag word has two bits a register; which kind of value it holds is left to the reader.
u16 full_tags(const mmu::X87State& x87) {
    u16 tags = 0;
    for (unsigned n = 0; n < 8; ++n)
        if (!(x87.valid >> n & 1)) tags = static_cast<u16>(tags | 3u << 2 * n);
    return tags;
}

u8 abridged_tags(u64 tags) {
    u8 valid = 0;
    for (unsigned n = 0; n < 8; ++n)
        if ((tags >> 2 * n & 3) != 3) valid = static_cast<u8>(valid | 1u << n);
    return valid;
}

u64 x87_control(const mmu::X87State& x87, u8 index) {
    const u64 values[] = {x87.control,
                          static_cast<u64>(x87.status | x87.top << 11),
                          full_tags(x87),
                          x87.instruction >> 32,
                          x87.instruction & 0xffffffff,
                          x87.operand >> 32,
                          x87.operand & 0xffffffff,
                          x87.opcode};
    return values[index];
}

u64 own_value(const RegisterView& v, u8 index) {
    const u64 values[] = {v.control.cr0,  v.cr2,         v.control.cr3, v.control.cr4,  v.control.efer,
                          v.control.pkru, v.fault_error, v.fault_stage, v.fault_number, v.instructions};
    return values[index];
}

/// The place of a register that is kept as it is shown; null for those that are not.
u8* place_of(Registers& r, const Row& row) {
    switch (row.kind) {
        case Kind::kGpr:
            return reinterpret_cast<u8*>(&r.gpr[row.index]);
        case Kind::kRip:
            return reinterpret_cast<u8*>(&r.rip);
        case Kind::kFlags:
            return reinterpret_cast<u8*>(&r.rflags);
        case Kind::kX87:
            return reinterpret_cast<u8*>(&r.x87.physical[(r.x87.top + row.index) & 7]);
        case Kind::kVector:
            return r.vector[row.index].bytes.data();
        case Kind::kVectorHigh:
            return r.vector[row.index].bytes.data() + 16;
        case Kind::kMxcsr:
            return reinterpret_cast<u8*>(&r.mxcsr);
        case Kind::kFsBase:
            return reinterpret_cast<u8*>(&r.fs_base);
        case Kind::kGsBase:
            return reinterpret_cast<u8*>(&r.gs_base);
        default:
            return nullptr;
    }
}

}  // namespace

unsigned gdb_register_count() {
    return static_cast<unsigned>(rows().size());
}

std::optional<std::string> read_register(const RegisterView& view, unsigned number) {
    if (number >= rows().size()) return std::nullopt;
    const Row& row = *rows()[number];
    std::string bytes(row.bytes, '\0');
    if (const u8* place = place_of(*view.registers, row)) {
        std::memcpy(bytes.data(), place, row.bytes);
        return bytes;
    }
    const u64 value = row.kind == Kind::kSegment      ? kSelectors[row.index]
                      : row.kind == Kind::kX87Control ? x87_control(view.registers->x87, row.index)
                      : row.kind == Kind::kOrigRax    ? view.orig_rax
                                                      : own_value(view, row.index);
    std::memcpy(bytes.data(), &value, std::min<usize>(sizeof value, row.bytes));
    return bytes;
}

bool write_register(const RegisterView& view, unsigned number, std::string_view bytes) {
    if (number >= rows().size()) return false;
    const Row& row = *rows()[number];
    if (bytes.size() != row.bytes) return false;
    u64 value = 0;
    std::memcpy(&value, bytes.data(), std::min<usize>(sizeof value, bytes.size()));
    Registers& r = *view.registers;
    if (row.kind == Kind::kFlags) {  // those that POPF can change in user mode, and TF
        constexpr u64 kUser = mmu::Rflags::kStatus | mmu::Rflags::kDf | mmu::Rflags::kAc | mmu::Rflags::kId;
        r.rflags = (r.rflags & ~kUser) | (value & kUser);
        return true;
    }
    if (row.kind == Kind::kMxcsr) {
        if (value & ~u64{0xffff}) return false;
        r.mxcsr = static_cast<u32>(value);
        return true;
    }
    if (u8* place = place_of(r, row)) {
        std::memcpy(place, bytes.data(), row.bytes);
        return true;
    }
    if (row.kind == Kind::kX87Control) {
        if (row.index == 0) r.x87.control = static_cast<u16>(value);
        if (row.index == 1) {
            r.x87.top = static_cast<u8>(value >> 11 & 7);
            r.x87.status = static_cast<u16>(value & ~u64{7 << 11});
        }
        if (row.index == 2) r.x87.valid = abridged_tags(value);
        return true;
    }
    // GDB writes all registers back after a call in the guest: what cannot change is taken without effect.
    return row.kind == Kind::kSegment || row.kind == Kind::kOrigRax || row.kind == Kind::kOwn;
}

namespace {

/// What fault_stage may be: the guest's own code, or a function of the kernel's or the MMU's.
std::string stage_type() {
    std::string xml = "<enum id=\"fault_stage_enum\" size=\"4\"><evalue name=\"user\" value=\"0\"/>";
    u32 number = 0;
    for (const KernelFunction& function : kernel_functions())
        xml += "<evalue name=\"" + std::string(function.name) + "\" value=\"" + std::to_string(++number) +
               "\"/>";
    return xml + "</enum>";
}

}  // namespace

std::string target_description() {
    static constexpr const char* kTypes[] = {
        R"(<flags id="i386_eflags" size="4"><field name="" start="22" end="31"/><field name="CF" start="0" end="0"/><field name="" start="1" end="1"/><field name="PF" start="2" end="2"/><field name="AF" start="4" end="4"/><field name="ZF" start="6" end="6"/><field name="SF" start="7" end="7"/><field name="TF" start="8" end="8"/><field name="IF" start="9" end="9"/><field name="DF" start="10" end="10"/><field name="OF" start="11" end="11"/><field name="NT" start="14" end="14"/><field name="RF" start="16" end="16"/><field name="VM" start="17" end="17"/><field name="AC" start="18" end="18"/><field name="VIF" start="19" end="19"/><field name="VIP" start="20" end="20"/><field name="ID" start="21" end="21"/></flags>)",
        R"(<vector id="v4f" type="ieee_single" count="4"/><vector id="v2d" type="ieee_double" count="2"/><vector id="v16i8" type="int8" count="16"/><vector id="v8i16" type="int16" count="8"/><vector id="v4i32" type="int32" count="4"/><vector id="v2i64" type="int64" count="2"/><union id="vec128"><field name="v4_float" type="v4f"/><field name="v2_double" type="v2d"/><field name="v16_int8" type="v16i8"/><field name="v8_int16" type="v8i16"/><field name="v4_int32" type="v4i32"/><field name="v2_int64" type="v2i64"/><field name="uint128" type="uint128"/></union><flags id="i386_mxcsr" size="4"><field name="IE" start="0" end="0"/><field name="DE" start="1" end="1"/><field name="ZE" start="2" end="2"/><field name="OE" start="3" end="3"/><field name="UE" start="4" end="4"/><field name="PE" start="5" end="5"/><field name="DAZ" start="6" end="6"/><field name="IM" start="7" end="7"/><field name="DM" start="8" end="8"/><field name="ZM" start="9" end="9"/><field name="OM" start="10" end="10"/><field name="UM" start="11" end="11"/><field name="PM" start="12" end="12"/><field name="FZ" start="15" end="15"/></flags>)",
        "",
        "",
        "",
        R"(<flags id="pf_err_flags" size="4"><field name="P" start="0" end="0"/><field name="W" start="1" end="1"/><field name="U" start="2" end="2"/><field name="RSVD" start="3" end="3"/><field name="I" start="4" end="4"/><field name="PK" start="5" end="5"/><field name="SS" start="6" end="6"/></flags>)",
    };
    std::string xml =
        "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target version=\"1.0\">\n"
        "<architecture>i386:x86-64</architecture>\n<osabi>GNU/Linux</osabi>\n";
    usize number = 0;
    for (usize f = 0; f < features().size(); ++f) {
        const Feature& feature = features()[f];
        xml += std::string("<feature name=\"") + feature.name + "\">\n" + kTypes[f] +
               (f + 1 == features().size() ? stage_type() : std::string{});
        for (const Row& row : feature.rows) {
            xml += "<reg name=\"" + row.name + "\" bitsize=\"" + std::to_string(row.bytes * 8) +
                   "\" type=\"" + row.type + "\" regnum=\"" + std::to_string(number++) + "\"";
            if (!row.group.empty()) xml += " group=\"" + row.group + "\"";
            if (row.kind == Kind::kOwn) xml += " save-restore=\"no\"";
            xml += "/>\n";
        }
        xml += "</feature>\n";
    }
    return xml + "</target>\n";
}

}  // namespace emu
