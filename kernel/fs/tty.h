// Pseudo-terminals of the guest's own (/dev/ptmx, /dev/pts/N) with their line discipline, and job control on
// them. Linux: drivers/tty/pty.c, n_tty.c, tty_jobctrl.c.
#pragma once

#include <sys/ioctl.h>

#include <deque>
#include <string>

#include "kernel/fs/anon_inode.h"

namespace kernel {

/// SignalStruct::tty of a process whose controlling terminal is the user's.
inline constexpr u32 kUserTerminal = ~u32{0};

/// struct termios of the kernel, as TCGETS has it: without the two speeds that glibc adds.
struct Termios {
    u32 iflag = 0, oflag = 0, cflag = 0, lflag = 0;
    u8 line = 0;
    u8 cc[19] = {};
};
static_assert(sizeof(Termios) == 36);

/// A pty: both its sides.
struct Tty {
    u32 index = 0;  ///< of /dev/pts/N
    Termios termios;
    winsize size{};
    bool locked = true;             ///< until unlockpt()
    u32 masters = 0, slaves = 0;    ///< open files
    bool slave_seen = false;        ///< a slave was open: without one now the master reads EIO
    std::deque<u8> input;           ///< what the slave can read; in canonical mode whole lines
    std::deque<std::size_t> lines;  ///< canonical mode: their lengths; an end-of-file is one of 0
    std::string line;               ///< the line being typed
    std::string output;             ///< what the master can read
    u32 column = 0;                 ///< of the cursor, for tabs and erasing
    bool stopped = false;           ///< Ctrl-S
    bool literal = false;           ///< after Ctrl-V
    bool packet = false;            ///< TIOCPKT
    u8 packet_status = 0;
    int session = 0, foreground = 0;
};

extern const FileOperations kPtyMasterOperations, kPtySlaveOperations;

/// The pty behind /dev/pts/N; 0: there is none.
u32 find_pts(KernelState& kernel, u32 index);
/// open("/dev/ptmx").
OpenFile open_ptmx(KernelState& kernel, int flags);
/// open("/dev/pts/N"). ENOENT, EIO.
mmu::Expected<OpenFile, int> open_pts(KernelState& kernel, Task& task, u32 index, int flags);

}  // namespace kernel
