#include "session.hpp"

#include <chrono>
#include <iostream>
#include <string>

namespace fieldfold::cli {
namespace {

const auto start = std::chrono::steady_clock::now();

}  // namespace

Session& session() {
  static Session only;
  return only;
}

void print(const nlohmann::ordered_json& facts) {
  std::cout << facts.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

void conclude(nlohmann::ordered_json facts, const std::string& line) {
  if (!session().is_first_rank) return;
  if (session().is_json) {
    nlohmann::ordered_json all{{"command", session().command}};
    all.update(facts);
    all["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    print(all);
  } else if (!session().is_quiet) {
    std::cout << line << '\n';
  }
}

}  // namespace fieldfold::cli
