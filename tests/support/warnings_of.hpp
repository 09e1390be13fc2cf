#pragma once

// Collects warnings. Include after the import of fieldfold.base.diagnostics.

#include <string>
#include <string_view>
#include <vector>

/// The warnings issued during an action.
inline std::vector<std::string> warnings_of(const auto& action) {
  std::vector<std::string> warnings;
  auto before = fieldfold::set_warning_handler([&](std::string_view sentence) { warnings.emplace_back(sentence); });
  action();
  fieldfold::set_warning_handler(before);
  return warnings;
}
