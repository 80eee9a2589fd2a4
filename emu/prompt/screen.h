// A full screen of a terminal: lines out, keys in (ncurses). The door to ncurses. The terminal is as before
// when the value goes, and also when the program dies.
#pragma once

#include <memory>
#include <optional>

#include "emu/prompt/panels.h"

namespace emu {

class Screen {
  public:
    /// Of the terminal behind these two descriptors; nothing: it is none, or cannot do it.
    static std::unique_ptr<Screen> open(int in, int out);
    ~Screen();
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;

    unsigned rows() const;
    unsigned columns() const;
    void draw(const Panel& lines);
    /// Everything is drawn anew next time.
    void redraw();

    struct Key {
        enum class Kind {
            kNone,
            kCharacter,
            kEnter,
            kBackspace,
            kEscape,
            kUp,
            kDown,
            kLeft,
            kRight,
            kPageUp,
            kPageDown,
            kHome,
            kEndKey,
            kTab,
            kClick,  ///< of the mouse's first button
            kResized,
            kEnd,  ///< of the input
        };
        Kind kind = Kind::kNone;
        char character = 0;
        unsigned row = 0, column = 0;  ///< of a click
    };
    /// Waits a while at the most: kNone when nothing came, or a signal did.
    Key key();

  private:
    Screen() = default;
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace emu
