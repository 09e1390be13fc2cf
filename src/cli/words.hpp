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

/// The known name nearest to a misspelled one: with the fewest insertions, deletions, substitutions and transpositions
/// (Damerau 1964, doi:10.1145/363958.363994), if these are at most a third of its length or two.
std::optional<std::string> nearest_name(std::string_view name, const std::vector<std::string>& known);

/// A number with three digits.
std::string rounded(double number);

/// An energy by its truncated share, never rounded to 1: `0.99913`, or `1 - 3e-09`.
std::string energy_text(double truncated_share);

/// `NAME is not KIND; the nearest is OTHER`, or the known names if none is near.
std::string unknown_name(std::string_view name, std::string_view kind, const std::vector<std::string>& known);

}  // namespace fieldfold::cli
