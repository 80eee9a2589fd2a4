#include "emu/prompt/tui.h"

#include <algorithm>
#include <cstdio>
#include <span>
#include <utility>

#include "emu/prompt/line_editor.h"
#include "emu/prompt/panels.h"
#include "emu/prompt/remote_port.h"
#include "emu/prompt/screen.h"

namespace emu {
namespace {

using Kind = Screen::Key::Kind;

constexpr usize kMostOutput = 65536;
constexpr usize kMostInput = 4096;
constexpr usize kMostHistory = 1000;
constexpr const char* kStatus =
    "s step  n next  i stepi  c continue  f fault  e finish  r+ or capital: back  u/d frame  k faults  : "
    "command  "
    "? keys  q quit";
constexpr const char* kKeys =
    "s step   n next   i stepi   I nexti   c continue   e finish   u up   d down\n"
    "f run to the next page fault     k steps enter the kernel, or no more\n"
    "Backwards: S N C E F, or r and then s n i I c e f. Left and Right one instruction; Page Up the fault "
    "before,\n"
    "Page Down the next; Home the beginning, End the present; g to a moment; a click on the timeline goes "
    "there\n"
    "w walk an address   t TLB of an address   m memory map   b break   p print   x memory\n"
    ": any command (Tab completes, arrows: history)   Enter the last command again\n"
    "Ctrl-C stops the guest   Ctrl-L draws anew   q back to the prompt\n";

struct KeyRow {
    char key;
    const char* command;  ///< ends with a blank: more is to be typed
};
constexpr KeyRow kCommands[] = {{'s', "step"},
                                {'n', "next"},
                                {'i', "stepi"},
                                {'I', "nexti"},
                                {'c', "continue"},
                                {'e', "finish"},
                                {'u', "up"},
                                {'d', "down"},
                                {'f', "next-fault"},
                                {'m', "maps"},
                                {'w', "walk "},
                                {'t', "tlb "},
                                {'b', "break "},
                                {'p', "print "},
                                {'x', "x/"},
                                {'g', "goto "},
                                {'S', "reverse-step"},
                                {'N', "reverse-next"},
                                {'C', "reverse-continue"},
                                {'E', "reverse-finish"},
                                {'F', "previous-fault"}};
/// Behind an r.
constexpr KeyRow kBackwards[] = {{'s', "reverse-step"},  {'n', "reverse-next"},     {'i', "reverse-stepi"},
                                 {'I', "reverse-nexti"}, {'c', "reverse-continue"}, {'e', "reverse-finish"},
                                 {'f', "previous-fault"}};
struct PlaceRow {
    Kind key;
    const char* command;
};
constexpr PlaceRow kPlaces[] = {{Kind::kUp, "up"},
                                {Kind::kDown, "down"},
                                {Kind::kLeft, "reverse-stepi"},
                                {Kind::kRight, "stepi"},
                                {Kind::kPageUp, "previous-fault"},
                                {Kind::kPageDown, "next-fault"},
                                {Kind::kHome, "goto start"},
                                {Kind::kEndKey, "goto end"},
                                {Kind::kEnter, ""}};

class Tui {
  public:
    Tui(RemotePort& port, Screen& screen) : port_(port), screen_(screen) {}

    void run(const std::function<bool()>& stopped) {
        while (!done_ && !port_.wishes().quit && !port_.gone() && !stopped()) {
            draw();
            on_key(screen_.key());
        }
    }

    /// What the guest wrote meanwhile.
    const std::string& guest_output() const { return guest_output_; }

  private:
    void draw() {
        if (const std::string fresh = port_.take_output(); !fresh.empty()) {
            guest_output_ += fresh;
            if (guest_output_.size() > kMostOutput)
                guest_output_.erase(0, guest_output_.size() - kMostOutput);
            say(fresh);
        }
        text_.status = backwards_ ? "r: s n i I c e f" : kStatus;
        text_.input = typing_ ? ":" + line_ + "_" : "";
        // What is far above the screen need not be handed over.
        constexpr usize kMostShown = 16384;
        ScreenText shown = text_;
        if (shown.output.size() > kMostShown) shown.output.erase(0, shown.output.size() - kMostShown);
        screen_.draw(port_.screen(shown, screen_.rows(), screen_.columns()));
    }

    void say(const std::string& text) {
        text_.output += text;
        if (!text_.output.ends_with('\n')) text_.output += '\n';
        if (text_.output.size() > kMostOutput) text_.output.erase(0, text_.output.size() - kMostOutput);
    }

    void execute(const std::string& command) {
        if (!command.empty() && (history_.empty() || history_.back() != command)) history_.push_back(command);
        if (history_.size() > kMostHistory) history_.erase(history_.begin());
        const auto answer = run_line(port_, command);
        say("(mmuscope) " + command + "\n" + answer.text);
    }

    void on_key(const Screen::Key& key) {
        if (key.kind == Kind::kEnd) done_ = true;
        if (key.kind == Kind::kResized) screen_.redraw();
        if (typing_)
            type(key);
        else if (key.kind == Kind::kClick)
            click(key.row, key.column);
        else if (key.kind == Kind::kCharacter)
            command_key(key.character);
        else
            for (const PlaceRow& row : kPlaces)
                if (row.key == key.kind) execute(row.command);
    }

    /// On the timeline: to there.
    void click(unsigned row, unsigned column) {
        const TimelinePlace place = timeline_place(screen_.rows(), screen_.columns());
        if (row != place.row || column < place.first || column >= place.first + place.width) return;
        char command[32];
        std::snprintf(command, sizeof command, "goto %.2f%%",
                      100.0 * (column - place.first) / std::max(1u, place.width - 1));
        execute(command);
    }

    void command_key(char c) {
        const std::span<const KeyRow> rows = backwards_ ? std::span<const KeyRow>(kBackwards) : kCommands;
        const bool first = !std::exchange(backwards_, false);
        for (const KeyRow& row : rows) {
            if (row.key != c) continue;
            const std::string command = row.command;
            if (command.back() == ' ' || command.back() == '/')
                begin(command);
            else
                execute(command);
            return;
        }
        if (!first) return;
        if (c == 'r') backwards_ = true;
        if (c == 'k') execute(faults_entered() ? "faults hidden" : "faults step");
        if (c == ':') begin("");
        if (c == '?' || c == 'h') say(kKeys);
        if (c == 'q') done_ = true;
    }

    bool faults_entered() {
        const auto entered = port_.holds("$fault_mode");
        return entered && *entered;
    }

    void begin(const std::string& beginning) {
        typing_ = true;
        line_ = beginning;
        past_ = history_.size();
    }

    void type(const Screen::Key& key) {
        const auto& history = history_;
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
        const auto words = port_.complete(line_);
        const std::string rest = completion(line_, words);
        line_ += rest;
        if (words.size() < 2 || !rest.empty()) return;
        std::string all;
        for (const std::string& word : words) all += word + "  ";
        say(all);
    }

    RemotePort& port_;
    Screen& screen_;
    ScreenText text_;
    std::string line_, guest_output_;
    std::vector<std::string> history_;
    usize past_ = 0;
    bool typing_ = false, done_ = false, backwards_ = false;
};

}  // namespace

bool run_tui(RemotePort& port, int in, const std::function<bool()>& stopped) {
    std::fflush(stdout);
    auto screen = Screen::open(in, fileno(stdout));
    if (!screen) return false;
    port.use_own_terminal(true);
    std::string left;
    {
        Tui tui(port, *screen);
        tui.run(stopped);
        left = tui.guest_output();
    }
    port.use_own_terminal(false);
    left += port.take_output();
    screen.reset();
    // What the guest wrote meanwhile stays to be seen.
    std::fwrite(left.data(), 1, left.size(), stdout);
    std::fflush(stdout);
    return true;
}

}  // namespace emu
