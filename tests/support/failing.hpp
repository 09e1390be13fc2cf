#pragma once

// Expected errors.

#include <boost/test/unit_test.hpp>
#include <exception>
#include <functional>
#include <string>

/// Whether an action throws an exception whose message contains a part.
inline bool fails(const std::function<void()>& action, const std::string& part) {
  try {
    action();
  } catch (const std::exception& error) {
    BOOST_TEST_MESSAGE(error.what());
    return std::string(error.what()).find(part) != std::string::npos;
  }
  return false;
}
