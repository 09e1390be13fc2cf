/// Diagnostics: exceptions for errors and a handler for warnings.
export module fieldfold.base.diagnostics;

import fieldfold.base.standard;

export namespace fieldfold {

/// An argument with an invalid shape, value or name. The message gives the argument, the expected value and the actual
/// one. The called object is unchanged.
class InvalidArgument : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// The object is not ready for the call: no map has been computed, or it has no coordinates.
class NotReady : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// There is no reliable numerical result: a singular system, or a decomposition that did not converge.
class NumericalError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A file cannot be read or written, or has invalid contents.
class FileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Receives each warning as one sentence without a newline. It may be called from any thread.
using WarningHandler = std::function<void(std::string_view)>;

/// Sets the warning handler of the whole program and returns the previous one. The default handler writes
/// `fieldfold: warning: ...` to standard error; an empty handler silences warnings.
WarningHandler set_warning_handler(WarningHandler handler);

/// Suppresses the warnings of this thread during its lifetime, for trials of which only the best is kept.
class SilencedWarnings {
 public:
  SilencedWarnings();
  SilencedWarnings(const SilencedWarnings&) = delete;
  SilencedWarnings& operator=(const SilencedWarnings&) = delete;
  ~SilencedWarnings();
};

/// Passes a warning to the current handler.
void warn(std::string_view sentence);

/// The shortest decimal text that reads back as the same number.
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

/// Joins text and numbers into one message: `message("rank: expected at most ", 3, ", got ", 7)`. Numbers keep all
/// their digits, so that a tolerance of 1.0000001 is not shown as 1.
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

/// The value of an enumeration by its name.
/// \param names  in the order of the enumeration
/// \param what   name of the argument in messages
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
