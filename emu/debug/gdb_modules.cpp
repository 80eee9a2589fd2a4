// The programs and libraries of a process, as its dynamic linker tells debuggers of them, and the
// thread-local variables of each. What is read is the guest's and may be anything. Source: <link.h> (r_debug,
// link_map), ELF gABI; "ELF Handling for Thread-Local Storage" 3.4.6 (x86-64), glibc's dtv_t, musl's dtv.
#include <elf.h>

#include <cstring>

#include "emu/debug/gdb_server.h"
#include "emu/debug/table.h"
#include "kernel/state.h"

namespace emu {

using Reply = std::optional<std::string>;

namespace {

template <class T>
std::optional<T> read_value(const Debugger& debugger, u64 address) {
    T value;
    if (debugger.read(address, {reinterpret_cast<u8*>(&value), sizeof value}) != sizeof value)
        return std::nullopt;
    return value;
}

std::string read_text(const Debugger& debugger, u64 address) {
    constexpr usize kLongest = 4096;
    std::string text(kLongest, '\0');
    text.resize(debugger.read(address, {reinterpret_cast<u8*>(text.data()), text.size()}));
    return text.substr(0, text.find('\0'));
}

std::vector<Elf64_Phdr> read_headers(const Debugger& debugger, u64 address, u64 count) {
    std::vector<Elf64_Phdr> headers;
    for (u64 n = 0; n < std::min<u64>(count, 64); ++n) {
        const auto header = read_value<Elf64_Phdr>(debugger, address + n * sizeof(Elf64_Phdr));
        if (!header) break;
        headers.push_back(*header);
    }
    return headers;
}

/// Those of an ELF file that is mapped from its first byte on.
std::vector<Elf64_Phdr> headers_of_file(const Debugger& debugger, u64 base) {
    const auto elf = read_value<Elf64_Ehdr>(debugger, base);
    if (!elf || std::memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0) return {};
    return read_headers(debugger, base + elf->e_phoff, elf->e_phnum);
}

const Elf64_Phdr* find_header(const std::vector<Elf64_Phdr>& headers, Elf64_Word type) {
    for (const Elf64_Phdr& header : headers)
        if (header.p_type == type) return &header;
    return nullptr;
}

struct Program {
    std::vector<Elf64_Phdr> headers;
    u64 bias = 0, interpreter_base = 0;
    std::string interpreter;
};

/// `auxv`: of the process.
Program read_program(const Debugger& debugger, const std::string& auxv) {
    Program program;
    u64 at = 0, count = 0;
    for (usize n = 0; n + 16 <= auxv.size(); n += 16) {
        u64 pair[2];
        std::memcpy(pair, auxv.data() + n, sizeof pair);
        if (pair[0] == AT_PHDR) at = pair[1];
        if (pair[0] == AT_PHNUM) count = pair[1];
        if (pair[0] == AT_BASE) program.interpreter_base = pair[1];
    }
    program.headers = read_headers(debugger, at, count);
    if (const Elf64_Phdr* own = find_header(program.headers, PT_PHDR))
        program.bias = at - own->p_vaddr;
    else if (const Elf64_Phdr* load = find_header(program.headers, PT_LOAD); load && !load->p_offset)
        program.bias = at - sizeof(Elf64_Ehdr) - load->p_vaddr;
    if (const Elf64_Phdr* name = find_header(program.headers, PT_INTERP))
        program.interpreter = read_text(debugger, program.bias + name->p_vaddr);
    return program;
}

struct Module {
    u64 map = 0;  ///< its link_map
    u64 base = 0, dynamic = 0;
    std::string name;
};

/// r_debug's list, the program first; empty while the dynamic linker has not made it, and without one.
std::vector<Module> read_modules(const Debugger& debugger, const Program& program) {
    const Elf64_Phdr* const dynamic = find_header(program.headers, PT_DYNAMIC);
    if (!dynamic) return {};
    u64 head = 0;
    for (u64 n = 0; n < dynamic->p_memsz / sizeof(Elf64_Dyn) && n < 256; ++n) {
        const auto entry =
            read_value<Elf64_Dyn>(debugger, program.bias + dynamic->p_vaddr + n * sizeof(Elf64_Dyn));
        if (!entry || entry->d_tag == DT_NULL) break;
        if (entry->d_tag == DT_DEBUG) head = entry->d_un.d_ptr;
    }
    constexpr usize kMost = 4096;  // a list that a guest has tied into a ring ends
    std::vector<Module> modules;
    for (u64 map = head ? read_value<u64>(debugger, head + 8).value_or(0) : 0;
         map && modules.size() < kMost;) {
        const auto words = read_value<std::array<u64, 4>>(debugger, map);  // l_addr, l_name, l_ld, l_next
        if (!words) break;
        modules.push_back({map, (*words)[0], (*words)[2], read_text(debugger, (*words)[1])});
        map = (*words)[3];
    }
    return modules;
}

/// Where the program's own block lies below the thread pointer.
u64 block_of_program(const Elf64_Phdr& tls, u64 thread_pointer) {
    const u64 align = std::max<u64>(tls.p_align, 1);
    return thread_pointer - (tls.p_memsz + align - 1) / align * align;
}

}  // namespace

/// qXfer:libraries-svr4: what the dynamic linker has loaded (before it has, itself), and the kernel's
/// symbols.
std::string GdbServer::libraries() {
    const Program program = read_program(debugger_, own_file("/proc/self/auxv").value_or(""));
    std::vector<Module> modules = read_modules(debugger_, program);
    std::string xml = "<library-list-svr4 version=\"1.0\"";
    if (!modules.empty()) {
        xml += " main-lm=\"0x" + hex_number(modules.front().map) + "\"";
        modules.erase(modules.begin());
    } else if (program.interpreter_base && !program.interpreter.empty()) {
        const auto headers = headers_of_file(debugger_, program.interpreter_base);
        const Elf64_Phdr* const dynamic = find_header(headers, PT_DYNAMIC);
        modules.push_back({program.interpreter_base, program.interpreter_base,
                           dynamic ? program.interpreter_base + dynamic->p_vaddr : 0, program.interpreter});
    }
    const bool old = debugger_.kernel_names() == KernelNames::k2632;
    modules.push_back({0xffffffffff000000 + old, 0, 0, old ? "/vmkernel-2.6.32.debug" : "/vmkernel.debug"});
    xml += ">";
    for (const Module& module : modules)
        if (!module.name.empty())
            xml += "<library name=\"" + xml_escape(module.name) + "\" lm=\"0x" + hex_number(module.map) +
                   "\" l_addr=\"0x" + hex_number(module.base) + "\" l_ld=\"0x" + hex_number(module.dynamic) +
                   "\" lmid=\"0x0\"/>";
    return xml + "</library-list-svr4>\n";
}

/// qGetTLSAddr:THREAD,OFFSET,MODULE (its link_map; 0: the program)
Reply GdbServer::thread_local_address(PacketReader packet) {
    const auto id = read_thread(packet);
    if (!id || !packet.take(",")) return error("malformed thread");
    const auto offset = packet.number();
    if (!offset || !packet.take(",")) return error("malformed offset");
    const auto map = packet.number();
    const kernel::Task* const task = task_named(*id);
    if (!map || !task) return error("no such thread");
    const kernel::Pid before = debugger_.task().pid;
    debugger_.select(task->pid);
    const auto block = thread_local_block(*map);
    debugger_.select(before);
    return block ? hex_number(*block + *offset) : error("the thread has no storage for this module yet");
}

/// Where the selected thread keeps the variables of a module.
std::optional<u64> GdbServer::thread_local_block(u64 map) {
    const u64 thread_pointer = debugger_.registers().fs_base;
    if (!thread_pointer) return std::nullopt;
    const Program program = read_program(debugger_, own_file("/proc/self/auxv").value_or(""));
    const std::vector<Module> modules = read_modules(debugger_, program);
    const Elf64_Phdr* const own = find_header(program.headers, PT_TLS);
    if (modules.empty() || map == 0 || map == modules.front().map)
        return own ? std::optional(block_of_program(*own, thread_pointer)) : std::nullopt;
    // Modules with storage are numbered in the order in which they were loaded.
    u64 number = own ? 1 : 0;
    for (usize n = 1; n < modules.size(); ++n) {
        if (!find_header(headers_of_file(debugger_, modules[n].base), PT_TLS)) continue;
        ++number;
        if (modules[n].map != map) continue;
        const bool musl = program.interpreter.find("ld-musl") != std::string::npos;
        const auto vector = read_value<u64>(debugger_, thread_pointer + 8);
        const auto block =
            vector ? read_value<u64>(debugger_, *vector + number * (musl ? 8 : 16)) : std::nullopt;
        return block && *block && *block != ~u64{0} ? block : std::nullopt;
    }
    return std::nullopt;
}

}  // namespace emu
