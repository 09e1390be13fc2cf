#pragma once

#include <string>

namespace CLI {
class App;
}

namespace fieldfold::cli {

/// The completion of commands, options and files for a shell, `bash` or `zsh`.
std::string completion(const CLI::App& app, const std::string& shell);

/// A page of the manual in the language of man, from the text of `--help`: of the program, or of a command.
/// \throws CLI::ValidationError  an unknown command
std::string manual_page(const CLI::App& app, const std::string& command);

}  // namespace fieldfold::cli
