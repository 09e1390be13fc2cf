#pragma once

#include <exception>
#include <string>

/// The message of the exception that an action throws, or "no error".
template <class Action>
std::string error_of(const Action& action) {
  try {
    action();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}
