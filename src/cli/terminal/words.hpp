#pragma once

// What a user typed, in messages.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fieldfold::cli {

/// A message of the library with the options of the program in place of the names of arguments.
/// \param command  that was given, such as `fit`
std::string in_options(std::string_view text, std::string_view command);

/// A number with three digits.
std::string rounded(double number);

/// An energy by its truncated share, never rounded to 1: `0.99913`, or `1 - 3e-09`.
std::string energy_text(double truncated_share);

}  // namespace fieldfold::cli
