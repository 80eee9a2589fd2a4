// Expected<T, E>: a value or the reason why there is none. A fault is a return value here, never an exception
// (a throw costs microseconds, and faults are what this program is about).
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "mmu/base/check.h"

namespace mmu {

template <class E>
struct Unexpected {
    E error;
};
template <class E>
Unexpected(E) -> Unexpected<E>;

template <class T, class E>
class [[nodiscard]] Expected {
  public:
    Expected(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    template <class F>
    Expected(Unexpected<F> failure) : state_(std::in_place_index<1>, std::move(failure.error)) {}

    bool has_value() const { return state_.index() == 0; }
    explicit operator bool() const { return has_value(); }

    T& value() {
        CHECK(has_value());
        return *std::get_if<0>(&state_);
    }
    const T& value() const { return const_cast<Expected*>(this)->value(); }
    T& operator*() { return *std::get_if<0>(&state_); }
    const T& operator*() const { return *std::get_if<0>(&state_); }
    T* operator->() { return std::get_if<0>(&state_); }
    const T* operator->() const { return std::get_if<0>(&state_); }

    const E& error() const {
        CHECK(!has_value());
        return *std::get_if<1>(&state_);
    }

  private:
    std::variant<T, E> state_;
};

template <class E>
class [[nodiscard]] Expected<void, E> {
  public:
    Expected() = default;
    template <class F>
    Expected(Unexpected<F> failure) : failed_(true), error_(std::move(failure.error)) {}

    bool has_value() const { return !failed_; }
    explicit operator bool() const { return !failed_; }
    const E& error() const {
        CHECK(failed_);
        return error_;
    }

  private:
    bool failed_ = false;
    E error_{};
};

/// The user's or the host's error (a bad file, a bad option): one clear sentence, printed by main.
struct Error {
    std::string message;
    int exit_status = 125;  ///< as env(1) and timeout(1): 125 own failure, 126 not executable, 127 not found
};

}  // namespace mmu
