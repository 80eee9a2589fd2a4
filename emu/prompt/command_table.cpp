#include "emu/prompt/command_table.h"

#include <algorithm>
#include <cstring>

#include "emu/debug/kernel_functions.h"
#include "emu/prompt/registers.h"

namespace emu {
namespace {

using Completes = CommandRow::Completes;
using Direction = CommandRow::Direction;

constexpr const char* kGroups[] = {"Running", "Going back",        "Stopping",
                                   "Looking", "Memory management", "The debugger itself"};
constexpr const char* kEvents[] = {"syscall",    "off",       "fault",    "fault:anon", "fault:zero",
                                   "fault:file", "fault:cow", "fault:wp", "fault:segv", "alloc",
                                   "flush",      "mmap",      "oom",      "tlbmiss",    "evict"};
constexpr const char* kVmWords[] = {"walk",     "why",   "pte",   "page",  "maps",   "tlb",   "pwc",
                                    "pgtables", "buddy", "vmas",  "tasks", "faults", "catch", "stats",
                                    "rmap",     "heap",  "watch", "names", "slab",   "help"};
constexpr char kWalk[] = "walk", kWhy[] = "why", kPte[] = "pte", kPage[] = "page", kTlb[] = "tlb",
               kPwc[] = "pwc", kMaps[] = "maps", kFaults[] = "faults", kBuddy[] = "buddy", kSlab[] = "slab",
               kStats[] = "stats";
constexpr usize kMostCompletions = 200;

}  // namespace

std::span<const CommandRow> command_table() {
    using S = DebugSession;
    static constexpr CommandRow kRows[] = {
        {"run", "r", "Running", "[ARGUMENTS]",
         "Runs the guest from its first instruction; again and again. ARGUMENTS in the place of its own.",
         Completes::kNothing, false, &S::run_guest, Direction::kLive},
        {"start", "", "Running", "[ARGUMENTS]", "The same, to main.", Completes::kNothing, false, &S::start,
         Direction::kLive},
        {"continue", "c fg", "Running", "[N]",
         "Goes on to the next stop; N: passes the breakpoint here N-1 times more.", Completes::kExpressions,
         true, &S::go_on, Direction::kForward},
        {"step", "s", "Running", "[N]",
         "To another source line, into functions. At a stage: to the next stage.", Completes::kExpressions,
         true, &S::step, Direction::kForward},
        {"next", "n", "Running", "[N]",
         "To another source line, over calls. At a stage: over the functions it calls.",
         Completes::kExpressions, true, &S::next, Direction::kForward},
        {"stepi", "si", "Running", "[N]", "One instruction, or one stage.", Completes::kExpressions, true,
         &S::step_instruction, Direction::kForward},
        {"nexti", "ni", "Running", "[N]", "One instruction, over calls.", Completes::kExpressions, true,
         &S::next_instruction, Direction::kForward},
        {"finish", "fin", "Running", "", "Until the selected function returns; shows the value.",
         Completes::kNothing, true, &S::finish, Direction::kForward},
        {"until", "u", "Running", "[PLACE]", "As next, but not back in a loop; or to a place.",
         Completes::kPlaces, true, &S::until, Direction::kForward},
        {"advance", "", "Running", "PLACE", "To a place: FUNCTION, FILE:LINE, *ADDRESS.", Completes::kPlaces,
         false, &S::advance, Direction::kForward},
        {"next-fault", "nf", "Running", "", "To the next page fault: stops in exc_page_fault.",
         Completes::kNothing, true, &S::next_fault, Direction::kForward},
        {"signal", "", "Running", "0", "Goes on without the signal that is due.", Completes::kNothing, false,
         &S::deliver_signal, Direction::kForward},
        {"kill", "k", "Running", "", "Ends the guest.", Completes::kNothing, false, &S::kill,
         Direction::kLive},
        {"reverse-stepi", "rsi", "Going back", "[N]", "Back by one instruction, or by one stage.",
         Completes::kExpressions, true, &S::reverse_stepi},
        {"reverse-nexti", "rni", "Going back", "", "Back by one instruction, over calls.",
         Completes::kNothing, true, &S::reverse_nexti},
        {"reverse-step", "rs", "Going back", "",
         "Back to the beginning of a source line, into functions. At a stage: to the one before.",
         Completes::kNothing, true, &S::reverse_step},
        {"reverse-next", "rn", "Going back", "",
         "Back to the beginning of a source line, over calls. At a stage: over the functions it called.",
         Completes::kNothing, true, &S::reverse_next},
        {"reverse-continue", "rc", "Going back", "",
         "Back to the last breakpoint, watched access or caught event; a watched variable: to before it\n"
         "was changed.",
         Completes::kNothing, true, &S::reverse_continue},
        {"reverse-finish", "rf rfin", "Going back", "", "Back to the call of the selected function.",
         Completes::kNothing, true, &S::reverse_finish},
        {"previous-fault", "pf", "Going back", "", "Back to before the last page fault.", Completes::kNothing,
         true, &S::previous_fault},
        {"goto", "", "Going back", "icount N | fault N | start | end | +N | -N",
         "To a moment of the run so far: when N instructions were executed, before the fault N, the\n"
         "beginning, the present, N instructions ahead or behind.",
         Completes::kExpressions, false, &S::go_to_moment},

        {"break", "b br", "Stopping", "[PLACE] [if CONDITION]",
         "Stops before FUNCTION, FILE:LINE, LINE, *ADDRESS, or here.\n"
         "The kernel's and the MMU's functions have names, too: do_anonymous_page, do_wp_page, alloc_pages "
         "if order == 0,\n"
         "__do_sys_brk, walk_level if level == 1 (`info functions` lists them).",
         Completes::kPlaces, false, &S::set_break},
        {"tbreak", "tb", "Stopping", "[PLACE] [if CONDITION]", "The same, once.", Completes::kPlaces, false,
         &S::set_temporary_break},
        {"watch", "", "Stopping", "PLACE [if CONDITION]",
         "Stops behind an instruction that changes a variable, or *ADDRESS.", Completes::kExpressions, false,
         &S::watch},
        {"rwatch", "", "Stopping", "PLACE", "Stops behind an instruction that reads it.",
         Completes::kExpressions, false, &S::watch_reads},
        {"awatch", "", "Stopping", "PLACE", "Stops behind an instruction that reads or writes it.",
         Completes::kExpressions, false, &S::watch_accesses},
        {"catch", "", "Stopping", "syscall [NAME...] | EVENT | off",
         "Stops at system calls, or at: fault, fault:anon|zero|file|cow|wp|segv, alloc, alloc:ORDER, "
         "flush, mmap, oom, tlbmiss, evict.",
         Completes::kEvents, false, &S::catch_event},
        {"delete", "d", "Stopping", "[N...]", "Takes breakpoints away; all without a number.",
         Completes::kNothing, false, &S::remove},
        {"enable", "", "Stopping", "[N...]", "Lets breakpoints stop again.", Completes::kNothing, false,
         &S::enable},
        {"disable", "", "Stopping", "[N...]", "Lets breakpoints pass.", Completes::kNothing, false,
         &S::disable},
        {"condition", "", "Stopping", "N [EXPRESSION]", "Breakpoint N stops only if this is not 0.",
         Completes::kExpressions, false, &S::set_condition},
        {"ignore", "", "Stopping", "N COUNT", "Breakpoint N is passed COUNT times.", Completes::kNothing,
         false, &S::ignore},
        {"handle", "", "Stopping", "SIGNAL stop|nostop|pass|nopass",
         "What to do about a signal (`info signals`).", Completes::kNothing, false, &S::handle_signal},

        {"backtrace", "bt where", "Looking", "[N]",
         "The functions that are active: the kernel's, then the guest's.", Completes::kNothing, false,
         &S::backtrace},
        {"frame", "f", "Looking", "[N]", "Selects one of them.", Completes::kNothing, false,
         &S::select_frame},
        {"up", "", "Looking", "", "Selects the caller.", Completes::kNothing, true, &S::up},
        {"down", "", "Looking", "", "Selects the function called.", Completes::kNothing, true, &S::down},
        {"print", "p inspect", "Looking", "[/FORMAT] EXPRESSION",
         "Shows a value: variables, $registers, *(int *)ADDRESS, vma->vm_start, ...; PLACE = VALUE sets it.",
         Completes::kExpressions, false, &S::print},
        {"x", "", "Looking", "/COUNT FORMAT SIZE ADDRESS",
         "Shows memory: x/8xg $rsp, x/4i $rip, x/s TEXT. Formats x d u o t a c s i, sizes b h w g.",
         Completes::kExpressions, true, &S::examine},
        {"set", "", "Looking", "var PLACE = EXPRESSION", "Sets a variable, $register or *ADDRESS.",
         Completes::kExpressions, false, &S::set},
        {"display", "", "Looking", "[/FORMAT] EXPRESSION", "Shows it at each stop.", Completes::kExpressions,
         false, &S::display},
        {"undisplay", "", "Looking", "[N]", "No more.", Completes::kNothing, false, &S::remove_display},
        {"list", "l", "Looking", "[PLACE]", "Shows source lines; again: the next ones.", Completes::kPlaces,
         true, &S::list},
        {"disassemble", "disas", "Looking", "[ADDRESS]", "Shows a function's instructions.",
         Completes::kExpressions, false, &S::disassemble},
        {"thread", "", "Looking", "[N]",
         "Shows the registers, callers and memory of task N (`info threads`). Steps are the running task's.",
         Completes::kNothing, false, &S::select_thread},
        {"inferior", "", "Looking", "[N]", "The same of process N (`info inferiors`).", Completes::kNothing,
         false, &S::select_inferior},
        {"info", "i inf", "Looking", "WHAT", "What is known; `help info` lists it.", Completes::kInfo, false,
         &S::info},

        {"walk", "w", "Memory management", "[ADDRESS]", "The page walk of an address, entry by entry.",
         Completes::kExpressions, false, &S::vm_word<kWalk>},
        {"why", "", "Memory management", "[ADDRESS]",
         "What a read, a write and a fetch there would do now, and what decides.", Completes::kExpressions,
         false, &S::vm_word<kWhy>},
        {"pte", "", "Memory management", "[ADDRESS]", "Its page-table entry.", Completes::kExpressions, false,
         &S::vm_word<kPte>},
        {"page", "", "Memory management", "PFN", "The kernel's struct page of a frame.",
         Completes::kExpressions, false, &S::vm_word<kPage>},
        {"tlb", "t", "Memory management", "[ADDRESS]",
         "The TLBs' valid entries, or those of an address's page.", Completes::kExpressions, false,
         &S::vm_word<kTlb>},
        {"pwc", "", "Memory management", "", "How full the paging-structure caches are.", Completes::kNothing,
         false, &S::vm_word<kPwc>},
        {"maps", "m", "Memory management", "[-X]", "The address space as /proc/PID/maps has it (-X: smaps).",
         Completes::kNothing, false, &S::vm_word<kMaps>},
        {"faults", "", "Memory management", "[last N] | hidden|step|stop",
         "The page faults so far; or whether steps enter faults, or every fault stops.", Completes::kNothing,
         false, &S::vm_word<kFaults>},
        {"buddy", "", "Memory management", "", "The free blocks of frames.", Completes::kNothing, false,
         &S::vm_word<kBuddy>},
        {"slab", "", "Memory management", "[CACHE|ADDRESS]",
         "The kernel's caches of objects; one cache's slabs; which cache has a frame or an address.",
         Completes::kExpressions, false, &S::vm_word<kSlab>},
        {"stats", "", "Memory management", "", "Counts of references, walks and faults.", Completes::kNothing,
         false, &S::vm_word<kStats>},
        {"vm", "monitor", "Memory management", "WORD ...", "All there is: `vm help`.", Completes::kVm, false,
         &S::vm},

        {"help", "h ?", "The debugger itself", "[COMMAND]", "This, or what a command does.",
         Completes::kCommands, false, &S::help},
        {"source", "", "The debugger itself", "FILE",
         "Runs the commands of a file, with expectations (see `help expect`).", Completes::kFiles, false,
         &S::source},
        {"echo", "", "The debugger itself", "TEXT", "Says it.", Completes::kNothing, false, &S::echo},
        {"tui", "", "The debugger itself", "", "The screen with panels; q leaves it.", Completes::kNothing,
         false, &S::tui},
        {"quit", "q exit", "The debugger itself", "", "Ends the guest and the debugger.", Completes::kNothing,
         false, &S::quit},
    };
    return kRows;
}

std::span<const std::pair<std::string_view, std::string_view>> info_words() {
    static constexpr std::pair<std::string_view, std::string_view> kWords[] = {
        {"args", "the selected function's arguments"},
        {"breakpoints", "breakpoints, watchpoints, catchpoints"},
        {"buddy", "free blocks of frames"},
        {"display", "what is shown at each stop"},
        {"faults", "the page faults so far"},
        {"frame", "the selected function"},
        {"functions", "[REGEX] the guest's functions that match, and the kernel's and the MMU's"},
        {"inferiors", "the processes"},
        {"line", "PLACE: its code"},
        {"locals", "the selected function's variables"},
        {"mappings", "the address space"},
        {"pgtables", "the page tables"},
        {"position", "instruction and fault number"},
        {"record", "the history that is kept, and what it takes"},
        {"proc", "the address space (info proc mappings)"},
        {"registers", "[NAME] of the selected function"},
        {"sharedlibrary", "the files with code"},
        {"signals", "what is done about signals"},
        {"stack", "as backtrace"},
        {"stats", "counts of references, walks and faults"},
        {"symbol", "ADDRESS: what is there"},
        {"tasks", "the kernel's tasks"},
        {"threads", "the tasks and where they are"},
        {"tlb", "the TLBs' entries"},
        {"vmas", "the areas as a table"},
        {"watchpoints", "as breakpoints"}};
    return kWords;
}

CommandMatch find_command(const std::string& word) {
    std::vector<const CommandRow*> fitting;
    for (const CommandRow& row : command_table()) {
        if (row.name == word) return {&row, ""};
        const std::string aliases = " " + std::string(row.aliases) + " ";
        if (!word.empty() && aliases.find(" " + word + " ") != std::string::npos) return {&row, ""};
        if (row.name.starts_with(word)) fitting.push_back(&row);
    }
    if (word == "expect") return {nullptr, "expect stands in scripts alone (help expect)"};
    if (fitting.size() == 1) return {fitting[0], ""};
    std::string problem = "no such command: " + word.substr(0, 60) + " (try help)";
    if (fitting.size() > 1) {
        problem = word + " may be ";
        for (usize n = 0; n < fitting.size(); ++n) problem += (n ? ", " : "") + std::string(fitting[n]->name);
    }
    return {nullptr, problem};
}

std::string help_text(const std::string& name) {
    if (name == "expect")
        return "In a script (--script FILE, or source FILE), about the command before:\n"
               "expect REGEX         it says this\n"
               "expect not REGEX     it does not\n"
               "expect stop WHERE    the guest stands in this function, or: exited, signal SIGSEGV, syscall "
               "brk,\n"
               "                     watchpoint, caught\n"
               "expect that EXPR     this is not 0\n"
               "expect error REGEX   it fails, and says this\n"
               "The first that does not hold ends the script: FILE:LINE, and exit status 1.\n";
    std::string text;
    if (name.empty()) {
        for (const char* const group : kGroups) {
            text += std::string(group) + "\n";
            for (const CommandRow& row : command_table()) {
                if (row.group != group) continue;
                std::string head = "  " + std::string(row.name) + " " + std::string(row.arguments);
                head.resize(std::max<usize>(head.size() + 1, 34), ' ');
                text += head + std::string(row.help.substr(0, row.help.find('\n'))) + "\n";
            }
        }
        return text + "Unique beginnings of words will do. help COMMAND says more; help expect: scripts.\n";
    }
    const CommandMatch match = find_command(name);
    if (!match.row) return match.problem + "\n";
    text = std::string(match.row->name) + " " + std::string(match.row->arguments) + "\n" +
           std::string(match.row->help) + "\n";
    if (!match.row->aliases.empty()) text += "Also: " + std::string(match.row->aliases) + "\n";
    if (match.row->name == "info")
        for (const auto& [word, help] : info_words()) {
            std::string head = "  info " + std::string(word);
            head.resize(std::max<usize>(head.size() + 1, 24), ' ');
            text += head + std::string(help) + "\n";
        }
    return text;
}

std::vector<std::string> words_for(DebugSession& session, const std::string& line) {
    std::vector<std::string> words;
    const auto offer = [&](std::string_view word, const std::string& prefix) {
        if (word.starts_with(prefix) && words.size() < kMostCompletions) words.emplace_back(word);
    };
    const auto begin = line.find_first_not_of(' ');
    const auto space = begin == std::string::npos ? begin : line.find(' ', begin);
    if (space == std::string::npos) {
        const std::string prefix = begin == std::string::npos ? "" : line.substr(begin);
        for (const CommandRow& row : command_table()) offer(row.name, prefix);
        return words;
    }
    const CommandMatch match = find_command(line.substr(begin, space - begin));
    if (!match.row) return words;
    const auto last = line.find_last_of(" *&(+-,=<>!|");
    const std::string prefix = line.substr(last + 1);
    switch (match.row->completes) {
        case Completes::kPlaces:
        case Completes::kExpressions:
            if (prefix.starts_with("$")) {
                for (const std::string_view name : register_names()) offer("$" + std::string(name), prefix);
                break;
            }
            for (const KernelFunction& function : kernel_functions())
                if (!function.trap) offer(name_in(session.debugger().kernel_names(), function.name), prefix);
            for (const std::string& name : session.modules().names_with(prefix, kMostCompletions))
                offer(name, prefix);
            break;
        case Completes::kCommands:
            for (const CommandRow& row : command_table()) offer(row.name, prefix);
            break;
        case Completes::kInfo:
            for (const auto& [word, help] : info_words()) offer(word, prefix);
            break;
        case Completes::kEvents:
            for (const char* const event : kEvents) offer(event, prefix);
            break;
        case Completes::kVm:
            for (const char* const word : kVmWords) offer(word, prefix);
            break;
        case Completes::kFiles:
        case Completes::kNothing:
            break;
    }
    return words;
}

}  // namespace emu
