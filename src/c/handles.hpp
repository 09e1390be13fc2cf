#pragma once

// Handles of the C interface: numbers that are never used again, so that a handle that was freed, or is of another
// kind, is recognized instead of being followed.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "../../interfaces/c/fieldfold.h"

import fieldfold;

namespace fieldfold::c {

/// Thrown if a callback requests to stop.
struct Interrupted : std::exception {
  static constexpr std::string_view sentence = "interrupted by the progress callback";
  const char* what() const noexcept override { return sentence.data(); }
};

/// The status of the exception that is being handled; keeps its message.
fieldfold_status status_of_exception() noexcept;

/// Runs the body of a function, and turns an exception into a status.
template <class Body>
fieldfold_status guarded(Body body) noexcept {
  try {
    body();
    return FIELDFOLD_OK;
  } catch (...) {
    return status_of_exception();
  }
}

/// The result of the body, or `otherwise` if it throws.
template <class Result, class Body>
Result guarded_result(Result otherwise, Body body) noexcept {
  try {
    return static_cast<Result>(body());
  } catch (...) {
    status_of_exception();
    return otherwise;
  }
}

/// \throws InvalidArgument  a null pointer
template <class Pointer>
Pointer* given(Pointer* pointer, std::string_view name) {
  if (pointer == nullptr) throw InvalidArgument(message(name, ": expected memory, got a null pointer"));
  return pointer;
}

/// A specification; null and the empty text stand for the defaults.
inline std::string_view spec_of(const char* text) { return text == nullptr || *text == '\0' ? "{}" : text; }

/// \throws InvalidArgument  the product overflows a signed size in bytes
std::size_t product(std::size_t a, std::size_t b, std::string_view name);

/// A number that no handle had before.
std::uintptr_t next_handle();

/// The objects behind the handles of one kind.
template <class Handle, class Object>
class Handles {
 public:
  explicit Handles(std::string_view kind) : kind_(kind) {}

  Handle* add(std::shared_ptr<Object> object) {
    const std::uintptr_t number = next_handle();
    const std::unique_lock lock(guard_);
    objects_.emplace(number, std::move(object));
    return reinterpret_cast<Handle*>(number);  // NOLINT(performance-no-int-to-ptr): it is never followed
  }

  /// \throws InvalidArgument  the handle is null, freed or of another kind
  std::shared_ptr<Object> at(const Handle* handle) const {
    const std::shared_lock lock(guard_);
    const auto found = objects_.find(reinterpret_cast<std::uintptr_t>(handle));
    if (found != objects_.end()) return found->second;
    throw InvalidArgument(message(kind_, ": expected a handle of this kind, got ",
                                  handle == nullptr ? "a null pointer" : "one that was freed, or another"));
  }

  void remove(const Handle* handle) noexcept {
    std::shared_ptr<Object> removed;  // destroyed after the lock
    const std::unique_lock lock(guard_);
    const auto found = objects_.find(reinterpret_cast<std::uintptr_t>(handle));
    if (found == objects_.end()) return;
    removed = std::move(found->second);
    objects_.erase(found);
  }

 private:
  std::string_view kind_;
  mutable std::shared_mutex guard_;
  std::unordered_map<std::uintptr_t, std::shared_ptr<Object>> objects_;
};

}  // namespace fieldfold::c
