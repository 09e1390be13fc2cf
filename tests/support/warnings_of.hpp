#pragma once

// What is warned of. Include after the import of fieldfold.base.diagnostics.

#include <string>
#include <string_view>
#include <vector>

/// The warnings that come while something is done.
inline std::vector<std::string> warnings_of(const auto& action) {
  std::vector<std::string> heard;
  auto before = fieldfold::set_warning_handler([&](std::string_view sentence) { heard.emplace_back(sentence); });
  action();
  fieldfold::set_warning_handler(before);
  return heard;
}
