#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "handles.hpp"

import fieldfold;

namespace fieldfold::c {
namespace {

constexpr std::size_t longest_message = 2048;

char* last_error() {
  thread_local char text[longest_message] = "";
  return text;
}

}  // namespace

void set_last_error(std::string_view sentence) noexcept {
  const std::size_t length = std::min(sentence.size(), longest_message - 1);
  std::ranges::copy(sentence.substr(0, length), last_error());
  last_error()[length] = '\0';
}

fieldfold_status status_of_exception() noexcept {
  try {
    throw;
  } catch (const InvalidArgument& error) {
    set_last_error(error.what());
    return FIELDFOLD_INVALID_ARGUMENT;
  } catch (const NotReady& error) {
    set_last_error(error.what());
    return FIELDFOLD_NOT_READY;
  } catch (const NumericalError& error) {
    set_last_error(error.what());
    return FIELDFOLD_NUMERICAL_ERROR;
  } catch (const FileError& error) {
    set_last_error(error.what());
    return FIELDFOLD_FILE_ERROR;
  } catch (const Interrupted&) {
    set_last_error("interrupted by the progress callback");
    return FIELDFOLD_INTERRUPTED;
  } catch (const std::bad_alloc&) {
    set_last_error("out of memory");
    return FIELDFOLD_OUT_OF_MEMORY;
  } catch (const std::exception& error) {
    set_last_error(error.what());
    return FIELDFOLD_INTERNAL_ERROR;
  } catch (...) {
    set_last_error("an exception of an unknown type");
    return FIELDFOLD_INTERNAL_ERROR;
  }
}

std::size_t product(std::size_t a, std::size_t b, std::string_view name) {
  constexpr std::size_t most = std::numeric_limits<std::ptrdiff_t>::max() / sizeof(double);
  if (b != 0 && a > most / b)
    throw InvalidArgument(message(name, ": expected an array that fits in memory, got ", a, " times ", b, " numbers"));
  return a * b;
}

namespace {

/// The handler that the modules began with.
const WarningHandler& default_warning_handler() {
  static const WarningHandler handler = [] {
    WarningHandler first = set_warning_handler({});
    set_warning_handler(first);
    return first;
  }();
  return handler;
}

}  // namespace

std::uintptr_t next_handle() {
  // Multiples of 16, as pointers are.
  static std::atomic<std::uintptr_t> last = 0;
  return last += 16;
}

}  // namespace fieldfold::c

const char* fieldfold_version() { return FIELDFOLD_VERSION; }

const char* fieldfold_last_error() { return fieldfold::c::last_error(); }

fieldfold_status fieldfold_set_warning_handler(fieldfold_warning_handler handler, void* data) {
  return fieldfold::c::guarded([&] {
    fieldfold::WarningHandler next = fieldfold::c::default_warning_handler();
    if (handler != nullptr)
      next = [handler, data](std::string_view sentence) { handler(std::string(sentence).c_str(), data); };
    fieldfold::set_warning_handler(std::move(next));
  });
}
