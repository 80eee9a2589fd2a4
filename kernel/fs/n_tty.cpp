// Purpose: see n_tty.h. Deviation: no IUTF8 erasing of whole characters by width, no IUCLC, no EXTPROC.
#include "kernel/fs/n_tty.h"

#include <asm/termbits.h>

#include <csignal>

#include "kernel/fs/job_control.h"

namespace kernel {

namespace {

constexpr usize kMostInput = 4095, kMostOutput = 8192;  ///< N_TTY_BUF_SIZE; what a pty buffers
constexpr u8 kDisabled = 0;                             ///< _POSIX_VDISABLE

bool input_flag(const Tty& tty, u32 flag) {
    return tty.termios.iflag & flag;
}
bool local_flag(const Tty& tty, u32 flag) {
    return tty.termios.lflag & flag;
}
bool is_char(const Tty& tty, unsigned which, u8 byte) {
    return tty.termios.cc[which] != kDisabled && tty.termios.cc[which] == byte;
}
bool is_control(u8 byte) {
    return byte < 32 || byte == 127;
}

/// echo_char(): "^C" for a control character.
void echo(Tty& tty, u8 byte) {
    if (!local_flag(tty, ECHO)) return;
    if (local_flag(tty, ECHOCTL) && is_control(byte) && byte != '\t' && byte != '\n') {
        tty.output += '^';
        tty.output += static_cast<char>(byte ^ 0100);
        tty.column += 2;
        return;
    }
    print(tty, byte);
}

/// eraser()'s share of one character.
void erase_last(Tty& tty) {
    const u8 last = static_cast<u8>(tty.line.back());
    tty.line.pop_back();
    if (!local_flag(tty, ECHO)) return;
    if (!local_flag(tty, ECHOE)) {
        echo(tty, tty.termios.cc[VERASE]);
        return;
    }
    unsigned columns = is_control(last) ? (local_flag(tty, ECHOCTL) ? 2 : 0) : 1;
    if (input_flag(tty, IUTF8) && (last & 0xc0) == 0x80) columns = 0;
    for (unsigned i = 0; i < columns; ++i) tty.output += "\b \b";
    tty.column -= std::min(tty.column, columns);
}

void erase(Tty& tty, u8 byte) {
    if (tty.line.empty()) return;
    if (is_char(tty, VERASE, byte)) {
        while (input_flag(tty, IUTF8) && tty.line.size() > 1 && (tty.line.back() & 0xc0) == 0x80)
            erase_last(tty);
        return erase_last(tty);
    }
    if (is_char(tty, VKILL, byte)) {
        if (local_flag(tty, ECHO) &&
            !(local_flag(tty, ECHOK) && local_flag(tty, ECHOKE) && local_flag(tty, ECHOE))) {
            tty.line.clear();
            echo(tty, byte);
            if (local_flag(tty, ECHOK)) print(tty, '\n');
            return;
        }
        while (!tty.line.empty()) erase_last(tty);
        return;
    }
    const auto is_word = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    };
    while (!tty.line.empty() && !is_word(tty.line.back())) erase_last(tty);
    while (!tty.line.empty() && is_word(tty.line.back())) erase_last(tty);
}

void finish_line(Tty& tty) {
    tty.lines.push_back(tty.line.size());
    tty.input.insert(tty.input.end(), tty.line.begin(), tty.line.end());
    tty.line.clear();
}

/// isig(): the signal of a typed character, to the foreground group.
bool send_typed_signal(KernelState& kernel, Tty& tty, u8 byte) {
    const int signal = is_char(tty, VINTR, byte)   ? SIGINT
                       : is_char(tty, VQUIT, byte) ? SIGQUIT
                       : is_char(tty, VSUSP, byte) ? SIGTSTP
                                                   : 0;
    if (!signal) return false;
    if (!local_flag(tty, NOFLSH)) {
        flush_input(tty);
        tty.output.clear();
    }
    echo(tty, byte);
    if (tty.foreground) signal_group(kernel, tty.foreground, signal);
    return true;
}

bool receive_flow_control(Tty& tty, u8 byte) {
    if (!input_flag(tty, IXON)) return false;
    if (is_char(tty, VSTOP, byte)) return tty.stopped = true;
    if (is_char(tty, VSTART, byte)) {
        tty.stopped = false;
        return true;
    }
    return false;
}

/// The characters that edit a line. True: that was one.
bool edit_line(Tty& tty, u8 byte) {
    const bool extended = local_flag(tty, IEXTEN);
    if (is_char(tty, VERASE, byte) || is_char(tty, VKILL, byte) ||
        (extended && is_char(tty, VWERASE, byte))) {
        erase(tty, byte);
        return true;
    }
    if (extended && is_char(tty, VLNEXT, byte)) {
        tty.literal = true;
        if (local_flag(tty, ECHO) && local_flag(tty, ECHOCTL)) tty.output += "^\b";
        return true;
    }
    if (extended && local_flag(tty, ECHO) && is_char(tty, VREPRINT, byte)) {
        echo(tty, byte);
        print(tty, '\n');
        for (const char c : tty.line) echo(tty, static_cast<u8>(c));
        return true;
    }
    if (byte == '\n') {
        if (local_flag(tty, ECHO) || local_flag(tty, ECHONL)) print(tty, '\n');
        tty.line += '\n';
        finish_line(tty);
        return true;
    }
    if (is_char(tty, VEOF, byte)) {
        finish_line(tty);
        return true;
    }
    if (is_char(tty, VEOL, byte) || (extended && is_char(tty, VEOL2, byte))) {
        echo(tty, byte);
        tty.line += static_cast<char>(byte);
        finish_line(tty);
        return true;
    }
    return false;
}

}  // namespace

Termios standard_termios() {
    Termios t;
    t.iflag = ICRNL | IXON;
    t.oflag = OPOST | ONLCR;
    t.cflag = B38400 | CS8 | CREAD;
    t.lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
    // INIT_C_CC
    t.cc[VINTR] = 'C' - 0x40, t.cc[VQUIT] = '\\' - 0x40, t.cc[VERASE] = 0x7f, t.cc[VKILL] = 'U' - 0x40;
    t.cc[VEOF] = 'D' - 0x40, t.cc[VSTART] = 'Q' - 0x40, t.cc[VSTOP] = 'S' - 0x40, t.cc[VSUSP] = 'Z' - 0x40;
    t.cc[VREPRINT] = 'R' - 0x40, t.cc[VDISCARD] = 'O' - 0x40, t.cc[VWERASE] = 'W' - 0x40;
    t.cc[VLNEXT] = 'V' - 0x40, t.cc[VMIN] = 1;
    return t;
}

bool canonical(const Tty& tty) {
    return local_flag(tty, ICANON);
}

bool input_room(const Tty& tty) {
    return tty.input.size() + tty.line.size() < kMostInput;
}
bool output_room(const Tty& tty) {
    return !tty.stopped && tty.output.size() < kMostOutput;
}

void receive(KernelState& kernel, Tty& tty, u8 byte) {
    if (input_flag(tty, ISTRIP)) byte &= 0x7f;
    if (std::exchange(tty.literal, false)) {
        echo(tty, byte);
        tty.line += static_cast<char>(byte);
        return;
    }
    if (receive_flow_control(tty, byte)) return;
    if (local_flag(tty, ISIG) && send_typed_signal(kernel, tty, byte)) return;
    if (tty.stopped && input_flag(tty, IXANY)) tty.stopped = false;
    if (byte == '\r') {
        if (input_flag(tty, IGNCR)) return;
        if (input_flag(tty, ICRNL)) byte = '\n';
    } else if (byte == '\n' && input_flag(tty, INLCR)) {
        byte = '\r';
    }
    if (!canonical(tty)) {
        if (tty.input.size() >= kMostInput) return;
        echo(tty, byte);
        tty.input.push_back(byte);
        return;
    }
    if (edit_line(tty, byte)) return;
    if (tty.line.size() + tty.input.size() >= kMostInput) {
        if (input_flag(tty, IMAXBEL)) tty.output += '\a';
        return;
    }
    echo(tty, byte);
    tty.line += static_cast<char>(byte);
}

void print(Tty& tty, u8 byte) {
    const u32 flags = tty.termios.oflag;
    if (flags & OPOST) {
        if (byte == '\n') {
            if (flags & ONLRET) tty.column = 0;
            if (flags & ONLCR) {
                tty.output += '\r';
                tty.column = 0;
            }
        } else if (byte == '\r') {
            if ((flags & ONOCR) && tty.column == 0) return;
            tty.column = 0;
            if (flags & OCRNL) byte = '\n';
        } else if (byte == '\t') {
            const u32 spaces = 8 - (tty.column & 7);
            tty.column += spaces;
            if ((flags & TABDLY) == XTABS) {
                tty.output.append(spaces, ' ');
                return;
            }
        } else if (byte == '\b') {
            if (tty.column) --tty.column;
        } else if (!is_control(byte)) {
            ++tty.column;
        }
    }
    tty.output += static_cast<char>(byte);
}

std::optional<u64> readable_bytes(const Tty& tty) {
    if (canonical(tty)) return tty.lines.empty() ? std::nullopt : std::optional<u64>(tty.lines.front());
    const u64 least = tty.termios.cc[VTIME] ? 1 : std::max<u64>(tty.termios.cc[VMIN], 1);
    return tty.input.size() < least ? std::nullopt : std::optional<u64>(tty.input.size());
}

std::string take_input(Tty& tty, u64 size) {
    const u64 most = canonical(tty) ? tty.lines.front() : tty.input.size();
    const u64 count = std::min(size, most);
    std::string bytes(tty.input.begin(), tty.input.begin() + static_cast<std::ptrdiff_t>(count));
    tty.input.erase(tty.input.begin(), tty.input.begin() + static_cast<std::ptrdiff_t>(count));
    if (canonical(tty) && (tty.lines.front() -= count) == 0) tty.lines.pop_front();
    return bytes;
}

void flush_input(Tty& tty) {
    tty.input.clear();
    tty.lines.clear();
    tty.line.clear();
}

void change_termios(Tty& tty, const Termios& fresh) {
    const bool was = canonical(tty);
    tty.termios = fresh;
    if (!input_flag(tty, IXON)) tty.stopped = false;
    if (was == canonical(tty)) return;
    tty.lines.clear();
    if (was) {
        tty.input.insert(tty.input.end(), tty.line.begin(), tty.line.end());
        tty.line.clear();
    } else if (!tty.input.empty()) {
        tty.lines.push_back(tty.input.size());
    }
}

}  // namespace kernel
