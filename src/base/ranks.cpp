module;

#include "fieldfold_ranks.h"

module fieldfold.base.ranks;

import fieldfold.base.diagnostics;

namespace fieldfold {
namespace {

/// The most numbers in one call.
constexpr std::size_t most_numbers = std::size_t{1} << 28;

/// The longest text of a failure; more of it is cut off.
constexpr std::size_t longest_text = 2048;

/// What can happen to a rank, in the order of the names that other ranks throw.
enum class Failure : std::uint8_t {
  none,
  invalid_argument,
  not_ready,
  numerical_error,
  file_error,
  out_of_memory,
  other
};

enum class Operation : std::uint8_t { end = 1, sum, maximum, broadcast, gather, transpose, exchange, write };

class OutOfMemory final : public std::bad_alloc {
 public:
  explicit OutOfMemory(std::size_t rank) {
    static constexpr std::string_view before = "out of memory on rank ";
    const auto end = std::ranges::copy(before, text_.begin()).out;
    *std::to_chars(end, text_.data() + text_.size() - 1, rank).ptr = '\0';
  }
  const char* what() const noexcept override { return text_.data(); }

 private:
  std::array<char, 64> text_{};
};

class Ranks final : public Communicator {
 public:
  explicit Ranks(const fieldfold_ranks& ranks) : ranks_(ranks) {}
  ~Ranks() override { ranks_.release(ranks_.context); }

  std::size_t size() const override { return ranks_.size; }
  std::size_t rank() const override { return ranks_.rank; }
  std::size_t threads() const override { return ranks_.threads; }

  void sum(std::span<double> numbers) const override {
    meet(Operation::sum, numbers.size());
    in_parts(numbers, [&](std::span<double> part) { sum_part(part); });
  }

  void maximum(std::span<double> numbers) const override {
    meet(Operation::maximum, numbers.size());
    in_parts(numbers, [&](std::span<double> part) { maximum_part(part); });
  }

  void broadcast(std::span<double> numbers) const override {
    meet(Operation::broadcast, numbers.size());
    in_parts(numbers, [&](std::span<double> part) { broadcast_part(part, 0); });
  }

  std::vector<double> gather(std::span<const double> numbers) const override {
    if (numbers.size() > most_numbers) throw std::length_error("ranks: more than 2^28 numbers to gather");
    // What may fail comes before the call.
    std::vector<double> all(numbers.size() * size());
    meet(Operation::gather, numbers.size());
    check(ranks_.gather(ranks_.context, numbers.data(), numbers.size(), all.data()));
    return all;
  }

  std::vector<double> transpose(std::span<const double> numbers) const override {
    std::vector<double> received(size());
    meet(Operation::transpose, numbers.size());
    check(ranks_.transpose(ranks_.context, numbers.data(), received.data()));
    return received;
  }

  void exchange(const std::vector<Message>& sent, std::vector<Message>& received) const override {
    const auto parts_of = [](const std::vector<Message>& messages) {
      std::vector<fieldfold_message> parts;
      for (const Message& message : messages)
        in_parts(std::span(const_cast<double*>(message.numbers.data()), message.numbers.size()),
                 [&](std::span<double> part) { parts.push_back({message.rank, part.size(), part.data()}); });
      return parts;
    };
    const auto sent_parts = parts_of(sent);
    const auto received_parts = parts_of(received);
    check(ranks_.reserve(ranks_.context, sent_parts.size() + received_parts.size()));
    meet(Operation::exchange, 0);
    check(ranks_.exchange(ranks_.context, sent_parts.data(), sent_parts.size(), received_parts.data(),
                          received_parts.size()));
  }

  void write_parts(const std::filesystem::path& path, const std::vector<FilePart>& parts) const override {
    std::vector<fieldfold_file_part> pieces;
    for (const FilePart& part : parts)
      for (std::size_t first = 0; first < part.bytes.size(); first += most_numbers)
        pieces.push_back(
            {part.offset + first, std::min(most_numbers, part.bytes.size() - first), part.bytes.data() + first});
    meet(Operation::write, 0);
    const int code = ranks_.write(ranks_.context, path.c_str(), pieces.data(), pieces.size());
    if (code != 0) throw FileError(message(path.string(), ": cannot be written: ", text_of(code)));
  }

 private:
  void run_together(const std::function<void()>& work) const override {
    // A failure is shared once, by the outermost call.
    if (is_together_) return work();
    const Flag inside(is_together_);
    try {
      work();
      meet(Operation::end, 0);
    } catch (const SharedFailure& failure) {
      rethrow(failure);
    } catch (const InvalidArgument& error) {
      share(Failure::invalid_argument, error.what());
    } catch (const NotReady& error) {
      share(Failure::not_ready, error.what());
    } catch (const NumericalError& error) {
      share(Failure::numerical_error, error.what());
    } catch (const FileError& error) {
      share(Failure::file_error, error.what());
    } catch (const std::bad_alloc& error) {
      share(Failure::out_of_memory, error.what());
    } catch (const std::exception& error) {
      share(Failure::other, error.what());
    } catch (...) {
      share(Failure::other, "an unknown exception");
    }
  }

  /// A flag that is set during its lifetime.
  class Flag {
   public:
    explicit Flag(bool& flag) : flag_(flag) { flag_ = true; }
    Flag(const Flag&) = delete;
    Flag& operator=(const Flag&) = delete;
    ~Flag() { flag_ = false; }

   private:
    bool& flag_;
  };

  /// The failure of the lowest rank that has one.
  struct SharedFailure {
    Failure kind = Failure::none;
    std::size_t rank = 0;
    bool is_of_all = false;
    std::string text;
  };

  /// Numbers of which each rank learns the largest: of failures, the lowest rank that has one and whether some rank has
  /// none; of operations and lengths, the largest and the smallest.
  struct Header {
    double ranks_from_failure = 0.0;  ///< `size - rank`; 0 without a failure
    double has_none = 1.0;
    double operation = 0.0;
    double minus_operation = -std::numeric_limits<double>::infinity();
    double length = 0.0;
    double minus_length = 0.0;
  };

  Header shared(const Header& own) const {
    std::array numbers{own.ranks_from_failure, own.has_none, own.operation,
                       own.minus_operation,    own.length,   own.minus_length};
    maximum_part(numbers);
    return {numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]};
  }

  /// Every collective call begins here, so that a rank that has failed meets the others wherever they are.
  /// \throws SharedFailure    a rank has failed
  /// \throws InvalidArgument  the ranks call different members, or with different numbers of arguments
  void meet(Operation operation, std::size_t length) const {
    const auto code = static_cast<double>(operation);
    const auto count = static_cast<double>(length);
    const Header all = shared({0.0, 1.0, code, -code, count, -count});
    if (all.ranks_from_failure > 0.0)
      throw failure_of(size() - static_cast<std::size_t>(all.ranks_from_failure), false, Failure::none, "");
    if (all.operation != -all.minus_operation)
      throw InvalidArgument("ranks: expected the same calls on all of them, got different ones");
    if (all.length != -all.minus_length)
      throw InvalidArgument(message("ranks: expected arrays of the same length on all of them, got lengths from ",
                                    -all.minus_length, " to ", all.length));
  }

  /// Tells the others of a failure of this rank, and throws that of the lowest one.
  [[noreturn]] void share(Failure kind, const char* text) const {
    const Header all = shared({.ranks_from_failure = static_cast<double>(size() - rank()), .has_none = 0.0});
    rethrow(failure_of(size() - static_cast<std::size_t>(all.ranks_from_failure), all.has_none == 0.0, kind, text));
  }

  SharedFailure failure_of(std::size_t rank, bool is_of_all, Failure kind, const char* text) const {
    // Nothing is allocated before the ranks have met: there may be no memory. Kind, length and text.
    std::array<double, 2 + numbers_of_text(longest_text)> numbers{};
    const std::size_t length = std::min(std::char_traits<char>::length(text), longest_text);
    numbers[0] = static_cast<double>(kind);
    numbers[1] = static_cast<double>(length);
    std::memcpy(&numbers[2], text, length);
    broadcast_part(numbers, rank);
    return {static_cast<Failure>(numbers[0]), rank, is_of_all,
            as_text(std::span(numbers).subspan(2), static_cast<std::size_t>(numbers[1]))};
  }

  [[noreturn]] static void rethrow(const SharedFailure& failure) {
    const std::string text = failure.is_of_all ? failure.text : message(failure.text, " (on rank ", failure.rank, ")");
    switch (failure.kind) {
      case Failure::invalid_argument:
        throw InvalidArgument(text);
      case Failure::not_ready:
        throw NotReady(text);
      case Failure::numerical_error:
        throw NumericalError(text);
      case Failure::file_error:
        throw FileError(text);
      case Failure::out_of_memory:
        throw OutOfMemory(failure.rank);
      default:
        throw std::runtime_error(text);
    }
  }

  std::string text_of(int code) const {
    if (code == FIELDFOLD_RANKS_ELSEWHERE) return "another rank cannot write it";
    std::array<char, 1024> text{};
    ranks_.explain(ranks_.context, code, text.data(), text.size() - 1);
    return text.data();
  }

  void check(int code) const {
    if (code == FIELDFOLD_RANKS_OUT_OF_MEMORY) throw std::bad_alloc();
    if (code != 0) throw std::runtime_error(text_of(code));
  }

  void sum_part(std::span<double> part) const { check(ranks_.sum(ranks_.context, part.data(), part.size())); }
  void maximum_part(std::span<double> part) const { check(ranks_.maximum(ranks_.context, part.data(), part.size())); }
  void broadcast_part(std::span<double> part, std::size_t root) const {
    check(ranks_.broadcast(ranks_.context, part.data(), part.size(), root));
  }

  template <class Work>
  static void in_parts(std::span<double> numbers, const Work& work) {
    for (std::size_t first = 0; first < numbers.size(); first += most_numbers)
      work(numbers.subspan(first, std::min(most_numbers, numbers.size() - first)));
  }

  fieldfold_ranks ranks_;
  mutable bool is_together_ = false;
};

}  // namespace

std::shared_ptr<const Communicator> communicator_over(const fieldfold_ranks& ranks) {
  const bool is_complete = ranks.sum != nullptr && ranks.maximum != nullptr && ranks.broadcast != nullptr &&
                           ranks.gather != nullptr && ranks.transpose != nullptr && ranks.reserve != nullptr &&
                           ranks.exchange != nullptr && ranks.write != nullptr && ranks.explain != nullptr &&
                           ranks.release != nullptr;
  if (is_complete && ranks.rank < ranks.size) return make_shared<const Ranks>(ranks);
  if (ranks.release != nullptr) ranks.release(ranks.context);
  if (!is_complete) throw InvalidArgument("ranks: expected all functions, got a null pointer");
  throw InvalidArgument(message("ranks: expected a rank below the size ", ranks.size, ", got ", ranks.rank));
}

}  // namespace fieldfold
