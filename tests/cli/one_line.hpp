#pragma once

// Messages of the program. Include after support/program.hpp.

/// Expects an exit code, and a single line on standard error with some parts: a warning for code 0, else an error.
inline void expect_line(const Outcome& outcome, int code, const std::vector<std::string>& parts) {
  BOOST_TEST(outcome.code == code, outcome.error);
  BOOST_TEST(std::ranges::count(outcome.error, '\n') == 1, outcome.error);
  BOOST_TEST(outcome.error.starts_with(code == 0   ? "fieldfold: warning: "
                                       : code == 1 ? "fieldfold: error: "
                                                   : "fieldfold: "),
             outcome.error);
  for (const std::string& part : parts)
    BOOST_TEST(outcome.error.find(part) != std::string::npos, "expected \"" << part << "\" in " << outcome.error);
}
