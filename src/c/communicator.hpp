#pragma once

// The ranks behind a handle.

#include <cstddef>
#include <optional>

#include "handles.hpp"

import fieldfold;

namespace fieldfold::c {

Handles<fieldfold_communicator, const Communicator>& communicators();

/// A number that may be null.
inline std::optional<std::size_t> optional(const std::size_t* number) {
  return number == nullptr ? std::nullopt : std::optional<std::size_t>(*number);
}

}  // namespace fieldfold::c
