#include "kernel/exec.h"

#include <fcntl.h>
#include <sys/auxv.h>

#include <csignal>
#include <cstring>

#include "kernel/cpu_timer.h"
#include "kernel/errno.h"
#include "kernel/exit.h"
#include "kernel/fork.h"
#include "kernel/fs/files.h"
#include "kernel/fs/host_backing.h"
#include "kernel/fs/pidfd.h"
#include "kernel/host/host.h"
#include "kernel/pkeys.h"
#include "kernel/rseq.h"
#include "kernel/sched.h"
#include "kernel/signal.h"
#include "kernel/signal_fpu.h"
#include "kernel/signal_frame.h"
#include "kernel/state.h"
#include "kernel/timer.h"
#include "kernel/uaccess.h"
#include "kernel/vdso.h"
#include "kernel/wait.h"
#include "mmu/base/log.h"

namespace kernel {

using mmu::align_down;
using mmu::align_up;
using mmu::Expected;
using mmu::kPageSize;
using mmu::Registers;
using mmu::Unexpected;

namespace {

constexpr u64 kMaxArgumentLength = 32 * kPageSize;  ///< MAX_ARG_STRLEN
constexpr u64 kMaxArgumentBytes = 6u << 20;         ///< 3/4 of _STK_LIM
constexpr u64 kMinArgumentBytes = 32 * kPageSize;   ///< ARG_MAX
constexpr int kMaxInterpreters = 5;                 ///< exec_binprm()
constexpr usize kScriptLine = 256;                  ///< BINPRM_BUF_SIZE
constexpr u64 kElfDynBase = kTaskSize47 / 3 * 2;    ///< ELF_ET_DYN_BASE
constexpr u64 kMmapRandomBits = 28, kStackRandomPages = 0x3fffff;
constexpr u64 kClockTicks = 100;

/// What is going to run, after all "#!" lines.
struct Program {
    OpenFile file;
    ElfImage image;
    std::optional<OpenFile> interpreter_file;
    ElfImage interpreter_image;
    std::vector<std::string> arguments;
};

Unexpected<ExecFailure> failure(int error, std::string reason) {
    return Unexpected{ExecFailure{error, std::move(reason)}};
}

Expected<OpenFile, ExecFailure> open_exec(KernelState& kernel, Task& task, const std::string& path,
                                          int dirfd = AT_FDCWD, Follow follow = Follow::kYes) {
    auto file = open_program(kernel, task, path, dirfd, follow);
    if (file) return std::move(*file);
    switch (file.error()) {
        case ENOENT:
            return failure(ENOENT, "no such file");
        case EACCES:
            return failure(EACCES, "no execute permission, or not a regular file");
        default:
            return failure(file.error(), std::strerror(file.error()));
    }
}

/// load_script(): "#!interpreter [one argument]". False: no such line.
Expected<bool, ExecFailure> read_script_line(FileBacking& file, std::string& interpreter,
                                             std::string& argument) {
    char line[kScriptLine] = {};
    const i64 got = file.pread({reinterpret_cast<u8*>(line), sizeof line - 1}, 0);
    if (got < 2 || line[0] != '#' || line[1] != '!') return false;
    std::string text(line + 2, strnlen(line + 2, sizeof line - 3));
    const usize end = text.find('\n');
    if (end == std::string::npos && got == sizeof line - 1 && text.find_first_of(" \t") == std::string::npos)
        return failure(ENOEXEC, "the interpreter's name after #! is too long");
    text.resize(std::min(end, text.size()));
    const auto trimmed = [](const std::string& s) {
        const usize from = s.find_first_not_of(" \t");
        return from == std::string::npos ? std::string{}
                                         : s.substr(from, s.find_last_not_of(" \t") + 1 - from);
    };
    text = trimmed(text);
    if (text.empty()) return failure(ENOEXEC, "the line after #! names no interpreter");
    const usize space = text.find_first_of(" \t");
    interpreter = text.substr(0, space);
    if (space != std::string::npos) argument = trimmed(text.substr(space));
    return true;
}

/// BINPRM_FLAGS_PATH_INACCESSIBLE: the name goes through a descriptor that the new program does not have.
bool inaccessible(KernelState& kernel, Task& task, const ExecRequest& request) {
    if (request.dirfd == AT_FDCWD || (!request.at->empty() && request.at->front() == '/')) return false;
    const FdTable::Slot* slot = kernel.fd_table(task).find(request.dirfd);
    return slot && slot->close_on_exec;
}

/// Finds the ELF program behind `request`, through scripts.
Expected<Program, ExecFailure> find_program(KernelState& kernel, Task& task, const ExecRequest& request) {
    Program program;
    program.arguments = request.arguments;
    std::string path = request.path;
    for (int depth = 0;; ++depth) {
        const bool at = depth == 0 && request.at;
        auto file = at ? open_exec(kernel, task, *request.at, request.dirfd,
                                   request.no_follow ? Follow::kNo : Follow::kYes)
                       : open_exec(kernel, task, path);
        if (!file) {
            if (depth == 0) return Unexpected{file.error()};
            return failure(file.error().error, "its interpreter " + path + ": " + file.error().reason);
        }
        program.file = std::move(*file);
        const MmapFile view = mmap_file_of(kernel, program.file);
        if (!view.backing) return failure(ENFILE, "the host has no file descriptor left");
        std::string interpreter, argument;
        auto script = read_script_line(*view.backing, interpreter, argument);
        if (!script) return Unexpected{script.error()};
        if (!*script) {
            auto image = read_elf(*view.backing);
            if (!image) return Unexpected{image.error()};
            program.image = std::move(*image);
            return program;
        }
        if (at && inaccessible(kernel, task, request))
            return failure(ENOENT, "its interpreter could not open it: the descriptor closes on exec");
        if (depth == kMaxInterpreters) return failure(ELOOP, "too many interpreters of interpreters");
        std::vector<std::string> arguments{interpreter};
        if (!argument.empty()) arguments.push_back(argument);
        arguments.push_back(path);
        if (!program.arguments.empty())
            arguments.insert(arguments.end(), program.arguments.begin() + 1, program.arguments.end());
        program.arguments = std::move(arguments);
        path = interpreter;
    }
}

Expected<void, ExecFailure> find_elf_interpreter(KernelState& kernel, Task& task, Program& program) {
    const std::string& path = program.image.interpreter;
    if (path.empty()) return {};
    auto file = open_exec(kernel, task, path);
    if (!file) {
        const int error = file.error().error;
        return failure(error,
                       "needs the interpreter " + path + ", which " +
                           (error == ENOENT ? "is missing" : "cannot be used: " + file.error().reason));
    }
    const MmapFile view = mmap_file_of(kernel, *file);
    if (!view.backing) return failure(ENFILE, "the host has no file descriptor left");
    auto image = read_elf(*view.backing);
    if (!image) return failure(ELIBBAD, "its interpreter " + path + ": " + image.error().reason);
    program.interpreter_file = std::move(*file);
    program.interpreter_image = std::move(*image);
    return {};
}

/// bprm_stack_limits(), copy_strings(): E2BIG.
bool arguments_fit(const Program& program, const ExecRequest& request, u64 stack_limit) {
    const u64 limit = std::max(std::min(kMaxArgumentBytes, stack_limit / 4), kMinArgumentBytes);
    u64 bytes = request.path.size() + 1;
    for (const auto* list : {&program.arguments, &request.environment}) {
        for (const std::string& text : *list) {
            if (text.size() >= kMaxArgumentLength) return false;
            bytes += text.size() + 1 + sizeof(u64);
        }
    }
    return bytes <= limit;
}

std::array<Limit, kRlimits> first_limits(const KernelConfig& config) {
    std::array<Limit, kRlimits> limits{};
    limits[kRlimitStack] = {config.stack_limit, kRlimInfinity};
    limits[kRlimitCore] = {0, kRlimInfinity};
    limits[kRlimitNproc] = {4096, 4096};
    limits[kRlimitNofile] = {1024, 4096};
    limits[kRlimitMemlock] = {8u << 20, 8u << 20};
    limits[kRlimitSigpending] = {1024, 1024};
    limits[kRlimitMsgqueue] = {819200, 819200};
    limits[kRlimitNice] = {0, 0};
    limits[kRlimitRtprio] = {0, 0};
    return limits;
}

/// The new stack while it is filled, downwards.
class StackBuilder {
  public:
    StackBuilder(MemorySystem& system, MmStruct& mm, u64 top) : system_(system), mm_(mm), pointer_(top) {}

    u64 pointer() const { return pointer_; }
    bool good() const { return good_; }

    u64 push(const void* bytes, u64 size) {
        pointer_ -= size;
        good_ = good_ && copy_to_user(system_, mm_, pointer_, bytes, size) == 0;
        return pointer_;
    }
    u64 push_string(const std::string& text) { return push(text.c_str(), text.size() + 1); }
    /// Pushes them so that the first has the lowest address; returns where each lies.
    std::vector<u64> push_strings(const std::vector<std::string>& strings) {
        std::vector<u64> places(strings.size());
        for (usize i = strings.size(); i-- > 0;) places[i] = push_string(strings[i]);
        return places;
    }
    void move_to(u64 pointer) { pointer_ = pointer; }

  private:
    MemorySystem& system_;
    MmStruct& mm_;
    u64 pointer_;
    bool good_ = true;
};

/// What do_execve() has gathered when the tables are written.
struct Layout {
    LoadedElf program;
    std::optional<LoadedElf> interpreter;
    u64 file_name = 0;  ///< AT_EXECFN
    u64 vdso = 0;       ///< AT_SYSINFO_EHDR; 0: none
    std::vector<u64> arguments, environment;
};

/// create_elf_tables(): platform, random bytes, argc, argv, envp, auxv. Returns rsp.
u64 create_elf_tables(KernelState& kernel, MmStruct& mm, const ElfImage& image, const Layout& layout,
                      StackBuilder& stack) {
    if (kernel.task().randomizes())
        stack.move_to(stack.pointer() - kernel.rng.below(8192));  // arch_align_stack()
    stack.move_to(align_down(stack.pointer(), 16));
    const u64 platform = stack.push_string(kernel.config.platform);
    u64 random[2] = {kernel.rng.next(), kernel.rng.next()};
    const u64 random_place = stack.push(random, sizeof random);

    std::vector<u64>& auxv = mm.saved_auxv = {
        AT_SYSINFO_EHDR,
        layout.vdso,
        AT_MINSIGSTKSZ,
        sigframe_size(kernel.config.xcr0),
        AT_HWCAP,
        kernel.config.hwcap,
        AT_PAGESZ,
        kPageSize,
        AT_CLKTCK,
        kClockTicks,
        AT_PHDR,
        layout.program.program_headers,
        AT_PHENT,
        sizeof(Elf64_Phdr),
        AT_PHNUM,
        image.segments.size(),
        AT_BASE,
        layout.interpreter ? layout.interpreter->bias : 0,
        AT_FLAGS,
        0,
        AT_ENTRY,
        layout.program.entry,
        AT_UID,
        host::getuid(),
        AT_EUID,
        host::geteuid(),
        AT_GID,
        host::getgid(),
        AT_EGID,
        host::getegid(),
        AT_SECURE,
        0,
        AT_RANDOM,
        random_place,
        AT_HWCAP2,
        kernel.config.hwcap2,
        AT_EXECFN,
        layout.file_name,
        AT_PLATFORM,
        platform,
        kAtRseqFeatureSize,
        kRseqFeatureSize,
        kAtRseqAlign,
        kRseqAlignment,
        AT_NULL,
        0,
    };
    if (!layout.vdso) auxv.erase(auxv.begin(), auxv.begin() + 2);
    std::vector<u64> words{layout.arguments.size()};
    words.insert(words.end(), layout.arguments.begin(), layout.arguments.end());
    words.push_back(0);
    words.insert(words.end(), layout.environment.begin(), layout.environment.end());
    words.push_back(0);
    words.insert(words.end(), auxv.begin(), auxv.end());
    // STACK_ROUND(): rsp is 16-aligned at the entry point.
    const u64 bytes = words.size() * sizeof(u64);
    stack.move_to(align_down(stack.pointer() - bytes, 16) + bytes);
    return stack.push(words.data(), bytes);
}

void close_on_exec(KernelState& kernel, Task& task) {
    for (int fd = 0; fd < kernel.fd_table(task).size(); ++fd) {
        const FdTable::Slot* slot = kernel.fd_table(task).find(fd);
        if (slot && slot->close_on_exec) fput(kernel, kernel.fd_table(task).remove(fd).file);
    }
}

/// flush_signal_handlers(): handlers go, what is ignored stays ignored.
void reset_signals(KernelState& kernel, Task& task) {
    for (SigAction& action : kernel.sighand_of(task).action)
        action = SigAction{action.handler == kSigIgn ? kSigIgn : kSigDfl, 0, 0, 0};
    task.signals.alt_stack = {};
    task.signals.saved_mask.reset();
}

std::string base_name(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

/// Fills the new, current address space. The failure leaves it half made.
Expected<u64, ExecFailure> build_image(KernelState& kernel, MmStruct& mm, const Program& program,
                                       const ExecRequest& request, u64& entry) {
    MemorySystem& system = kernel.system;
    const bool randomize = kernel.task().randomizes();
    u64 stack_top = kTaskSize47;
    if (randomize) stack_top -= kernel.rng.below(kStackRandomPages + 1) * kPageSize;
    if (const int error = create_stack(system, mm, stack_top, program.image.stack_executable))
        return failure(-error, "no memory for its stack");
    StackBuilder stack(system, mm, stack_top - sizeof(u64));
    Layout layout;
    layout.file_name = stack.push_string(request.path);
    layout.environment = stack.push_strings(request.environment);
    mm.env_end = layout.file_name;
    mm.env_start = mm.arg_end = stack.pointer();
    layout.arguments = stack.push_strings(program.arguments);
    mm.arg_start = stack.pointer();
    if (!stack.good()) return failure(ENOMEM, "no memory for its arguments");
    (void)expand_stack_for_exec(system, mm, stack.pointer());

    ElfPlacement placement;
    if (program.interpreter_file) {
        placement.dynamic_base = kElfDynBase;
        if (randomize) placement.dynamic_base += kernel.rng.below(u64{1} << kMmapRandomBits) * kPageSize;
    }
    auto loaded =
        load_elf(system, mm, program.image, placement, [&] { return mmap_file_of(kernel, program.file); });
    if (!loaded) return Unexpected{loaded.error()};
    layout.program = *loaded;
    mm.start_code = loaded->start_code;
    mm.end_code = loaded->end_code;
    mm.start_data = loaded->start_data;
    mm.end_data = loaded->end_data;
    mm.start_brk = mm.brk = align_up(loaded->end, kPageSize);
    entry = loaded->entry;
    if (program.interpreter_file) {
        ElfPlacement anywhere;
        anywhere.is_interpreter = true;
        auto interpreter = load_elf(system, mm, program.interpreter_image, anywhere,
                                    [&] { return mmap_file_of(kernel, *program.interpreter_file); });
        if (!interpreter)
            return failure(interpreter.error().error, "its interpreter: " + interpreter.error().reason);
        layout.interpreter = *interpreter;
        entry = interpreter->entry;
    }
    if (randomize) {
        // A static position-independent program has its heap far from the mmap area (load_elf_binary()).
        if (program.image.position_independent() && !program.interpreter_file)
            mm.start_brk = align_down(kElfDynBase, kPageSize);
        mm.start_brk += kPageSize + align_down(kernel.rng.below(u64{1} << 30), kPageSize);
        mm.brk = mm.start_brk;
    }
    const i64 vdso = map_vdso(kernel, mm, stack.pointer());  // arch_setup_additional_pages()
    if (vdso < 0) return failure(ENOMEM, "no memory for its vDSO");
    layout.vdso = static_cast<u64>(vdso);
    const u64 pointer = create_elf_tables(kernel, mm, program.image, layout, stack);
    if (!stack.good()) return failure(ENOMEM, "no memory for its stack");
    mm.start_stack = pointer;
    return pointer;
}

}  // namespace

namespace {

/// de_thread(): the other threads end, and this one becomes the leader. False: they have not all ended yet.
bool de_thread(KernelState& kernel, Task& task) {
    SignalStruct& process = kernel.process_of(task);
    if (process.threads.size() > 1) {
        process.group_exec_task = task.pid;
        zap_other_threads(kernel, task);
        return false;
    }
    process.group_exec_task = 0;
    if (task.is_leader()) return true;
    Task& leader = leader_of(kernel, process);
    const Pid tgid = task.tgid, own = task.pid;
    task.exit_signal = leader.exit_signal;
    task.parent_thread = leader.parent_thread;
    forget_pid(kernel, own);  // of a thread's pidfd: it has another number now
    kernel.tasks.erase(tgid);
    auto node = kernel.tasks.extract(own);
    node.key() = tgid;
    kernel.tasks.insert(std::move(node));  // the Task stays where it is
    task.pid = tgid;
    process.threads = {tgid};
    kernel.current = tgid;
    for (auto& [pid, child] : kernel.tasks)
        if (child.parent_thread == own) child.parent_thread = tgid;
    return true;
}

/// unshare_files(), unshare_sighand(): what others have stays as it is.
void unshare(KernelState& kernel, Task& task) {
    unshare_files(kernel, task);
    SighandStruct& sighand = kernel.sighands.at(task.sighand);
    if (sighand.users > 1) {
        --sighand.users;
        task.sighand = kernel.next_struct++;
        kernel.sighands[task.sighand].action = sighand.action;
    }
}

}  // namespace

Expected<void, ExecFailure> do_execve(KernelState& kernel, Task& task, const ExecRequest& request,
                                      Registers& registers) {
    auto program = find_program(kernel, task, request);
    if (!program) return Unexpected{program.error()};
    if (auto found = find_elf_interpreter(kernel, task, *program); !found) return found;
    const auto old = kernel.mms.find(task.mm);
    const auto limits = old == kernel.mms.end() ? first_limits(kernel.config) : old->second.rlimits;
    if (!arguments_fit(*program, request, limits[kRlimitStack].cur))
        return failure(E2BIG, "its arguments and environment are too long");

    if (!de_thread(kernel, task)) {
        WaitFor wait;
        wait.keys = {
            wait_key(WaitKind::kOther, static_cast<u64>(task.pid))};  // do_exit() of the last one wakes it
        wait.killable = true;
        return failure(static_cast<int>(-block_or(kernel, task, wait, EINTR)), "waits for its other threads");
    }
    auto fresh = mm_alloc(kernel.system);
    if (!fresh) return failure(ENOMEM, "the guest's memory is exhausted");
    // The point of no return (begin_new_exec()).
    const MmId id = kernel.next_mm++;
    MmStruct& mm = kernel.mms.emplace(id, std::move(*fresh)).first->second;
    mm.rlimits = limits;
    if (old != kernel.mms.end()) mm.thp_disabled = old->second.thp_disabled;  // mmf_init_flags()
    arch_pick_mmap_layout(mm, task.randomizes() ? kernel.rng.below(u64{1} << kMmapRandomBits) : 0);
    if (old != kernel.mms.end()) mm_release(kernel, task);
    account_running(kernel);  // while the address space whose faults it counts is there
    switch_mm(kernel.system, mm);
    write_pkru(kernel.system, kInitPkru);  // flush_thread()
    if (old != kernel.mms.end() && --old->second.users == 0) {
        exit_mmap(kernel.system, old->second);
        mm_drop(kernel.system, old->second);
        kernel.mms.erase(old);
    }
    const bool replaced = task.mm != 0;
    task.mm = id;
    kernel.sched.started_min_flt = kernel.sched.started_maj_flt = 0;
    u64 entry = 0;
    const auto pointer = build_image(kernel, mm, *program, request, entry);
    if (!pointer) {
        if (replaced) do_group_exit(kernel, task, TaskExit{0, SIGSEGV});
        return Unexpected{pointer.error()};
    }
    set_task_comm(task, base_name(request.path));
    task.executable = program->file.path;
    task.arguments = program->arguments;
    task.clear_child_tid = task.robust_list = task.rseq = 0;
    task.dumpable = true;
    unshare(kernel, task);
    SignalStruct& process = kernel.process_of(task);
    process.did_exec = true;
    for (const auto& [timer_id, timer] : process.posix_timers)
        disarm_posix_timer(kernel, process, timer_id, timer);
    process.posix_timers.clear();
    update_cpu_event(kernel);
    close_on_exec(kernel, task);
    reset_signals(kernel, task);
    registers = Registers{};
    registers.rip = entry;
    registers.gpr[mmu::kRsp] = *pointer;
    kernel.system.notify({.kind = EventKind::kTaskExec, .address = static_cast<u64>(task.pid)});
    return {};
}

void set_task_comm(Task& task, std::string_view name) {
    constexpr usize kTaskCommLen = 16;
    task.comm = name.substr(0, std::min(name.find('\0'), kTaskCommLen - 1));
}

}  // namespace kernel
