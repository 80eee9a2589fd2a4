#include "emu/prompt/debug_session.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "emu/debug/guest_files.h"
#include "emu/debug/kernel_functions.h"
#include "emu/decode/decoder.h"
#include "emu/prompt/command_table.h"
#include "emu/report/story_words.h"
#include "kernel/fs/proc.h"
#include "kernel/state.h"

namespace emu {
namespace {

constexpr usize kMostFrames = 256;
constexpr usize kMostLine = 4096;               ///< of a command
constexpr off_t kMostSource = off_t{16} << 20;  ///< of a source file

std::string trimmed(const std::string& text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string::npos) return "";
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

DebugSession::DebugSession(Machine& machine)
    : debugger_(machine),
      runner_(debugger_),
      modules_([this](const std::string& path) { return open_file_of_guest(path); }),
      decoder_(std::make_unique<Decoder>()) {
    // The engine may ask more than once: it is answered until its run has ended.
    debugger_.set_interrupt_check([this] {
        if (interrupt_came()) interrupted_ = true;
        return interrupted_.load();
    });
    before_ = registers();
    modules_.update(process_maps());
}

DebugSession::~DebugSession() = default;

bool DebugSession::interrupt_came() {
    return interrupted_.exchange(false) || (host_.interrupted && host_.interrupted());
}

void DebugSession::interrupt() {
    interrupted_ = true;
    debugger_.machine().request_break();
}

DebugSession::Answer DebugSession::execute(const std::string& given) {
    if (given.size() > kMostLine) return {"the line is too long (4096 bytes at the most)\n", true};
    std::string line = trimmed(given);
    if (line.empty()) line = state_.last_command;
    if (line.empty() || line[0] == '#') return {};
    // "x/4i $rip" is x with the arguments "/4i $rip".
    const auto end = std::find_if(line.begin(), line.end(), [](char c) { return std::strchr(" \t/", c); });
    const std::string word(line.begin(), end);
    const CommandMatch match = find_command(word);
    if (!match.row) return {match.problem + "\n", true};
    // Before the command: another process may go on behind it.
    state_.last_command = !match.row->repeats                                   ? ""
                          : match.row->name == "x" || match.row->name == "list" ? word
                                                                                : line;
    if (auto handed = hand_over(line, *match.row)) return *handed;
    return (this->*match.row->run)(trimmed(std::string(end, line.end())));
}

std::vector<std::string> DebugSession::complete(const std::string& line) {
    return words_for(*this, line);
}

mmu::Registers& DebugSession::registers() {
    auto& kernel = debugger_.machine().kernel().state();
    // While all sleep the CPU has nobody's.
    if (!debugger_.in_stage() && !kernel.current && debugger_.has_task()) return debugger_.task().registers;
    return debugger_.registers();
}

std::string DebugSession::process_maps() {
    if (ended() || !debugger_.has_task()) return {};
    auto& kernel = debugger_.machine().kernel().state();
    return kernel::proc_maps(kernel.system, kernel.mm_of(debugger_.task()));
}

int DebugSession::open_file_of_guest(const std::string& path) {
    if (ended() || !debugger_.has_task()) return -1;
    auto& kernel = debugger_.machine().kernel().state();
    const auto file = open_guest_file(kernel, debugger_.task(), path);
    return file ? fcntl(file->get(), F_DUPFD_CLOEXEC, 3) : -1;
}

const std::vector<Frame>& DebugSession::frames() {
    if (!frames_) frames_ = collect_frames();
    return *frames_;
}

std::vector<Frame> DebugSession::collect_frames() {
    std::vector<Frame> out;
    if (ended()) return out;
    const auto read = [this](u64 address, std::span<u8> bytes) { return debugger_.read(address, bytes); };
    const auto word = [&](u64 address) {
        u8 bytes[8] = {};
        u64 value = 0;
        (void)debugger_.read(address, bytes);
        std::memcpy(&value, bytes, sizeof value);
        return value;
    };
    u64 pc = registers().rip, base = registers().gpr[mmu::kRbp];
    // The kernel works for the task that runs.
    for (unsigned left = looked_at_ ? 0 : runner_.depth(); left > 0; --left) {
        const usize number = (pc - kKernelText) / kFunctionBytes;
        if (number >= kernel_functions().size()) break;
        const KernelFunction& function = kernel_functions()[number];
        Frame frame;
        frame.pc = pc;
        frame.kernel = true;
        frame.function = name_in(debugger_.kernel_names(), function.name);
        frame.does = function.does;
        frame.kernel_file = function.file;
        for (usize n = 0; n < 4 && !function.arguments[n].empty(); ++n)
            frame.arguments.emplace_back(function.arguments[n], word(base - 8 * (n + 1)));
        frame.guest.registers = registers();
        frame.guest.registers.rip = pc;
        frame.guest.registers.gpr[mmu::kRbp] = base;
        out.push_back(std::move(frame));
        pc = word(base + 8);
        base = word(base);
    }
    const mmu::Registers& guest = out.empty() ? registers() : debugger_.machine().cpu().regs;
    bool innermost = true;
    for (GuestFrame& caller : modules_.unwind(guest, read, kMostFrames)) {
        Frame frame;
        frame.pc = caller.registers.rip;
        const u64 within = innermost ? frame.pc : frame.pc - 1;
        if (const auto symbol = modules_.symbol_at(within)) {
            frame.function = symbol->name;
            frame.offset = frame.pc - symbol->address;
        }
        frame.line = modules_.line_at(within);
        innermost = false;
        frame.guest = std::move(caller);
        out.push_back(std::move(frame));
    }
    return out;
}

u64 DebugSession::shown_address() {
    const auto& faults = debugger_.faults().faults();
    if (debugger_.in_stage() && !faults.empty()) return faults.back().address;
    return shown_ ? *shown_ : registers().rip;
}

std::string DebugSession::symbolic(u64 address) {
    const auto symbol = modules_.symbol_at(address);
    if (!symbol || (symbol->size && address - symbol->address >= symbol->size)) return "";
    const u64 offset = address - symbol->address;
    return "<" + symbol->name + (offset ? "+" + std::to_string(offset) : "") + ">";
}

std::string DebugSession::disassembled_line(u64& address) {
    u8 bytes[15] = {};
    const usize got = debugger_.read(address, bytes);
    const std::string head = formatted(address, 'z', 8) + " " + symbolic(address) + ":\t";
    if (got == 0) return head + "cannot access memory";
    const std::string words = decoder_->describe({bytes, got}, address);
    // "0f 0b  ud2": the bytes come first.
    const auto gap = words.find("  ");
    address += gap == std::string::npos ? 1 : std::max<usize>(1, (gap + 1) / 3);
    return head + words.substr(gap == std::string::npos ? 0 : gap + 2);
}

std::string DebugSession::frame_line(unsigned number) {
    if (number >= frames().size()) return "";
    std::string text = frame_text(number, frames()[number]);
    text.pop_back();
    return text;
}

std::string DebugSession::disassembly(u64 address, unsigned count, bool mark) {
    std::string text;
    for (unsigned n = 0; n < count; ++n) {
        const u64 at = address;
        if (mark) text += at == registers().rip ? "=> " : "   ";
        text += disassembled_line(address) + "\n";
        if (address == at) break;
    }
    return text;
}

std::optional<std::string> DebugSession::file_text(const std::string& path) {
    // Names come from the guest's program: nothing but a regular file of a sane size is read.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return std::nullopt;
    struct stat status {};
    std::string text;
    bool good = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= kMostSource;
    if (good) {
        text.resize(static_cast<usize>(status.st_size));
        const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
        good = got >= 0;
        text.resize(good ? static_cast<usize>(got) : 0);
    }
    ::close(fd);
    return good ? std::optional(text) : std::nullopt;
}

std::optional<std::string> DebugSession::source_line(const std::string& file, unsigned line) {
    auto found = sources_.find(file);
    if (found == sources_.end()) {
        std::vector<std::string> lines;
        if (const auto text = file_text(file)) {
            usize start = 0;
            while (start < text->size()) {
                const usize end = std::min(text->find('\n', start), text->size());
                lines.push_back(text->substr(start, end - start));
                start = end + 1;
            }
        }
        found = sources_.emplace(file, std::move(lines)).first;
    }
    if (line == 0 || line > found->second.size()) return std::nullopt;
    return found->second[line - 1];
}

mmu::Expected<Value, std::string> DebugSession::value_of(const std::string& expression) {
    return evaluate(expression, names());
}

mmu::Expected<u64, std::string> DebugSession::word_of(const std::string& expression) {
    const auto value = value_of(expression);
    if (!value) return mmu::Unexpected{value.error()};
    const bool array = value->type && value->type->kind == TypeInfo::Kind::kArray;
    return array ? value->address.value_or(0) : value->bits;
}

Names DebugSession::names() {
    return {[this](const std::string& name) { return name_value(name); },
            [this](const std::string& name) { return dollar_value(name); },
            [this](u64 address, std::span<u8> bytes) { return debugger_.read(address, bytes); }};
}

}  // namespace emu
