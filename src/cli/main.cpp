#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <new>
#include <optional>
#include <ranges>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "arguments.hpp"
#include "input/options.hpp"
#include "terminal/report.hpp"
#include "terminal/words.hpp"

import fieldfold;

namespace {

using namespace fieldfold::cli;

constexpr int failure = 1;
constexpr int wrong_usage = 2;

/// One line on the terminal, whatever names are in it.
void show(std::string_view kind, std::string text) {
  std::ranges::replace(text, '\n', ' ');
  std::cerr << "fieldfold: " + std::string(kind) + fieldfold::escaped_name(text) + "\n";
}

int report(std::string_view what) noexcept try {
  show("error: ", in_options(what, session().command));
  return failure;
} catch (...) {
  // No memory is left to say more.
  std::fputs("fieldfold: error: out of memory\n", stderr);
  return failure;
}

int report_usage(const std::string& what) {
  show("", what);
  return wrong_usage;
}

/// The arguments with lists of numbers joined by commas: `--periods 0 360` is `--periods 0,360`.
std::vector<std::string> joined_lists(int argc, char** argv) {
  const std::vector<std::string> given(argv + 1, argv + argc);
  std::vector<std::string> result;
  bool is_list = false;
  for (const std::string& argument : given) {
    if (is_list && number_in(argument) && !result.back().starts_with('-'))
      result.back() += "," + argument;
    else
      result.push_back(argument);
    if (argument.starts_with("--")) is_list = argument == "--periods" || argument == "--scales";
  }
  return result;
}

/// What is wrong with lists among the arguments: an empty entry, which CLI11 would skip. None: all are complete.
std::optional<std::string> incomplete_list(const std::vector<std::string>& given) {
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::size_t split = given[i].find('=');
    const std::string name = given[i].substr(0, split);
    if (name != "--fields" && name != "--periods" && name != "--scales") continue;
    if (split == std::string::npos && i + 1 == given.size()) continue;
    const std::string value = split == std::string::npos ? given[i + 1] : given[i].substr(split + 1);
    if (value.empty() || value.starts_with(',') || value.ends_with(',') || value.find(",,") != std::string::npos)
      return name + ": expected a list without empty entries, got " + value;
  }
  return std::nullopt;
}

/// What is unknown among the arguments; none: all are known.
std::optional<std::string> unknown_argument(CLI::App& app, const std::vector<std::string>& given) {
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
  std::vector<std::string> options;
  for (const CLI::Option* option : command->get_options())
    for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
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

/// Newer versions of CLI11 reflow footers, unless they are told not to.
void keep_lines_of_footers(auto& formatter) {
  if constexpr (requires { formatter.enable_footer_formatting(false); }) formatter.enable_footer_formatting(false);
}

int run(int argc, char** argv) {
  CLI::App app{"Compression of fields to a few latent coefficients, and reconstruction on any grid."};
  keep_lines_of_footers(*std::dynamic_pointer_cast<CLI::Formatter>(app.get_formatter()));
  app.set_version_flag("--version", "fieldfold " FIELDFOLD_VERSION);
  app.require_subcommand(1);
  const Commands commands(app);
  const std::vector<std::string> given = joined_lists(argc, argv);
  if (!given.empty()) session().command = given.front();
  fieldfold::set_warning_handler(
      [](std::string_view sentence) { show("warning: ", in_options(sentence, session().command)); });
  if (const auto unknown = unknown_argument(app, given)) return report_usage(*unknown);
  if (const auto incomplete = incomplete_list(given)) return report_usage(*incomplete);
  try {
    app.parse(std::vector<std::string>(given.rbegin(), given.rend()));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return report_usage(error.what());
    return app.exit(error);
  }
  if (!std::cout.flush()) return report("standard output cannot be written");
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  // Destructors of JSON values and of standard containers may allocate.
  std::set_terminate([] {
    report("out of memory");
    std::_Exit(failure);
  });
  return run(argc, argv);
} catch (const std::bad_alloc&) {
  return report("out of memory");
} catch (const std::exception& error) {
  return report(error.what());
} catch (...) {
  return report("an unknown exception");
}
