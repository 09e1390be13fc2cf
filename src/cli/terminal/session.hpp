#pragma once

// What a command says when it is done.

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace fieldfold::cli {

/// How the program speaks.
struct Session {
  std::string command;
  bool is_quiet = false;                   ///< says nothing but errors and warnings
  bool is_json = false;                    ///< says facts in place of lines
  bool is_first_rank = true;               ///< the one that speaks, if there are several
  std::vector<std::string> warnings = {};  ///< of this rank so far
};
Session& session();

/// Says what was done: one line, or the facts as a JSON object, with the command and its seconds.
void conclude(nlohmann::ordered_json facts, const std::string& line);

/// Prints a JSON object. Names that are not UTF-8 are replaced.
void print(const nlohmann::ordered_json& facts);

}  // namespace fieldfold::cli
