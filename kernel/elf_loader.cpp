#include "kernel/elf_loader.h"

#include <sys/mman.h>

#include <cstring>

#include "kernel/errno.h"
#include "kernel/mmap.h"
#include "kernel/uaccess.h"

namespace kernel {

using mmu::align_down;
using mmu::align_up;
using mmu::Expected;
using mmu::kPageOffsetMask;
using mmu::kPageSize;
using mmu::Unexpected;

namespace {

constexpr u64 kMaxHeaderBytes = 65536;  ///< load_elf_phdrs()
constexpr u64 kPathMax = 4096;

Unexpected<ExecFailure> not_executable(std::string reason) {
    return Unexpected{ExecFailure{ENOEXEC, std::move(reason)}};
}

std::string machine_name(u16 machine) {
    switch (machine) {
        case EM_386:
            return "i386";
        case EM_ARM:
            return "arm";
        case EM_AARCH64:
            return "aarch64";
        case EM_RISCV:
            return "riscv";
        case EM_PPC64:
            return "ppc64";
        case EM_S390:
            return "s390";
        case EM_MIPS:
            return "mips";
        case EM_SPARCV9:
            return "sparc64";
        default:
            return "number " + std::to_string(machine);
    }
}

bool read_exactly(FileBacking& file, void* to, u64 bytes, u64 offset) {
    return file.pread({static_cast<u8*>(to), bytes}, offset) == static_cast<i64>(bytes);
}

/// The file header alone. Empty: good.
std::string header_fault(const Elf64_Ehdr& header) {
    if (header.e_ident[EI_CLASS] == ELFCLASS32)
        return "a 32-bit program (machine: " + machine_name(header.e_machine) + "); only x86-64 is emulated";
    if (header.e_ident[EI_CLASS] != ELFCLASS64) return "damaged ELF header: neither 32-bit nor 64-bit";
    if (header.e_ident[EI_DATA] != ELFDATA2LSB) return "a big-endian program; only x86-64 is emulated";
    if (header.e_machine != EM_X86_64)
        return "built for another machine (" + machine_name(header.e_machine) + "); only x86-64 is emulated";
    if (header.e_type == ET_REL) return "an object file, not linked yet";
    if (header.e_type == ET_CORE) return "a core dump, not a program";
    if (header.e_type != ET_EXEC && header.e_type != ET_DYN) return "damaged ELF header: unknown file type";
    if (header.e_phnum == 0) return "damaged ELF file: it has no program headers";
    if (header.e_phentsize != sizeof(Elf64_Phdr)) return "damaged ELF header: wrong size of a program header";
    if (header.e_phnum * sizeof(Elf64_Phdr) > kMaxHeaderBytes)
        return "damaged ELF header: too many program headers";
    return {};
}

/// One PT_LOAD against the file and the address space; `previous_end` is where the one before it ended.
std::string segment_fault(const Elf64_Phdr& segment, unsigned number, u64 file_size, u64 previous_end) {
    const std::string name = "segment " + std::to_string(number);
    if (segment.p_filesz > segment.p_memsz) return name + " is larger in the file than in memory";
    if (segment.p_offset > file_size || segment.p_filesz > file_size - segment.p_offset)
        return "truncated: " + name + " reaches beyond the end of the file";
    if (segment.p_vaddr >= kTaskSize47 || segment.p_memsz > kTaskSize47 - segment.p_vaddr)
        return name + " does not fit into the address space";
    if (segment.p_filesz && ((segment.p_offset ^ segment.p_vaddr) & kPageOffsetMask))
        return name + " is not aligned: its file offset and address differ within a page";
    if (segment.p_vaddr < previous_end) return "segments overlap or are out of order at " + name;
    return {};
}

bool inside_a_segment(const ElfImage& image, u64 address) {
    for (const Elf64_Phdr& segment : image.segments)
        if (segment.p_type == PT_LOAD && address >= segment.p_vaddr &&
            address - segment.p_vaddr < segment.p_memsz)
            return true;
    return false;
}

/// All PT_LOADs and the entry point. Empty: good.
std::string layout_fault(const ElfImage& image, u64 file_size) {
    u64 end = 0;
    unsigned number = 0;
    bool any = false;
    for (const Elf64_Phdr& segment : image.segments) {
        if (segment.p_type == PT_LOAD) {
            if (std::string fault = segment_fault(segment, number, file_size, end); !fault.empty())
                return fault;
            end = segment.p_vaddr + segment.p_memsz;
            any = any || segment.p_memsz;
        }
        number++;
    }
    if (!any) return "it has no segment to load";
    if (!inside_a_segment(image, image.header.e_entry)) return "its entry point lies in no segment";
    return {};
}

u64 protection_of(const Elf64_Phdr& segment) {
    return (segment.p_flags & PF_R ? PROT_READ : 0) | (segment.p_flags & PF_W ? PROT_WRITE : 0) |
           (segment.p_flags & PF_X ? PROT_EXEC : 0);
}

/// maximum_alignment()
u64 maximum_alignment(const ElfImage& image) {
    u64 alignment = kPageSize;
    for (const Elf64_Phdr& segment : image.segments)
        if (segment.p_type == PT_LOAD && mmu::is_power_of_two(segment.p_align) && segment.p_align > alignment)
            alignment = segment.p_align;
    return alignment;
}

/// total_mapping_size()
u64 total_mapping_size(const ElfImage& image) {
    u64 low = ~u64{0}, high = 0;
    for (const Elf64_Phdr& segment : image.segments) {
        if (segment.p_type != PT_LOAD) continue;
        low = std::min(low, align_down(segment.p_vaddr, kPageSize));
        high = std::max(high, segment.p_vaddr + segment.p_memsz);
    }
    return high - low;
}

/// Maps one image's segments; the steps are those of Linux's functions of the same names.
class SegmentMapper {
  public:
    SegmentMapper(MemorySystem& system, MmStruct& mm, const std::function<MmapFile()>& open)
        : system_(system), mm_(mm), open_(open) {}

    /// elf_map(): the file's part. `total` > 0 reserves room for the whole image first.
    i64 elf_map(u64 address, const Elf64_Phdr& segment, u64 flags, u64 total) {
        const u64 within = segment.p_vaddr & kPageOffsetMask;
        const u64 size = align_up(segment.p_filesz + within, kPageSize);
        const u64 offset = segment.p_offset - within;
        address = align_down(address, kPageSize);
        if (!size) return static_cast<i64>(address);
        MmapFile file = open_();
        const u64 length = total ? align_up(total, kPageSize) : size;
        const i64 mapped =
            sys_mmap(system_, mm_, address, length, protection_of(segment), flags, &file, offset);
        if (mapped >= 0 && length > size)
            (void)sys_munmap(system_, mm_, static_cast<u64>(mapped) + size, length - size);
        return mapped;
    }

    /// elf_load(): the file's part, its zeroed tail and the pages that only memory has.
    i64 elf_load(u64 address, const Elf64_Phdr& segment, u64 flags, u64 total) {
        const u64 within = segment.p_vaddr & kPageOffsetMask;
        i64 mapped = static_cast<i64>(align_down(address, kPageSize));
        u64 zero_start = static_cast<u64>(mapped);
        u64 zero_end = zero_start + within + segment.p_memsz;
        if (segment.p_filesz) {
            mapped = elf_map(address, segment, flags, total);
            if (mapped < 0) return mapped;
            zero_start = static_cast<u64>(mapped) + within + segment.p_filesz;
            zero_end = static_cast<u64>(mapped) + within + segment.p_memsz;
            // padzero(): a read-only tail that cannot be cleared is tolerated.
            const u64 tail = zero_start & kPageOffsetMask;
            if (segment.p_memsz > segment.p_filesz && tail && (segment.p_flags & PF_W) &&
                clear_user(system_, mm_, zero_start, kPageSize - tail))
                return -EFAULT;
        }
        if (segment.p_memsz > segment.p_filesz) {
            zero_start = align_up(zero_start, kPageSize);
            zero_end = align_up(zero_end, kPageSize);
            if (zero_end > zero_start) {
                const int error = vm_brk_flags(system_, mm_, zero_start, zero_end - zero_start,
                                               segment.p_flags & PF_X ? VM_EXEC : 0);
                if (error) return error;
            }
        }
        return mapped;
    }

  private:
    MemorySystem& system_;
    MmStruct& mm_;
    const std::function<MmapFile()>& open_;
};

/// Where to ask for the first segment of an image, and how.
struct FirstPlace {
    u64 bias = 0;
    u64 flags = MAP_PRIVATE;
    i64 error = 0;
};

FirstPlace place_first(MemorySystem& system, MmStruct& mm, const ElfImage& image,
                       const ElfPlacement& placement, const Elf64_Phdr& first) {
    FirstPlace place;
    if (!image.position_independent()) {
        place.flags |= placement.is_interpreter ? MAP_FIXED : MAP_FIXED_NOREPLACE;
        return place;
    }
    const u64 alignment = maximum_alignment(image);
    u64 base = placement.dynamic_base;
    if (base) {
        base = align_down(base, alignment);
        place.flags |= MAP_FIXED_NOREPLACE;
    } else if (alignment > kPageSize && !placement.is_interpreter) {
        // Finds room, and moves down in it to the alignment asked for.
        const i64 room = sys_mmap(system, mm, 0, align_up(total_mapping_size(image), kPageSize), PROT_NONE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, nullptr, 0);
        if (room < 0) {
            place.error = room;
            return place;
        }
        (void)sys_munmap(system, mm, static_cast<u64>(room), align_up(total_mapping_size(image), kPageSize));
        base = align_down(static_cast<u64>(room), alignment);
        place.flags |= MAP_FIXED_NOREPLACE;
    }
    place.bias = align_down(base - first.p_vaddr, kPageSize);
    return place;
}

void note_segment(LoadedElf& loaded, const Elf64_Phdr& segment) {
    const u64 start = segment.p_vaddr, file_end = start + segment.p_filesz;
    if (segment.p_flags & PF_X) {
        loaded.start_code = std::min(loaded.start_code, start);
        loaded.end_code = std::max(loaded.end_code, file_end);
    }
    loaded.start_data = std::max(loaded.start_data, start);
    loaded.end_data = std::max(loaded.end_data, file_end);
    loaded.end = std::max(loaded.end, start + segment.p_memsz);
}

}  // namespace

Expected<ElfImage, ExecFailure> read_elf(FileBacking& file) {
    ElfImage image;
    Elf64_Ehdr& header = image.header;
    const u64 size = file.size();
    unsigned char magic[SELFMAG];
    if (!read_exactly(file, magic, sizeof magic, 0) || std::memcmp(magic, ELFMAG, SELFMAG) != 0)
        return not_executable("not an ELF file");
    // Class and machine are at the same place in both classes; a 32-bit header is shorter.
    if (file.pread({reinterpret_cast<u8*>(&header), sizeof header}, 0) < static_cast<i64>(EI_NIDENT + 4))
        return not_executable("truncated: the ELF header is incomplete");
    if (size < sizeof header && header.e_ident[EI_CLASS] != ELFCLASS32)
        return not_executable("truncated: the ELF header is incomplete");
    if (std::string fault = header_fault(header); !fault.empty()) return not_executable(fault);

    const u64 bytes = header.e_phnum * sizeof(Elf64_Phdr);
    if (header.e_phoff > size || bytes > size - header.e_phoff)
        return not_executable("truncated: the program headers reach beyond the end of the file");
    image.segments.resize(header.e_phnum);
    if (!read_exactly(file, image.segments.data(), bytes, header.e_phoff))
        return not_executable("the program headers cannot be read");
    if (std::string fault = layout_fault(image, size); !fault.empty()) return not_executable(fault);

    for (const Elf64_Phdr& segment : image.segments) {
        if (segment.p_type == PT_GNU_STACK) image.stack_executable = segment.p_flags & PF_X;
        if (segment.p_type != PT_INTERP || !image.interpreter.empty()) continue;
        std::string path(segment.p_filesz > kPathMax ? 0 : segment.p_filesz, '\0');
        if (path.size() < 2 || segment.p_offset > size || path.size() > size - segment.p_offset ||
            !read_exactly(file, path.data(), path.size(), segment.p_offset) || path.back() != '\0' ||
            !path[0])
            return not_executable("damaged ELF file: the name of its interpreter cannot be read");
        image.interpreter = path.c_str();
    }
    return image;
}

Expected<LoadedElf, ExecFailure> load_elf(MemorySystem& system, MmStruct& mm, const ElfImage& image,
                                          const ElfPlacement& placement,
                                          const std::function<MmapFile()>& open) {
    LoadedElf loaded;
    loaded.start_code = ~u64{0};
    SegmentMapper mapper(system, mm, open);
    const u64 total = total_mapping_size(image);
    bool first = true;
    u64 flags = MAP_PRIVATE;
    unsigned number = 0;
    for (const Elf64_Phdr& segment : image.segments) {
        number++;
        if (segment.p_type != PT_LOAD) continue;
        if (first) {
            const FirstPlace place = place_first(system, mm, image, placement, segment);
            if (place.error)
                return Unexpected{ExecFailure{ENOMEM, "there is no room for it in the address space"}};
            loaded.bias = place.bias;
            flags = place.flags;
        }
        const u64 address = loaded.bias + segment.p_vaddr;
        const i64 mapped = mapper.elf_load(address, segment, flags, first ? total : 0);
        if (mapped < 0) {
            return Unexpected{ExecFailure{static_cast<int>(-mapped),
                                          "segment " + std::to_string(number - 1) + " cannot be mapped (" +
                                              errno_name(static_cast<int>(-mapped)) + ")"}};
        }
        if (first && image.position_independent())
            loaded.bias += static_cast<u64>(mapped) - align_down(address, kPageSize);
        first = false;
        flags = MAP_PRIVATE | MAP_FIXED;
        note_segment(loaded, segment);
        const u64 table = image.header.e_phoff;
        if (segment.p_offset <= table && table < segment.p_offset + segment.p_filesz)
            loaded.program_headers = table - segment.p_offset + segment.p_vaddr + loaded.bias;
    }
    loaded.entry = image.header.e_entry + loaded.bias;
    if (loaded.start_code == ~u64{0}) loaded.start_code = 0;
    for (u64* address :
         {&loaded.start_code, &loaded.end_code, &loaded.start_data, &loaded.end_data, &loaded.end})
        *address += loaded.bias;
    return loaded;
}

}  // namespace kernel
