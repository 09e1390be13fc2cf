#pragma once

// The arguments as they are given, before they are parsed.

#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace fieldfold::cli {

/// The arguments with lists of numbers joined by commas: `--periods 0 360` is `--periods=0,360`.
std::vector<std::string> joined_lists(const std::vector<std::string>& given);

/// What is wrong with lists among the arguments: an empty entry, which CLI11 would skip. None: all are complete.
std::optional<std::string> incomplete_list(const std::vector<std::string>& given);

/// What is unknown among the arguments; none: all are known.
std::optional<std::string> unknown_argument(const CLI::App& app, const std::vector<std::string>& given);

/// The arguments with those of the file of `--config` (TOML) behind the command. Options that are given take
/// precedence. A section of the name of a command is for this one alone.
/// \throws InvalidArgument  an unknown option in the file  \throws FileError  it cannot be read
std::vector<std::string> with_configuration(const CLI::App& app, std::vector<std::string> given);

}  // namespace fieldfold::cli
