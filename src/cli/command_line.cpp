#include "command_line.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <ranges>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

// This imports fieldfold; g++ includes nothing after it.
#include "input/options.hpp"

import fieldfold;

namespace fieldfold::cli {
namespace {

/// Whether an option takes a list of numbers.
bool takes_numbers(std::string_view option) {
  return option == "--periods" || option == "--scales" || option == "--from";
}

/// The long options of a command, with their dashes.
std::vector<std::string> options_of(const CLI::App& command) {
  std::vector<std::string> options;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
  return options;
}

const CLI::Option* find_option(const CLI::App& command, const std::string& name) {
  for (const CLI::Option* option : command.get_options())
    if (std::ranges::find(option->get_lnames(), name) != option->get_lnames().end()) return option;
  return nullptr;
}

bool is_positional(const CLI::App& command, const std::string& name) {
  return std::ranges::any_of(command.get_options(), [&](const CLI::Option* option) {
    return option->get_positional() && option->get_single_name() == name;
  });
}

bool is_known_anywhere(const CLI::App& app, const std::string& name) {
  return std::ranges::any_of(app.get_subcommands({}), [&](const CLI::App* command) {
    return find_option(*command, name) != nullptr || is_positional(*command, name);
  });
}

/// The file of `--config`, which is taken out of the arguments; none: there is no such option.
std::optional<std::filesystem::path> take_configuration(std::vector<std::string>& given) {
  constexpr std::string_view name = "--config";
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (given[i] == "--") break;
    if (given[i].starts_with("--config=")) {
      const std::string path = given[i].substr(name.size() + 1);
      given.erase(given.begin() + static_cast<std::ptrdiff_t>(i));
      return path;
    }
    if (given[i] == name && i + 1 < given.size()) {
      const std::string path = given[i + 1];
      given.erase(given.begin() + static_cast<std::ptrdiff_t>(i), given.begin() + static_cast<std::ptrdiff_t>(i + 2));
      return path;
    }
  }
  return std::nullopt;
}

/// Whether an option is given, by one of its names.
bool is_given(const CLI::Option& option, const std::vector<std::string>& given) {
  return std::ranges::any_of(given, [&](const std::string& argument) {
    const std::string name = argument.substr(0, argument.find('='));
    for (const std::string& own : option.get_lnames())
      if (name == "--" + own) return true;
    for (const std::string& own : option.get_snames())
      if (argument.starts_with("-" + own) && !argument.starts_with("--")) return true;
    return false;
  });
}

/// One option of a file as arguments.
std::vector<std::string> arguments_of(const CLI::Option& option, const std::string& name,
                                      const std::vector<std::string>& values) {
  const bool is_flag = option.get_items_expected_max() == 0;
  if (is_flag && !values.empty() && values.front() != "true" && values.front() != "false")
    throw InvalidArgument(message("--config: expected true or false for ", name, ", got ", values.front()));
  if (is_flag)
    return values.empty() || values.front() == "true" ? std::vector<std::string>{"--" + name}
                                                      : std::vector<std::string>{};
  if (option.get_delimiter() != '\0') {
    std::string list;
    for (const std::string& value : values) list += (list.empty() ? "" : ",") + value;
    return {"--" + name, list};
  }
  std::vector<std::string> arguments;
  for (const std::string& value : values) arguments.push_back("--" + name + "=" + value);
  return arguments;
}

}  // namespace

std::vector<std::string> joined_lists(const std::vector<std::string>& given) {
  std::vector<std::string> result;
  bool is_list = false;
  for (const std::string& argument : given) {
    if (is_list && number_in(argument.substr(0, argument.find(',')))) {
      // Behind '=' a sign is not taken for an option.
      result.back() += (takes_numbers(result.back()) ? "=" : ",") + argument;
    } else {
      result.push_back(argument);
      is_list = takes_numbers(argument);
    }
  }
  return result;
}

std::optional<std::string> incomplete_list(const std::vector<std::string>& given) {
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::size_t split = given[i].find('=');
    const std::string name = given[i].substr(0, split);
    if (name != "--fields" && !takes_numbers(name)) continue;
    if (split == std::string::npos && i + 1 == given.size()) continue;
    const std::string value = split == std::string::npos ? given[i + 1] : given[i].substr(split + 1);
    if (value.empty() || value.starts_with(',') || value.ends_with(',') || value.find(",,") != std::string::npos)
      return name + ": expected a list without empty entries, got " + value;
  }
  return std::nullopt;
}

std::optional<std::string> unknown_argument(const CLI::App& app, const std::vector<std::string>& given) {
  if (given.empty()) return std::nullopt;
  if (given.front().starts_with('-')) {
    const std::vector<std::string> known{"--help", "--version", "-h"};
    if (std::ranges::find(known, given.front()) != known.end()) return std::nullopt;
    return fieldfold::unknown_name(given.front(), "an option", {"--help", "--version"});
  }
  std::vector<std::string> commands;
  for (const CLI::App* command : app.get_subcommands({})) commands.push_back(command->get_name());
  if (std::ranges::find(commands, given.front()) == commands.end())
    return fieldfold::unknown_name(given.front(), "a command", commands);
  const CLI::App* const command = app.get_subcommand(given.front());
  const std::vector<std::string> options = options_of(*command);
  for (const std::string& argument : given | std::views::drop(1)) {
    if (argument == "--") break;
    const std::string name = argument.substr(0, argument.find('='));
    if (name.starts_with("--") && std::ranges::find(options, name) == options.end())
      return fieldfold::unknown_name(name, "an option of " + given.front(), options);
    // A single dash before a long name.
    if (name.size() > 2 && name[0] == '-' && name[1] != '-' && name[1] != 'o' && !number_in(name))
      return fieldfold::unknown_name(name, "an option of " + given.front(), options);
  }
  return std::nullopt;
}

std::vector<std::string> with_configuration(const CLI::App& app, std::vector<std::string> given) {
  const auto path = take_configuration(given);
  if (!path) return given;
  if (!std::filesystem::is_regular_file(*path))
    throw FileError(message("--config ", path->string(), ": cannot be read: expected a file"));
  std::ifstream in(*path);
  if (!in) throw FileError(message("--config ", path->string(), ": cannot be read"));
  const std::string& command_name = given.front();
  const CLI::App& command = *app.get_subcommand(command_name);
  std::vector<std::string> options;
  std::vector<std::string> leading;
  std::vector<std::string> files;
  for (const CLI::ConfigItem& item : CLI::ConfigTOML().from_config(in)) {
    // CLI11 marks the beginnings and ends of sections.
    if (item.name == "++" || item.name == "--") continue;
    if (!item.parents.empty() && item.parents.front() != command_name) continue;
    if (item.name == "files") {
      files = item.inputs;
      continue;
    }
    const CLI::Option* const option = find_option(command, item.name);
    if (is_positional(command, item.name)) {
      leading.insert(leading.end(), item.inputs.begin(), item.inputs.end());
      continue;
    }
    // What is for all commands need not be for this one.
    const bool is_known = option != nullptr || (item.parents.empty() && is_known_anywhere(app, item.name));
    if (is_known && option == nullptr) continue;
    if (option == nullptr)
      throw InvalidArgument(
          path->string() + ": " +
          fieldfold::unknown_name("--" + item.name, "an option of " + command_name, options_of(command)));
    if (is_given(*option, given)) continue;
    const auto own = arguments_of(*option, item.name, item.inputs);
    options.insert(options.end(), own.begin(), own.end());
  }
  options.insert(options.end(), leading.begin(), leading.end());
  given.insert(given.begin() + 1, options.begin(), options.end());
  given.insert(given.end(), files.begin(), files.end());
  return given;
}

}  // namespace fieldfold::cli
