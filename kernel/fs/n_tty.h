// The line discipline: what the user types becomes lines, echo and signals; what a program writes is
// processed for the screen. Linux: drivers/tty/n_tty.c.
#pragma once

#include "kernel/fs/tty.h"

namespace kernel {

/// tty_std_termios, as a new pty has it.
Termios standard_termios();

/// A byte from the user (n_tty_receive_char).
void receive(KernelState& kernel, Tty& tty, u8 byte);
/// A byte from a program, for the screen (do_output_char).
void print(Tty& tty, u8 byte);
/// There is room for more from the user, and for more on the screen.
bool input_room(const Tty& tty);
bool output_room(const Tty& tty);
/// Bytes that read() would give now; nothing: it would wait. 0 at an end-of-file.
std::optional<u64> readable_bytes(const Tty& tty);
/// Takes up to `size` bytes of what readable_bytes() allows.
std::string take_input(Tty& tty, u64 size);
/// Leaving canonical mode makes the line being typed readable; entering it makes what is there one line.
void change_termios(Tty& tty, const Termios& fresh);
/// tty->ops->flush_buffer
void flush_input(Tty& tty);

bool canonical(const Tty& tty);

}  // namespace kernel
