// The built-in debugger's commands, without a terminal: they say what they should, and the guest cannot tell
// that they were there.
#include "emu/prompt/command_table.h"
#include "emu/prompt/debug_session.h"
#include "emu/prompt/line_editor.h"
#include "emu/prompt/panels.h"
#include "emu/prompt/script.h"

#include "tests/debug/support.h"

#include <catch2/catch.hpp>

namespace {

using emu::DebugSession;

const std::string kGuest = test::debug_guest("debuggee.static");

std::string free_run() {
    const auto machine = test::load(kGuest);
    machine->run();
    return machine->state_hash();
}

/// The failure of a script, or "".
std::string failure(DebugSession& session, const std::string& script) {
    return emu::run_script(session, "lesson", script, [](const std::string&) {}).value_or("");
}

}  // namespace

TEST_CASE(
    "DebugSession: breakpoints, steps, stages, watchpoints and reading leave the guest's state as it was") {
    const auto machine = test::load(kGuest);
    {
        DebugSession session(*machine);
        CHECK(failure(session, R"(
            break touch
            run
            expect Breakpoint 1, touch \(p=0x[0-9a-f]+ "", n=16384\) at debuggee.c:18
            break do_anonymous_page
            continue
            expect stop do_anonymous_page
            bt
            expect #0  do_anonymous_page \(vma=0x[0-9a-f]+, address=0x
            expect #[0-9]+ +0x[0-9a-f]+ in main \(argc=1,
            p *vma
            expect vm_start = 0x
            walk
            expect PTE   @ 0x[0-9a-f]+ = 0: not present
            expect not NX
            why $cr2
            expect do_anonymous_page: a zeroed frame
            slab
            expect vm_area_struct +[0-9]+ +22 +184
            slab mm_struct
            expect current +1-10
            vm slab &counter
            expect is in no slab: anonymous memory
            slab nonsense
            expect error no symbol "nonsense" here
            finish
            expect stop handle_pte_fault
            expect Value returned is
            delete
            finish
            watch counter
            continue
            expect Old value = 0
            expect New value = 1
            x/2xg $rsp
            x/4i $rip
            expect => 0x0000000000
            expect <count_up
            info registers
            tlb $rsp
            expect 4K
            delete
            next
            expect 27
            step
            tbreak factorial if n == 3
            continue
            expect Temporary breakpoint 4, factorial \(n=3\)
            expect that n == 3
            finish
            expect = 6
            continue
            expect stop signal SIGUSR1
            print pair
            expect \{left = 7, right = 2.5\}
            continue
            expect stop exited
        )") == "");
    }
    CHECK(machine->state_hash() == free_run());
}

TEST_CASE("DebugSession: a run by source lines, over calls and into them, changes nothing") {
    const auto machine = test::load(kGuest);
    {
        DebugSession session(*machine);
        REQUIRE_FALSE(session.execute("start").failed);
        CHECK(failure(session, R"(
            next
            expect 35
            step
            expect touch
            finish
            expect Value returned is
            expect 36
            next
            expect 37
            advance 39
            expect 39
            nexti
            info position
            expect that $icount > 1000
        )") == "");
        while (!session.ended()) (void)session.execute("next");
    }
    CHECK(machine->state_hash() == free_run());
}

TEST_CASE("DebugSession: threads and processes are looked at, and the running one goes on") {
    const auto free = [](const std::string& guest) {
        const auto machine = test::load(guest);
        machine->run();
        return machine->state_hash();
    };
    const std::string threads = test::debug_guest("threads.static");
    const auto machine = test::load(threads);
    {
        DebugSession session(*machine);
        CHECK(failure(session, R"(
            break work if which > 0
            run
            expect stop work
            info threads
            expect \* task 100[12] of process 1000 "threads
            expect   task 1000 of process 1000
            thread 1000
            expect task 1000 of process 1000
            bt
            expect main \(\)
            expect not work \(
            info threads
            expect \* task 1000
            reverse-stepi
            expect error Task 1000 does not run now, and the way back is the running one's: `thread 100[12]`
            thread 77
            expect error No task 77
            thread x
            expect error No task x
            inferior 1001
            expect error No process 1001
            inferior 1000
            expect , which runs
            expect work \(which=[12]\)
            next
            expect not error
            delete
            continue
            expect stop exited
            thread 1000
            expect error has ended
        )") == "");
    }
    CHECK(machine->state_hash() == free(threads));
    // One that waits steps when its turn comes; who stops before is told.
    const auto stepped = test::load(threads);
    {
        DebugSession session(*stepped);
        CHECK(failure(session, R"(
            break work if which == 1
            run
            expect stop work
            thread 1002
            expect clone3
            stepi
            info threads
            expect \* task 1002
            break run
            thread 1000
            finish
            expect stop run
            info threads
            expect \* task 1002
            delete
            thread 1000
            finish
            expect stop __pthread_clockjoin_ex
            info threads
            expect \* task 1000
            continue
            expect stop exited
        )") == "");
    }
    CHECK(stepped->state_hash() == free(threads));
    const std::string processes = test::debug_guest("processes.static");
    const auto forking = test::load(processes);
    {
        DebugSession session(*forking);
        CHECK(failure(session, R"(
            break work
            run
            expect stop work
            finish
            print shared
            expect = 2
            info inferiors
            expect \* process 1001 
            expect   process 1000 
            inferior 1000
            print shared
            expect = 1
            x/dw &shared
            expect 1
            bt
            expect main \(argc=1
            inferior
            expect process 1000
            delete
            continue
            expect stop exited
        )") == "");
    }
    CHECK(forking->state_hash() == free(processes));
}

TEST_CASE("DebugSession: step goes through an entry of a table of calls into the function behind it") {
    for (const std::string kind : {"static", "static-pie", "dynamic"}) {
        const auto machine = test::load(test::debug_guest("stub." + kind));
        DebugSession session(*machine);
        INFO(kind);
        CHECK(failure(session, R"(
            start
            expect 11
            step
            expect doubled \(n=21\) at stub.c:3
            finish
            expect = 42
            start
            expect error one run of the guest only
        )") == "");
    }
    // The linker looks for printf first; it has no lines.
    const auto machine = test::load(test::debug_guest("debuggee.dynamic"));
    DebugSession session(*machine);
    CHECK(failure(session, R"(
        handle SIGUSR1 nostop
        break debuggee.c:40
        run
        step
        expect 42
    )") == "");
}

TEST_CASE("DebugSession: quitting in the middle of a fault lets the kernel finish it") {
    const auto machine = test::load(kGuest);
    {
        DebugSession session(*machine);
        (void)session.execute("break set_pte_at if address != 0");
        (void)session.execute("run");
        CHECK(session.debugger().in_stage());
    }
    machine->run();
    CHECK(machine->state_hash() == free_run());
}

TEST_CASE("DebugSession: the kernel's functions have the names of Linux 2.6.32 on request") {
    const auto machine = test::load(kGuest);
    DebugSession session(*machine);
    CHECK(failure(session, R"(
        break do_brk
        expect do_brk_flags, mm/mmap.c
        run
        expect stop do_brk_flags
        vm names 2.6.32
        bt
        expect #0  do_brk \(
        expect sys_brk \(
        info functions do_page
        expect kernel and MMU +do_page_fault
    )") == "");
}

TEST_CASE("Scripts: an expectation that does not hold ends the script with its line") {
    const auto machine = test::load(kGuest);
    DebugSession session(*machine);
    CHECK(failure(session, "start\n\n# here\nexpect stop elsewhere\n") ==
          "lesson:4: expected to stop at elsewhere; the guest stands at: main");
    CHECK(failure(session, "print 1\nexpect 2\n") == "lesson:2: 'print 1' does not say: 2");
    CHECK(failure(session, "print 1\nexpect not 1\n") == "lesson:2: 'print 1' says what it should not: 1");
    CHECK(failure(session, "print 1\nexpect that 1 == 2\n") == "lesson:2: does not hold: 1 == 2");
    CHECK(failure(session, "print 1\nprint nothing_of_this_name\nprint 2\n") ==
          "lesson:2: 'print nothing_of_this_name' failed: no symbol \"nothing_of_this_name\" here");
    CHECK(failure(session, "print nothing_of_this_name\n# it does\nexpect error no symbol\n") == "");
    CHECK(failure(session, "print 1\nexpect error no symbol\n") ==
          "lesson:2: 'print 1' was expected to fail");
    CHECK(failure(session, "expect [\n") == "lesson:1: no regular expression: '['");
}

TEST_CASE("Expressions: C's operators, registers, variables, structures and casts") {
    const auto machine = test::load(kGuest);
    DebugSession session(*machine);
    REQUIRE_FALSE(session.execute("start").failed);
    const auto value = [&](const std::string& text) {
        const auto result = session.value_of(text);
        return result ? std::to_string(static_cast<long long>(result->bits)) : result.error();
    };
    CHECK(value("1 + 2 * 3 - -4") == "11");
    CHECK(value("(0xff & ~0xf) >> 4 == 15 && !0") == "1");
    CHECK(value("-7 / 2") == "-3");
    CHECK(value("1 / 0") == "division by zero");
    CHECK(value("pair.left") == "7");
    CHECK(value("(&pair)->left") == "7");
    CHECK(value("*(int *)&pair") == "7");
    CHECK(value("*argv[0]") == std::to_string(kGuest[0]));
    CHECK(value("argc + 1") == "2");
    CHECK(value("$rip == main") == "0");
    CHECK(value("$rsp % 8") == "0");
    CHECK(value("(unsigned char)0x1ff") == "255");
    CHECK(value("pair.nothing") == "there is no member named nothing");
    CHECK(value("1 +") == "an expression is missing");
    CHECK(value("$nothing") == "no register named $nothing");
    CHECK(value("*(long *)0") == "cannot access memory at address 0x0");
    CHECK(value(std::string(4000, '(')).starts_with("too deep"));
    CHECK(value(std::string(4000, '-')).starts_with("too deep"));
    CHECK(value("\xff\xfe") != "");
    CHECK(value("9223372036854775808 / -1") == "division by zero");
}

TEST_CASE("DebugSession: registers and memory can be set, but not while the kernel is at work") {
    const auto machine = test::load(kGuest);
    DebugSession session(*machine);
    CHECK(failure(session, R"(
        start
        set var pair.left = 41
        print pair.left
        expect = 41
        print $rbx = 5
        expect = 5
        print $ebx
        expect = 5
        set $fs_base = 0x123456789abcdef0
        expect error cannot be written
        set pair = 3
        expect error cannot be assigned to
        set 5 = 3
        expect error cannot be assigned to
        next-fault
        expect stop exc_page_fault
        set var pair.left = 1
        expect error while the kernel is at work
    )") == "");
}

TEST_CASE("DebugSession: words that are none, too long or too many are refused") {
    const auto machine = test::load(kGuest);
    DebugSession session(*machine);
    for (const char* const line : {"nonsense",        "s t u v",
                                   "break nowhere",   "break *",
                                   "break *nowhere",  "x/99999999x 0",
                                   "x/q 0",           "frame 99",
                                   "delete 7",        "condition",
                                   "ignore 1",        "handle SIGNOTHING",
                                   "watch 1",         "info",
                                   "info x",          "catch nothing",
                                   "print",           "print 1 2",
                                   "run 1",           "goto 3",
                                   "reverse-step",    "catch syscall nothing",
                                   "list 1000000",    "undisplay 9",
                                   "source /nowhere", "source /dev/zero",
                                   "expect 1",        "up 1",
                                   "x/s 0",           "page 99999999"}) {
        CAPTURE(line);
        CHECK(!session.execute(line).text.empty());
    }
    CHECK(session.execute(std::string(100000, 'a')).failed);
    CHECK(session.execute("print " + std::string(4000, '(')).failed);
    CHECK_FALSE(session.ended());
    CHECK(session.execute("b").failed == false);
    CHECK(session.execute("reverse-continue").text.find("No history is kept") != std::string::npos);
}

TEST_CASE("DebugSession: every command has help, and a word is completed with what fits") {
    const auto machine = test::load(kGuest);
    DebugSession session(*machine);
    for (const emu::CommandRow& row : emu::command_table()) {
        CHECK(row.run != nullptr);
        CHECK(!row.help.empty());
        CHECK(session.execute("help " + std::string(row.name)).text.find(row.help) != std::string::npos);
        CHECK(session.execute("help").text.find(row.name) != std::string::npos);
    }
    const auto has = [&](const std::string& line, const std::string& word) {
        const auto words = session.complete(line);
        return std::find(words.begin(), words.end(), word) != words.end();
    };
    CHECK(has("cont", "continue"));
    CHECK(has("break fact", "factorial"));
    CHECK(has("b do_anon", "do_anonymous_page"));
    CHECK(has("print $r", "$rip"));
    CHECK(has("info re", "registers"));
    CHECK(has("catch fault:c", "fault:cow"));
    CHECK_FALSE(has("break fact", "main"));
    CHECK(session.complete("nonsense x").empty());
    CHECK(emu::common_beginning({"do_fault", "do_wp_page"}) == "do_");
    CHECK(emu::completion("break d", {"do_fault", "do_wp_page"}) == "o_");
    CHECK(emu::completion("break do_f", {"do_fault"}) == "ault ");
    CHECK(emu::completion("break do_", {"do_fault", "do_wp_page"}) == "");
    CHECK(emu::completion("x", {}) == "");
}

TEST_CASE("DebugSession: catches system calls and events, and says which") {
    const auto machine = test::load(kGuest);
    {
        DebugSession session(*machine);
        CHECK(failure(session, R"(
            catch syscall brk
            run
            expect call to syscall brk
            expect stop syscall brk
            continue
            expect returned from syscall brk
            catch off
            catch fault:anon
            continue
            expect Caught fault:anon
            expect stop caught
            catch off
            handle SIGUSR1 nostop
            continue
            expect stop exited
        )") == "");
    }
    CHECK(machine->state_hash() == free_run());
}

TEST_CASE("UiState: what was set up comes back from its bytes, and other bytes are refused") {
    const auto machine = test::load(kGuest);
    DebugSession session(*machine);
    for (const char* const line :
         {"break main", "watch counter if counter > 3", "display/x $rip", "handle SIGUSR1 nostop",
          "catch syscall brk", "print 5", "condition 1 $rsp != 0"})
        REQUIRE_FALSE(session.execute(line).failed);
    const std::string bytes = session.state().save();
    const auto back = emu::UiState::restore(bytes);
    REQUIRE(back);
    CHECK(back->save() == bytes);
    CHECK(back->stop_points.size() == 2);
    CHECK(back->stop_points[1].condition == "counter > 3");
    CHECK(back->displays.size() == 1);
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK_FALSE(emu::UiState::restore(bytes.substr(0, size)));
    CHECK_FALSE(emu::UiState::restore(bytes + "x"));
    std::string huge = bytes;
    for (std::size_t n = 8; n < 16; ++n) huge[n] = '\x7f';
    CHECK_FALSE(emu::UiState::restore(huge));
}

namespace {

/// What a program wrote without the sanitizer's remark that it follows no makecontext(3).
std::string own_words(const std::string& text) {
    const std::size_t at = text.find("WARNING: ASan doesn't fully support makecontext");
    if (at == std::string::npos) return text;
    const std::size_t begin = text.rfind('\n', at) + 1;  // npos + 1: the first line
    return text.substr(0, begin) + text.substr(text.find('\n', at) + 1);
}

}  // namespace

TEST_CASE("debug: a script's end is the exit status, and its expectations are told with file and line") {
    const test::TemporaryFolder folder;
    const auto debug = [&](const std::string& script, const std::string& guest = "debuggee.static") {
        return test::run({MMUSCOPE_PROGRAM, "debug", "--script", folder.write("lesson", script),
                          test::debug_guest(guest)});
    };
    CHECK(debug("start\nexpect stop main\n").status == 0);
    const auto wrong = debug("start\nexpect stop other\nprint 1\n");
    CHECK(wrong.status == 1);
    CHECK(own_words(wrong.err) ==
          folder.path() + "/lesson:2: expected to stop at other; the guest stands at: main\n");
    CHECK(wrong.out.find("print 1") == std::string::npos);
    CHECK(debug("break touch\nrun\nexpect stop touch\nbt\nexpect main\n", "debuggee.static-pie").status == 0);
    CHECK(debug("start\nnext\nnext\nexpect 36\nbreak printf\nhandle SIGUSR1 nostop\nc\nexpect printf\n",
                "debuggee.dynamic")
              .status == 0);
    CHECK(test::run({MMUSCOPE_PROGRAM, "debug", "--script", "/nowhere", kGuest}).status == 125);
}

TEST_CASE("debug: run again, from everywhere, with other arguments, in each kind of guest") {
    const test::TemporaryFolder folder;
    const std::string script = folder.write("lesson", R"(
        break factorial
        run
        expect that n == 6
        expect not anew
        run
        expect begins anew
        expect stop factorial
        next
        reverse-stepi
        run
        expect stop factorial
        delete
        handle SIGUSR1 nostop
        continue
        expect exited normally
        start 'two  words' 7
        expect stop main
        expect that argc == 3
        expect that argv[1][4] == ' ' && argv[2][0] == '7'
        break do_anonymous_page
        continue
        faults step
        rsi
        run
        expect stop do_anonymous_page
        kill
        start
        expect stop do_anonymous_page
        info breakpoints
        expect hit 1 time
        delete
        continue
        expect exited with code 7
        run 'no end
        expect error A quote has no end
    )");
    for (const std::string kind : {"static", "static-pie", "dynamic"})
        for (const std::string history : {"--no-reverse", ""}) {
            std::string text = test::read_file(script);
            const auto back = [&](const std::string& word) {
                for (auto at = text.find(word); at != std::string::npos; at = text.find(word))
                    text.replace(at, word.size(), "next");
            };
            std::vector<std::string> words{MMUSCOPE_PROGRAM, "debug", "--script", folder.write("this", text)};
            if (!history.empty()) {
                back("reverse-stepi");
                back("rsi");
                words[3] = folder.write("this", text);
                words.push_back(history);
            }
            words.push_back(test::debug_guest("debuggee." + kind));
            const auto result = test::run(words);
            INFO(kind << " " << history << "\n" << result.out << result.err);
            CHECK(result.status == 0);
        }
    // A recording runs again as it was.
    const std::string file = folder.path() + "/recording";
    REQUIRE(test::run({MMUSCOPE_PROGRAM, "record", file, kGuest, "q"}).status == 0);
    const std::string replayed =
        folder.write("replayed",
                     "start\nexpect that argv[1][0] == 'q'\nstart\nexpect that argv[1][0] == 'q'\nrun other\n"
                     "expect error recorded\n");
    CHECK(test::run({MMUSCOPE_PROGRAM, "replay", file, "debug", "--script", replayed}).status == 0);
}

TEST_CASE("debug: commands from a pipe, and the guest's own files") {
    const test::TemporaryFolder folder;
    test::ProcessOptions options;
    options.input = "break factorial\nrun\nnonsense\n" + std::string(200000, 'x') +
                    "\ncontinue 6\ndelete\ncontinue\ncontinue\n";
    const auto result =
        test::run({MMUSCOPE_PROGRAM, "debug", "--stdout", folder.path() + "/out", kGuest, "word"}, options);
    CHECK(result.status == 0);
    CHECK(result.out.find("factorial (n=6)") != std::string::npos);
    CHECK(result.out.find("the line is too long") != std::string::npos);
    CHECK(result.out.find("exited normally") != std::string::npos);
    CHECK(test::read_file(folder.path() + "/out") == "word 7 counter 45 factorial 720 handled 10\n");
    options.input.clear();
    CHECK(test::run({MMUSCOPE_PROGRAM, "debug", kGuest}, options).status == 0);
    options.input = "run";
    CHECK(test::run({MMUSCOPE_PROGRAM, "debug", kGuest}, options).status == 0);
}

TEST_CASE("debug: each lesson holds") {
    for (const char* const name : {"heap_page"}) {
        const auto result = test::run({MMUSCOPE_PROGRAM, "debug", "--script",
                                       std::string(MMUSCOPE_LESSONS) + "/" + name + ".lesson",
                                       test::debug_guest(std::string(name) + ".static")});
        INFO(result.out);
        CHECK(own_words(result.err) == "");
        CHECK(result.status == 0);
    }
}

TEST_CASE("Panels: any size gives lines of that size, with printable characters alone") {
    const auto machine = test::load(kGuest);
    DebugSession session(*machine);
    (void)session.execute("start");
    emu::ScreenText text{
        .output = "\033[2J\xff\tx\n" + std::string(5000, 'y'), .input = "", .status = "keys"};
    const auto check = [&] {
        for (const unsigned rows : {1u, 2u, 3u, 11u, 12u, 13u, 24u, 60u})
            for (const unsigned columns : {1u, 2u, 39u, 40u, 41u, 80u, 200u}) {
                const emu::Panel screen = emu::compose(session, text, rows, columns);
                CAPTURE(rows, columns);
                REQUIRE(screen.size() == rows);
                for (const emu::PanelLine& line : screen) {
                    std::string all;
                    for (const emu::Part& part : line) all += part.text;
                    REQUIRE(all.size() == columns);
                    REQUIRE(std::all_of(all.begin(), all.end(), [](char c) { return c >= ' ' && c <= '~'; }));
                }
            }
    };
    check();
    (void)session.execute("next-fault");
    check();
    (void)session.execute("kill");
    check();
}
