// An ELF file's headers, checked against everything a hostile one may say, and its segments mapped as Linux
// maps them. Linux: fs/binfmt_elf.c load_elf_binary(), elf_load(), load_elf_interp(). Deviation: a header
// that lies (a segment beyond the end of the file, overlapping segments, an entry point in no segment) is
// refused here, where Linux lets the program die of it.
#pragma once

#include <elf.h>

#include <functional>
#include <string>
#include <vector>

#include "kernel/mm.h"
#include "mmu/base/expected.h"

namespace kernel {

/// Why a program cannot be executed: the errno of execve(2), and a phrase that completes "FILE: ...".
struct ExecFailure {
    int error = 0;
    std::string reason;
};

struct ElfImage {
    Elf64_Ehdr header{};
    std::vector<Elf64_Phdr> segments;
    std::string interpreter;        ///< PT_INTERP's path; empty for a static program
    bool stack_executable = false;  ///< PT_GNU_STACK with PF_X

    bool position_independent() const { return header.e_type == ET_DYN; }
};

/// Reads and checks the headers.
mmu::Expected<ElfImage, ExecFailure> read_elf(FileBacking& file);

/// Where an image came to lie. Addresses have the bias added.
struct LoadedElf {
    u64 bias = 0, entry = 0;
    u64 program_headers = 0;  ///< AT_PHDR; 0 when no segment holds them
    u64 start_code = 0, end_code = 0, start_data = 0, end_data = 0, end = 0;  ///< end: of bss, unaligned
};

struct ElfPlacement {
    bool is_interpreter = false;
    u64 dynamic_base = 0;  ///< for a position-independent program: 0 = anywhere in the mmap area
};

/// Maps the segments of `image` into `mm`, which must be the current address space. `open` gives a backing of
/// the same file each time.
mmu::Expected<LoadedElf, ExecFailure> load_elf(MemorySystem& system, MmStruct& mm, const ElfImage& image,
                                               const ElfPlacement& placement,
                                               const std::function<MmapFile()>& open);

}  // namespace kernel
