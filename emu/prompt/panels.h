// What the TUI shows, as lines of text: functions from the session's state, without a terminal. Each line is
// printable ASCII and no longer than it may be, whatever the guest's files and output hold.
#pragma once

#include <string>
#include <vector>

#include "emu/prompt/debug_session.h"

namespace emu {

enum class Style : u8 { kPlain, kTitle, kHere, kChanged };

struct Part {
    std::string text;
    Style style = Style::kPlain;
};
using PanelLine = std::vector<Part>;
using Panel = std::vector<PanelLine>;

Panel code_panel(DebugSession& session, unsigned rows);
Panel source_panel(DebugSession& session, unsigned rows);
Panel fault_panel(DebugSession& session);
Panel walk_panel(DebugSession& session);
Panel tlb_panel(DebugSession& session);
Panel maps_panel(DebugSession& session, unsigned rows);
Panel registers_panel(DebugSession& session, unsigned columns);
Panel backtrace_panel(DebugSession& session);
/// One line: the run so far with its faults, and where it stands.
PanelLine timeline(DebugSession& session, unsigned columns);

/// Where the timeline's bar is on a screen of this size.
struct TimelinePlace {
    unsigned row = 0, first = 0, width = 0;
};
TimelinePlace timeline_place(unsigned rows, unsigned columns);

/// What the screen shows below the panels.
struct ScreenText {
    std::string output;  ///< of commands and of the guest: its end is shown
    std::string input;   ///< the line that is being typed
    std::string status;
};
/// The whole screen: exactly `rows` lines, each exactly `columns` wide.
Panel compose(DebugSession& session, const ScreenText& text, unsigned rows, unsigned columns);

/// `line` cut or filled to this width.
PanelLine fitted(const PanelLine& line, unsigned columns);
/// Without control characters; tabs become blanks.
std::string printable(const std::string& text);

}  // namespace emu
