#pragma once

#include <memory>

namespace CLI {
class App;
}

namespace fieldfold::cli {

/// The commands of the program with their options, which parsing sets and then acts on.
class Commands {
 public:
  explicit Commands(CLI::App& app);
  Commands(const Commands&) = delete;
  Commands& operator=(const Commands&) = delete;
  ~Commands();

 private:
  struct Arguments;
  std::unique_ptr<Arguments> arguments_;
};

}  // namespace fieldfold::cli
