// Notes what happens to tasks (made, another program, ended) until the debugger asks, and tells all other
// events on. It only listens (kernel/observer.h).
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <utility>

#include "kernel/observer.h"

namespace emu {

class TaskWatch final : public kernel::Observer {
  public:
    /// `noted` is called at each event that take() will give.
    TaskWatch(kernel::Observer& next, std::function<void()> noted) : next_(next), noted_(std::move(noted)) {}

    void on_event(const kernel::Event& event) override {
        next_.on_event(event);
        if (event.kind == kernel::EventKind::kTaskNew || event.kind == kernel::EventKind::kTaskExec ||
            event.kind == kernel::EventKind::kTaskExit || event.kind == kernel::EventKind::kThreadExit)
            note(event);
    }

    /// The oldest that has not been taken yet.
    std::optional<kernel::Event> take() {
        if (events_.empty()) return std::nullopt;
        const kernel::Event event = events_.front();
        events_.pop_front();
        return event;
    }

  private:
    void note(const kernel::Event& event) {
        events_.push_back(event);
        noted_();
    }

    kernel::Observer& next_;
    std::function<void()> noted_;
    std::deque<kernel::Event> events_;
};

}  // namespace emu
