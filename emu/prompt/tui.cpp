#include "emu/prompt/tui.h"

#include <algorithm>

#include "emu/prompt/debug_session.h"
#include "emu/prompt/guest_terminal.h"
#include "emu/prompt/line_editor.h"
#include "emu/prompt/panels.h"
#include "emu/prompt/screen.h"

namespace emu {
namespace {

using Kind = Screen::Key::Kind;

constexpr usize kMostOutput = 65536;
constexpr usize kMostInput = 4096;
constexpr const char* kStatus =
    "s step  n next  i stepi  c continue  f next fault  e finish  u/d frame  k faults  : command  ? keys  q "
    "quit";
constexpr const char* kKeys =
    "s step   n next   i stepi   I nexti   c continue   e finish   u up   d down\n"
    "f run to the next page fault     k steps enter the kernel, or no more\n"
    "w walk an address   t TLB of an address   m memory map   b break   p print   x memory\n"
    ": any command (Tab completes, arrows: history)   Enter the last command again\n"
    "Ctrl-C stops the guest   Ctrl-L draws anew   q back to the prompt\n";

struct KeyRow {
    char key;
    const char* command;  ///< ends with a blank: more is to be typed
};
constexpr KeyRow kCommands[] = {{'s', "step"},       {'n', "next"},   {'i', "stepi"}, {'I', "nexti"},
                                {'c', "continue"},   {'e', "finish"}, {'u', "up"},    {'d', "down"},
                                {'f', "next-fault"}, {'m', "maps"},   {'w', "walk "}, {'t', "tlb "},
                                {'b', "break "},     {'p', "print "}, {'x', "x/"}};

class Tui {
  public:
    Tui(DebugSession& session, Screen& screen, GuestTerminal& guest)
        : session_(session), screen_(screen), guest_(guest) {}

    void run(const std::function<bool()>& stopped) {
        while (!done_ && !session_.quit_asked() && !stopped()) {
            draw();
            on_key(screen_.key());
        }
    }

  private:
    void draw() {
        const std::string guest = guest_.output();
        if (guest.size() > shown_) {
            const usize fresh = std::min(guest.size() - shown_, guest.size());
            say(guest.substr(guest.size() - fresh));
        }
        shown_ = guest.size();
        text_.status = kStatus;
        text_.input = typing_ ? ":" + line_ + "_" : "";
        screen_.draw(compose(session_, text_, screen_.rows(), screen_.columns()));
    }

    void say(const std::string& text) {
        text_.output += text;
        if (!text_.output.ends_with('\n')) text_.output += '\n';
        if (text_.output.size() > kMostOutput) text_.output.erase(0, text_.output.size() - kMostOutput);
    }

    void execute(const std::string& command) {
        const auto answer = session_.execute(command);
        say("(mmuscope) " + command + "\n" + answer.text);
    }

    void on_key(const Screen::Key& key) {
        if (key.kind == Kind::kEnd) done_ = true;
        if (key.kind == Kind::kResized) screen_.redraw();
        if (typing_)
            type(key);
        else if (key.kind == Kind::kEnter)
            execute("");
        else if (key.kind == Kind::kUp)
            execute("up");
        else if (key.kind == Kind::kDown)
            execute("down");
        else if (key.kind == Kind::kCharacter)
            command_key(key.character);
    }

    void command_key(char c) {
        for (const KeyRow& row : kCommands) {
            if (row.key != c) continue;
            const std::string command = row.command;
            if (command.back() == ' ' || command.back() == '/')
                begin(command);
            else
                execute(command);
            return;
        }
        if (c == 'k')
            execute(session_.debugger().fault_mode() == Debugger::FaultMode::kHidden ? "faults step"
                                                                                     : "faults hidden");
        if (c == ':') begin("");
        if (c == '?' || c == 'h') say(kKeys);
        if (c == 'q') done_ = true;
    }

    void begin(const std::string& beginning) {
        typing_ = true;
        line_ = beginning;
        past_ = session_.state().history.size();
    }

    void type(const Screen::Key& key) {
        const auto& history = session_.state().history;
        switch (key.kind) {
            case Kind::kCharacter:
                if (line_.size() < kMostInput) line_ += key.character;
                break;
            case Kind::kBackspace:
                if (line_.empty())
                    typing_ = false;
                else
                    line_.pop_back();
                break;
            case Kind::kEscape:
                typing_ = false;
                break;
            case Kind::kUp:
                if (past_ > 0) line_ = history[--past_];
                break;
            case Kind::kDown:
                if (past_ < history.size()) ++past_;
                line_ = past_ < history.size() ? history[past_] : "";
                break;
            case Kind::kTab:
                complete();
                break;
            case Kind::kEnter:
                typing_ = false;
                if (!line_.empty()) execute(line_);
                break;
            default:
                break;
        }
    }

    void complete() {
        const auto words = session_.complete(line_);
        const std::string common = common_beginning(words);
        usize typed = std::min(common.size(), line_.size());
        while (typed > 0 && line_.compare(line_.size() - typed, typed, common, 0, typed) != 0) --typed;
        line_ += common.substr(typed);
        if (words.size() == 1) line_ += ' ';
        if (words.size() < 2 || common.size() > typed) return;
        std::string all;
        for (const std::string& word : words) all += word + "  ";
        say(all);
    }

    DebugSession& session_;
    Screen& screen_;
    GuestTerminal& guest_;
    ScreenText text_;
    std::string line_;
    usize past_ = 0, shown_ = 0;
    bool typing_ = false, done_ = false;
};

}  // namespace

bool run_tui(DebugSession& session, int in, const std::function<bool()>& stopped) {
    GuestTerminal guest;
    if (!guest.works()) return false;
    const auto screen = Screen::open(in, guest.terminal());
    if (!screen) return false;
    Tui(session, *screen, guest).run(stopped);
    return true;
}

}  // namespace emu
