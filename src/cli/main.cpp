#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "arguments.hpp"
#include "command_line.hpp"
#include "terminal/progress.hpp"
#include "terminal/session.hpp"
#include "terminal/words.hpp"

// It imports fieldfold; g++ includes nothing after it.
#include "ranks.hpp"

import fieldfold;

namespace {

using namespace fieldfold::cli;

constexpr int failure = 1;
constexpr int wrong_usage = 2;

/// One line on the terminal, whatever names are in it.
void show(std::string_view kind, std::string text) {
  if (!session().is_first_rank) return;
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

/// Newer versions of CLI11 reflow footers, unless they are told not to.
void keep_lines_of_footers(auto& formatter) {
  if constexpr (requires { formatter.enable_footer_formatting(false); }) formatter.enable_footer_formatting(false);
}

/// The commands that run on several ranks.
void expect_distributed(const std::string& command) {
  if (ranks_of_program() && command != "fit" && !command.starts_with('-'))
    throw fieldfold::InvalidArgument(
        fieldfold::message("mpirun: expected the command fit, which runs on several ranks, ", "got ", command));
}

/// The version, and what was found when the program was built.
std::string version_text() {
  std::string text = "fieldfold " FIELDFOLD_VERSION "\nbuilt by ";
#ifdef __clang__
  text += "clang " __clang_version__;
#else
  text += "g++ " __VERSION__;
#endif
  while (text.ends_with(' ')) text.pop_back();
  const std::string built_in = FIELDFOLD_BUILT_IN;
  const std::string left_out = FIELDFOLD_LEFT_OUT;
  return text + (built_in.empty() ? "" : "\nwith " + built_in) + (left_out.empty() ? "" : "\nwithout " + left_out);
}

int run(int argc, char** argv) {
  CLI::App app{"Compression of fields to a few latent coefficients, and reconstruction on any grid."};
  keep_lines_of_footers(*std::dynamic_pointer_cast<CLI::Formatter>(app.get_formatter()));
  app.set_version_flag("--version", version_text());
  app.require_subcommand(1);
  const Commands commands(app);
  std::vector<std::string> given = joined_lists({argv + 1, argv + argc});
  if (!given.empty()) session().command = given.front();
  fieldfold::set_warning_handler([](std::string_view sentence) {
    session().warnings.emplace_back(sentence);
    show("warning: ", in_options(sentence, session().command));
  });
  expect_distributed(session().command);
  if (const auto unknown = unknown_argument(app, given)) return report_usage(*unknown);
  if (const auto incomplete = incomplete_list(given)) return report_usage(*incomplete);
  ProgressBar bar;
  fieldfold::set_file_progress([&bar](std::string_view phase, double share) {
    bar(phase, share);
    if (share >= 1.0) bar.clear();
  });
  try {
    given = with_configuration(app, std::move(given));
    app.parse(std::vector<std::string>(given.rbegin(), given.rend()));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return report_usage(error.what());
    return session().is_first_rank ? app.exit(error) : 0;
  }
  fieldfold::set_file_progress({});
  if (!std::cout.flush()) return report("standard output cannot be written");
  return 0;
}

/// The status of the program; its errors are reported.
int status_of(const std::function<int()>& work) noexcept try { return work(); } catch (const Interrupted&) {
  return failure;
} catch (const std::bad_alloc&) {
  return report("out of memory");
} catch (const std::exception& error) {
  return report(error.what());
} catch (...) {
  return report("an unknown exception");
}

}  // namespace

int main(int argc, char** argv) {
  // Destructors of JSON values and of standard containers may allocate.
  std::set_terminate([] {
    report("out of memory");
    std::_Exit(failure);
  });
  return status_of([&] {
    const Ranks ranks(argc, argv);
    // A launcher ends the others when a rank has ended with an error: rank 0 reports it before.
    return status_of([&] { return run(argc, argv); });
  });
}
