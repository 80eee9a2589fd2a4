#include "emu/insn/host_stub.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <mutex>
#include <string>
#include <unordered_map>

#include "mmu/base/check.h"

namespace emu::insn {
namespace {

// Cpu has private members, for which offsetof is conditionally supported; our compilers do support it.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
constexpr u32 kRegisters = offsetof(Cpu, regs);
constexpr u32 kVectors = kRegisters + offsetof(mmu::Registers, vector);
constexpr u32 kMxcsr = kRegisters + offsetof(mmu::Registers, mxcsr);
constexpr u32 kFlags = offsetof(Cpu, flags);
#pragma GCC diagnostic pop
static_assert(kRegisters == 0);
static_assert(offsetof(Insn, run) == 0 && sizeof(Insn) == 32 && sizeof(mmu::Vector256) == 32);

constexpr u32 kMxcsrMasks = 0x1f80;

/// Pages that are written through one mapping and executed through another.
class Pool {
  public:
    Pool() {
        const int file = make_file();
        void* const writable = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        void* const executable = mmap(nullptr, kSize, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
        CHECK(writable != MAP_FAILED && executable != MAP_FAILED);
        close(file);
        writable_ = static_cast<u8*>(writable);
        executable_ = static_cast<u8*>(executable);
    }

    u8* place(std::span<const u8> code) {
        const std::scoped_lock lock(mutex_);
        const std::string key(reinterpret_cast<const char*>(code.data()), code.size());
        const auto [entry, is_new] = places_.try_emplace(key, nullptr);
        if (is_new) {
            // As many as there are encodings with different immediates and flags, a guest cannot make more.
            CHECK(used_ + code.size() <= kSize, used_);
            std::memcpy(writable_ + used_, code.data(), code.size());
            entry->second = executable_ + used_;
            used_ += (code.size() + kAlignment - 1) & ~(kAlignment - 1);
        }
        return entry->second;
    }

    /// A copied process shares the pages with its original: they are replaced by others with the same
    /// contents, at the same addresses.
    void own() {
        const int file = make_file();
        for (mmu::usize done = 0; done < used_;) {
            const ssize_t put = pwrite(file, writable_ + done, used_ - done, static_cast<off_t>(done));
            CHECK(put > 0);
            done += static_cast<mmu::usize>(put);
        }
        const auto replace = [file](u8* at, int rights) {
            return mmap(at, kSize, rights, MAP_SHARED | MAP_FIXED, file, 0) == at;
        };
        CHECK(replace(writable_, PROT_READ | PROT_WRITE) && replace(executable_, PROT_READ | PROT_EXEC));
        close(file);
    }

  private:
    static int make_file() {
        const int file = memfd_create("mmuscope-stubs", MFD_CLOEXEC);
        CHECK(file >= 0 && ftruncate(file, kSize) == 0);
        return file;
    }

    static constexpr mmu::usize kSize = 16 << 20, kAlignment = 16;
    std::mutex mutex_;
    u8* writable_ = nullptr;
    u8* executable_ = nullptr;
    mmu::usize used_ = 0;
    std::unordered_map<std::string, u8*> places_;
};

Pool& pool() {
    static Pool pool;
    return pool;
}

}  // namespace

u8* executable(std::span<const u8> code) {
    return pool().place(code);
}

void own_stubs() {
    pool().own();
}

// The host's registers: RDI is the Cpu, RSI the Insn, RDX `p`; RAX, RCX and the vector registers are free.

void StubWriter::byte(unsigned value) {
    CHECK(size_ < kCapacity);
    bytes_[size_++] = static_cast<u8>(value);
}
void StubWriter::word32(u32 value) {
    for (unsigned n = 0; n < 4; ++n) byte(value >> 8 * n & 0xff);
}
void StubWriter::word64(u64 value) {
    word32(static_cast<u32>(value));
    word32(static_cast<u32>(value >> 32));
}

void StubWriter::address_of_vector(u8 field) {
    bytes({0x0f, 0xb6, 0x56, field});  // movzx edx, byte [rsi + field]
    bytes({0xc1, 0xe2, 0x05});         // shl edx, 5
    bytes({0x48, 0x8d, 0x94, 0x17});   // lea rdx, [rdi + rdx + kVectors]
    word32(kVectors);
}

void StubWriter::address_of_general(u8 field) {
    bytes({0x0f, 0xb6, 0x56, field});  // movzx edx, byte [rsi + field]
    bytes({0x48, 0x01, 0xfa});         // add rdx, rdi
}

void StubWriter::load_vector(u8 host, u8 field, bool wide) {
    bytes({0x0f, 0xb6, 0x46, field});  // movzx eax, byte [rsi + field]
    bytes({0xc1, 0xe0, 0x05});         // shl eax, 5
    bytes({0xc5, wide ? 0xfeu : 0xfau, 0x6f, 0x84u | unsigned{host} << 3,
           0x07});  // vmovdqu host, [rdi + rax + ...]
    word32(kVectors);
}

void StubWriter::load_vector_number(u8 host, u8 number, bool wide) {
    bytes({0xc5, wide ? 0xfeu : 0xfau, 0x6f, 0x87u | unsigned{host} << 3});  // vmovdqu host, [rdi + ...]
    word32(kVectors + 32u * number);
}

void StubWriter::load_operand(u8 host, bool wide) {
    bytes({0xc5, wide ? 0xfeu : 0xfau, 0x6f, 0x02u | unsigned{host} << 3});  // vmovdqu host, [rdx]
}

void StubWriter::store_vector(u8 host, u8 field) {
    bytes({0x0f, 0xb6, 0x46, field});                              // movzx eax, byte [rsi + field]
    bytes({0xc1, 0xe0, 0x05});                                     // shl eax, 5
    bytes({0xc5, 0xfe, 0x7f, 0x84u | unsigned{host} << 3, 0x07});  // vmovdqu [rdi + rax + kVectors], host
    word32(kVectors);
}

void StubWriter::store_vector_number(u8 host, u8 number) {
    bytes({0xc5, 0xfe, 0x7f, 0x87u | unsigned{host} << 3});  // vmovdqu [rdi + ...], host
    word32(kVectors + 32u * number);
}

void StubWriter::store_general(u8 field) {
    bytes({0x0f, 0xb6, 0x4e, field});  // movzx ecx, byte [rsi + field]
    bytes({0x48, 0x89, 0x04, 0x0f});   // mov [rdi + rcx], rax
}

void StubWriter::store_flags() {
    bytes({0x9f, 0x0f, 0x90, 0xc0, 0x66, 0x89, 0x87});  // lahf; seto al; mov [rdi + kFlags], ax
    word32(kFlags);
}

void StubWriter::load_string_lengths() {
    bytes({0x48, 0x8b, 0x47, Slot::of(mmu::kRax)});  // mov rax, [rdi + ...]
    bytes({0x48, 0x8b, 0x57, Slot::of(mmu::kRdx)});  // mov rdx, [rdi + ...]
}

void StubWriter::store_string_index() {
    bytes({0x48, 0x89, 0x4f, Slot::of(mmu::kRcx)});  // mov [rdi + ...], rcx
}

void StubWriter::vex(const Vex& v) {
    const unsigned vvvv = v.vvvv == HostRegister::kNone ? 15 : ~unsigned{v.vvvv} & 15;
    const unsigned modrm = (v.rm == HostRegister::kNone ? 0x02u : 0xc0u | v.rm) | unsigned{v.reg} << 3;
    bytes({0xc4, 0xe0u | v.map, (v.w ? 0x80u : 0u) | vvvv << 3 | (v.l ? 4u : 0u) | v.pp, v.opcode, modrm});
}

void StubWriter::unless_masked(Slow slow) {
    bytes({0x8b, 0x87});  // mov eax, [rdi + kMxcsr]
    word32(kMxcsr);
    bytes({0xf7, 0xd0, 0xa9});  // not eax; test eax, kMxcsrMasks
    word32(kMxcsrMasks);
    constexpr unsigned kAway = 7 + 10 + 2;
    bytes({0x74, kAway});                           // jz body
    bytes({0x48, 0x8d, 0x0d, kAway - 7, 0, 0, 0});  // lea rcx, [rip + body]
    bytes({0x48, 0xb8});                            // mov rax, slow
    word64(reinterpret_cast<u64>(slow));
    bytes({0xff, 0xe0});  // jmp rax
}

void StubWriter::finish(bool wide) {
    // The emulator itself is not compiled for AVX: used upper halves would slow its own vector moves down.
    if (wide) bytes({0xc5, 0xf8, 0x77});                  // vzeroupper
    bytes({0x48, 0x83, 0xc6, sizeof(Insn), 0xff, 0x26});  // add rsi, sizeof(Insn); jmp [rsi]
}

}  // namespace emu::insn
