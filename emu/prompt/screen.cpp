#include "emu/prompt/screen.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace emu {
namespace {

constexpr int kWaitMs = 250;
constexpr int kDeadly[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGQUIT};

// A signal handler has nothing but globals; they are written before it is set.
int dying_terminal = -1;
struct sigaction dying_before[std::size(kDeadly)];

/// Leaves the alternate screen, then dies as if this had not been there.
void on_death(int signal) {
    static constexpr char kLeave[] = "\033[?1000l\033[?1006l\033[?1049l\033[?25h\033[0m\r\n";
    if (dying_terminal >= 0) (void)!::write(dying_terminal, kLeave, sizeof kLeave - 1);
    for (usize n = 0; n < std::size(kDeadly); ++n)
        if (kDeadly[n] == signal) sigaction(signal, &dying_before[n], nullptr);
    ::raise(signal);
}

}  // namespace

struct Screen::State {
    std::FILE *in = nullptr, *out = nullptr;
    SCREEN* screen = nullptr;
};

std::unique_ptr<Screen> Screen::open(int in, int out) {
    if (!isatty(in) || !isatty(out)) return nullptr;
    std::unique_ptr<Screen> result(new Screen);
    result->state_ = std::make_unique<State>();
    State& s = *result->state_;
    s.in = fdopen(fcntl(in, F_DUPFD_CLOEXEC, 3), "r");
    s.out = fdopen(fcntl(out, F_DUPFD_CLOEXEC, 3), "w");
    if (!s.in || !s.out) return nullptr;
    s.screen = newterm(nullptr, s.out, s.in);
    if (!s.screen) return nullptr;
    set_term(s.screen);
    cbreak();  // Ctrl-C stays a signal
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    mousemask(BUTTON1_PRESSED | BUTTON1_CLICKED, nullptr);
    mouseinterval(0);  // a press is enough: nothing is waited for
    curs_set(0);
    set_escdelay(25);
    timeout(kWaitMs);
    dying_terminal = fileno(s.out);
    struct sigaction action {};
    action.sa_handler = on_death;
    action.sa_flags = SA_NODEFER;
    for (usize n = 0; n < std::size(kDeadly); ++n) sigaction(kDeadly[n], &action, &dying_before[n]);
    return result;
}

Screen::~Screen() {
    if (!state_) return;
    if (state_->screen) {
        endwin();
        delscreen(state_->screen);
        for (usize n = 0; n < std::size(kDeadly); ++n) sigaction(kDeadly[n], &dying_before[n], nullptr);
        dying_terminal = -1;
    }
    if (state_->in) std::fclose(state_->in);
    if (state_->out) std::fclose(state_->out);
}

unsigned Screen::rows() const {
    return static_cast<unsigned>(std::max(1, getmaxy(stdscr)));
}
unsigned Screen::columns() const {
    return static_cast<unsigned>(std::max(1, getmaxx(stdscr)));
}

void Screen::redraw() {
    clearok(stdscr, TRUE);
}

void Screen::draw(const Panel& lines) {
    erase();
    for (usize row = 0; row < lines.size() && row < rows(); ++row) {
        move(static_cast<int>(row), 0);
        for (const Part& part : lines[row]) {
            const attr_t style = part.style == Style::kTitle     ? A_BOLD
                                 : part.style == Style::kHere    ? A_REVERSE
                                 : part.style == Style::kChanged ? A_REVERSE
                                                                 : A_NORMAL;
            attrset(static_cast<int>(style));
            addnstr(part.text.c_str(), static_cast<int>(part.text.size()));
        }
    }
    attrset(A_NORMAL);
    refresh();
}

Screen::Key Screen::key() {
    errno = 0;
    const int c = getch();
    switch (c) {
        case ERR:
            // A terminal that is gone answers at once, for ever.
            return {feof(state_->in) || errno == EIO ? Key::Kind::kEnd : Key::Kind::kNone};
        case KEY_RESIZE:
            return {Key::Kind::kResized};
        case KEY_ENTER:
        case '\r':
        case '\n':
            return {Key::Kind::kEnter};
        case KEY_BACKSPACE:
        case 127:
        case '\b':
            return {Key::Kind::kBackspace};
        case KEY_UP:
            return {Key::Kind::kUp};
        case KEY_DOWN:
            return {Key::Kind::kDown};
        case KEY_LEFT:
            return {Key::Kind::kLeft};
        case KEY_RIGHT:
            return {Key::Kind::kRight};
        case KEY_PPAGE:
            return {Key::Kind::kPageUp};
        case KEY_NPAGE:
            return {Key::Kind::kPageDown};
        case KEY_HOME:
            return {Key::Kind::kHome};
        case KEY_END:
            return {Key::Kind::kEndKey};
        case KEY_MOUSE: {
            MEVENT event;
            const bool clicked =
                getmouse(&event) == OK && (event.bstate & (BUTTON1_PRESSED | BUTTON1_CLICKED));
            if (!clicked || event.x < 0 || event.y < 0) return {};
            return {Key::Kind::kClick, 0, static_cast<unsigned>(event.y), static_cast<unsigned>(event.x)};
        }
        case '\t':
            return {Key::Kind::kTab};
        case 27:
            return {Key::Kind::kEscape};
        case 4:
            return {Key::Kind::kEnd};
        default:
            if (c >= ' ' && c <= '~') return {Key::Kind::kCharacter, static_cast<char>(c)};
            if (c == 12) return {Key::Kind::kResized};  // Ctrl-L
            return {};
    }
}

}  // namespace emu
