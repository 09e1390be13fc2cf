module;

#include <concepts>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

/// What the library says when something is wrong: exceptions for errors, a handler for warnings.
export module fieldfold.base.diagnostics;

export namespace fieldfold {

/// An argument that cannot be used: its shape, value or name does not fit. The message names the argument,
/// what was expected and what came. The object that was called is unchanged.
class InvalidArgument : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// The object lacks what the call needs: no map has been computed, or it has no coordinates.
class NotReady : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The arithmetic has no trustworthy answer: a singular system, a decomposition that did not converge.
class NumericalError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A file could not be read or written, or is not what it should be.
class FileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Receives each warning as one sentence without a line end. It may be called from any thread.
using WarningHandler = std::function<void(std::string_view)>;

/// Replaces the handler of warnings for the whole program and returns the one before. The first handler writes
/// `fieldfold: warning: ...` to standard error; an empty handler silences warnings.
WarningHandler set_warning_handler(WarningHandler handler);

/// While one exists, no warning of this thread is heard: for trials of which the best is taken.
class SilencedWarnings {
 public:
  SilencedWarnings();
  SilencedWarnings(const SilencedWarnings&) = delete;
  SilencedWarnings& operator=(const SilencedWarnings&) = delete;
  ~SilencedWarnings();
};

/// Hands a warning to the current handler.
void warn(std::string_view sentence);

/// A number in the fewest digits that read back as the same.
std::string digits(double number);

/// Appends text or a number to a message.
template <class Part>
void append(std::string& text, const Part& part) {
  if constexpr (std::floating_point<Part>)
    text += digits(static_cast<double>(part));
  else if constexpr (std::integral<Part> && !std::same_as<Part, char>)
    text += std::to_string(part);
  else
    text += part;
}

/// Joins text and numbers into one message: `message("rank: expected at most ", 3, ", got ", 7)`. Numbers have all
/// their digits, so that a tolerance of 1.0000001 does not look like 1.
template <class... Parts>
std::string message(const Parts&... parts) {
  std::string text;
  (append(text, parts), ...);
  return text;
}

/// A comma-separated list for messages: `listing({"cubic", "linear"})` is `cubic, linear`.
template <class Names>
std::string listing(const Names& names) {
  std::string joined;
  for (const auto& name : names) {
    if (!joined.empty()) joined += ", ";
    joined += message(name);
  }
  return joined;
}

/// The value of an enumeration by its name. \param names  in the order of the enumeration  \param what  the argument
/// \throws InvalidArgument  an unknown name; the message lists the known ones
template <class Choice, class Names>
Choice choice_named(std::string_view name, const Names& names, std::string_view what) {
  std::size_t place = 0;
  for (const auto& known : names) {
    if (known == name) return static_cast<Choice>(place);
    ++place;
  }
  throw InvalidArgument(message(what, ": expected one of ", listing(names), "; got ", name));
}

}  // namespace fieldfold
