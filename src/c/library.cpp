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

/// Keeps the message of a failure of this thread. Truncates long ones, and allocates nothing. \returns  the status
fieldfold_status failed(fieldfold_status status, std::string_view sentence) noexcept {
  const std::size_t length = std::min(sentence.size(), longest_message - 1);
  std::ranges::copy(sentence.substr(0, length), last_error());
  last_error()[length] = '\0';
  return status;
}

}  // namespace

fieldfold_status status_of_exception() noexcept {
  try {
    throw;
  } catch (const InvalidArgument& error) {
    return failed(FIELDFOLD_INVALID_ARGUMENT, error.what());
  } catch (const NotReady& error) {
    return failed(FIELDFOLD_NOT_READY, error.what());
  } catch (const NumericalError& error) {
    return failed(FIELDFOLD_NUMERICAL_ERROR, error.what());
  } catch (const FileError& error) {
    return failed(FIELDFOLD_FILE_ERROR, error.what());
  } catch (const std::bad_alloc&) {
    return failed(FIELDFOLD_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& error) {
    // By its sentence, because that of another rank arrives as another type.
    const bool is_interrupted = std::string_view(error.what()).starts_with(Interrupted::sentence);
    return failed(is_interrupted ? FIELDFOLD_INTERRUPTED : FIELDFOLD_INTERNAL_ERROR, error.what());
  } catch (...) {
    return failed(FIELDFOLD_INTERNAL_ERROR, "an exception of an unknown type");
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

fieldfold_status fieldfold_fail(fieldfold_status status, const char* sentence) {
  return fieldfold::c::failed(status, sentence == nullptr ? "" : sentence);
}

fieldfold_status fieldfold_set_warning_handler(fieldfold_warning_handler handler, void* data) {
  return fieldfold::c::guarded([&] {
    fieldfold::WarningHandler next = fieldfold::c::default_warning_handler();
    if (handler != nullptr)
      next = [handler, data](std::string_view sentence) { handler(std::string(sentence).c_str(), data); };
    fieldfold::set_warning_handler(std::move(next));
  });
}
