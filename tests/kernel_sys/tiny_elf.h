// A small ELF program, byte by byte: two segments, a bss, all the rest for a test to change.
#pragma once

#include <elf.h>

#include <cstring>
#include <vector>

#include "mmu/base/ints.h"

namespace sys_test {

struct TinyElf {
    Elf64_Ehdr header{};
    std::vector<Elf64_Phdr> segments;
    std::vector<mmu::u8> content;  ///< of the file from offset 0x1000 on

    std::vector<mmu::u8> bytes() const {
        std::vector<mmu::u8> file(0x1000 + content.size());
        std::memcpy(file.data(), &header, sizeof header);
        for (mmu::usize i = 0; i < segments.size() && 64 + (i + 1) * 56 <= 0x1000; ++i)
            std::memcpy(file.data() + 64 + i * 56, &segments[i], sizeof segments[i]);
        std::memcpy(file.data() + 0x1000, content.data(), content.size());
        return file;
    }
};

inline Elf64_Phdr load_segment(mmu::u32 flags, mmu::u64 offset, mmu::u64 address, mmu::u64 file,
                               mmu::u64 memory) {
    return Elf64_Phdr{PT_LOAD, flags, offset, address, address, file, memory, 0x1000};
}

/// Headers and code at 0x400000, data at 0x402000 with 0x100 bytes in the file and 0x2100 in memory.
inline TinyElf tiny_program(mmu::u16 type = ET_EXEC) {
    TinyElf elf;
    Elf64_Ehdr& header = elf.header;
    const mmu::u64 base = type == ET_EXEC ? 0x400000 : 0;
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = type;
    header.e_machine = EM_X86_64;
    header.e_version = EV_CURRENT;
    header.e_entry = base + 0x1000;
    header.e_phoff = 64;
    header.e_ehsize = 64;
    header.e_phentsize = 56;
    elf.segments = {load_segment(PF_R | PF_X, 0, base, 0x1100, 0x1100),
                    load_segment(PF_R | PF_W, 0x1100, base + 0x2100, 0x100, 0x2100)};
    header.e_phnum = 2;
    elf.content.assign(0x200, 0x90);
    return elf;
}

inline std::vector<mmu::u8> tiny_elf() {
    return tiny_program().bytes();
}

}  // namespace sys_test
