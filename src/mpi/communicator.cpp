module;

#include <mpi.h>
#include <sched.h>

module fieldfold.mpi.communicator;

import fieldfold.base.diagnostics;

namespace fieldfold {
namespace {

/// The most numbers in one call: counts of MPI are of the type int.
constexpr std::size_t most_numbers = std::size_t{1} << 28;

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
  explicit OutOfMemory(int rank) {
    static constexpr std::string_view before = "out of memory on rank ";
    const auto end = std::ranges::copy(before, text_.begin()).out;
    *std::to_chars(end, text_.data() + text_.size() - 1, rank).ptr = '\0';
  }
  const char* what() const noexcept override { return text_.data(); }

 private:
  std::array<char, 64> text_{};
};

std::string text_of(int code) {
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  return {text.data(), static_cast<std::size_t>(length)};
}

void check(int code) {
  if (code != MPI_SUCCESS) throw std::runtime_error(message("MPI: ", text_of(code)));
}

/// The processors on which this process may run: their number, and a hash of them.
std::pair<std::size_t, std::uint64_t> affinity() {
  cpu_set_t processors;
  CPU_ZERO(&processors);
  if (sched_getaffinity(0, sizeof(processors), &processors) != 0)
    return {std::max(1U, std::thread::hardware_concurrency()), 0};
  std::uint64_t hash = 0xcbf29ce484222325;
  for (std::size_t processor = 0; processor < CPU_SETSIZE; ++processor)
    if (CPU_ISSET(processor, &processors)) hash = (hash ^ processor) * 0x100000001b3;
  return {static_cast<std::size_t>(CPU_COUNT(&processors)), hash};
}

class MPIRanks final : public Communicator {
 public:
  explicit MPIRanks(MPI_Comm given) {
    check(MPI_Comm_dup(given, &ranks_));
    try {
      check(MPI_Comm_set_errhandler(ranks_, MPI_ERRORS_RETURN));
      check(MPI_Comm_size(ranks_, &size_));
      check(MPI_Comm_rank(ranks_, &rank_));
      threads_ = threads_of_rank();
    } catch (...) {
      MPI_Comm_free(&ranks_);
      throw;
    }
  }

  ~MPIRanks() override {
    int is_finalized = 0;
    MPI_Finalized(&is_finalized);
    if (is_finalized == 0) MPI_Comm_free(&ranks_);
  }

  std::size_t size() const override { return static_cast<std::size_t>(size_); }
  std::size_t rank() const override { return static_cast<std::size_t>(rank_); }
  std::size_t threads() const override { return threads_; }

  void sum(std::span<double> numbers) const override { reduce(numbers, Operation::sum, MPI_SUM); }
  void maximum(std::span<double> numbers) const override { reduce(numbers, Operation::maximum, MPI_MAX); }

  void broadcast(std::span<double> numbers) const override {
    meet(Operation::broadcast, numbers.size());
    in_parts(numbers, [&](double* part, int count) { check(MPI_Bcast(part, count, MPI_DOUBLE, 0, ranks_)); });
  }

  std::vector<double> gather(std::span<const double> numbers) const override {
    if (numbers.size() > most_numbers) throw std::length_error("MPI: more than 2^28 numbers to gather");
    // What may fail comes before the call.
    std::vector<double> all(numbers.size() * size());
    meet(Operation::gather, numbers.size());
    const int count = static_cast<int>(numbers.size());
    check(MPI_Allgather(numbers.data(), count, MPI_DOUBLE, all.data(), count, MPI_DOUBLE, ranks_));
    return all;
  }

  std::vector<double> transpose(std::span<const double> numbers) const override {
    std::vector<double> received(size());
    meet(Operation::transpose, numbers.size());
    check(MPI_Alltoall(numbers.data(), 1, MPI_DOUBLE, received.data(), 1, MPI_DOUBLE, ranks_));
    return received;
  }

  void exchange(const std::vector<Message>& sent, std::vector<Message>& received) const override {
    std::vector<MPI_Request> requests;
    std::size_t parts = 0;
    for (const auto* messages : {&sent, &std::as_const(received)})
      for (const Message& message : *messages) parts += message.numbers.size() / most_numbers + 1;
    requests.reserve(parts);
    meet(Operation::exchange, 0);
    const auto start = [&](std::span<double> numbers, const auto& call) {
      in_parts(numbers, [&](double* part, int count) {
        requests.push_back(MPI_REQUEST_NULL);
        check(call(part, count, &requests.back()));
      });
    };
    for (Message& message : received)
      start(message.numbers, [&](double* part, int count, MPI_Request* request) {
        return MPI_Irecv(part, count, MPI_DOUBLE, static_cast<int>(message.rank), 0, ranks_, request);
      });
    for (const Message& message : sent)
      start({const_cast<double*>(message.numbers.data()), message.numbers.size()},
            [&](const double* part, int count, MPI_Request* request) {
              return MPI_Isend(part, count, MPI_DOUBLE, static_cast<int>(message.rank), 0, ranks_, request);
            });
    check(MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE));
  }

  void write_parts(const std::filesystem::path& path, const std::vector<FilePart>& parts) const override {
    meet(Operation::write, 0);
    MPI_File file = MPI_FILE_NULL;
    int failure = MPI_SUCCESS;
    const auto note = [&](int code) { failure = failure == MPI_SUCCESS ? code : failure; };
    const auto expect_success = [&] {
      if (failure != MPI_SUCCESS) throw FileError(message(path.string(), ": cannot be written: ", text_of(failure)));
    };
    note(MPI_File_open(ranks_, path.c_str(), MPI_MODE_CREATE | MPI_MODE_WRONLY, MPI_INFO_NULL, &file));
    int is_closed = failure == MPI_SUCCESS ? 0 : 1;
    check(MPI_Allreduce(MPI_IN_PLACE, &is_closed, 1, MPI_INT, MPI_MAX, ranks_));
    if (is_closed != 0) {
      if (failure == MPI_SUCCESS) MPI_File_close(&file);
      expect_success();
      throw FileError(message(path.string(), ": cannot be written: another rank cannot open it"));
    }
    for (const FilePart& part : parts)
      for (std::size_t first = 0; first < part.bytes.size(); first += most_numbers) {
        const std::size_t count = std::min(most_numbers, part.bytes.size() - first);
        note(MPI_File_write_at(file, static_cast<MPI_Offset>(part.offset) + static_cast<MPI_Offset>(first),
                               part.bytes.data() + first, static_cast<int>(count), MPI_BYTE, MPI_STATUS_IGNORE));
      }
    // Collective, also for a rank that could not write.
    note(MPI_File_sync(file));
    note(MPI_File_close(&file));
    expect_success();
  }

  void together(const std::function<void()>& work) const override {
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

 private:
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
    int rank = 0;
    bool is_of_all = false;
    std::string text;
  };

  /// Every collective call begins here, so that a rank that has failed meets the others wherever they are.
  /// \throws SharedFailure    a rank has failed
  /// \throws InvalidArgument  the ranks call different members, or with different numbers of arguments
  void meet(Operation operation, std::size_t length) const {
    const auto code = static_cast<long long>(operation);
    const auto count = static_cast<long long>(length);
    std::array<long long, 6> header{0, 1, code, -code, count, -count};
    check(MPI_Allreduce(MPI_IN_PLACE, header.data(), static_cast<int>(header.size()), MPI_LONG_LONG, MPI_MAX, ranks_));
    if (header[0] > 0) throw failure_of(size_ - static_cast<int>(header[0]), false, Failure::none, "");
    if (header[2] != -header[3])
      throw InvalidArgument("ranks: expected the same calls on all of them, got different ones");
    if (header[4] != -header[5])
      throw InvalidArgument(message("ranks: expected arrays of the same length on all of them, got lengths from ",
                                    -header[5], " to ", header[4]));
  }

  /// Tells the others of a failure of this rank, and throws that of the lowest one.
  [[noreturn]] void share(Failure kind, const char* text) const {
    std::array<long long, 6> header{size_ - rank_, 0, 0, std::numeric_limits<long long>::min(), 0, 0};
    check(MPI_Allreduce(MPI_IN_PLACE, header.data(), static_cast<int>(header.size()), MPI_LONG_LONG, MPI_MAX, ranks_));
    rethrow(failure_of(size_ - static_cast<int>(header[0]), header[1] == 0, kind, text));
  }

  SharedFailure failure_of(int rank, bool is_of_all, Failure kind, const char* text) const {
    std::array<int, 2> shape{static_cast<int>(kind), static_cast<int>(std::char_traits<char>::length(text))};
    check(MPI_Bcast(shape.data(), static_cast<int>(shape.size()), MPI_INT, rank, ranks_));
    std::string words(static_cast<std::size_t>(shape[1]), ' ');
    if (rank == rank_) words = text;
    check(MPI_Bcast(words.data(), shape[1], MPI_CHAR, rank, ranks_));
    return {static_cast<Failure>(shape[0]), rank, is_of_all, std::move(words)};
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

  void reduce(std::span<double> numbers, Operation operation, MPI_Op op) const {
    meet(operation, numbers.size());
    in_parts(numbers,
             [&](double* part, int count) { check(MPI_Allreduce(MPI_IN_PLACE, part, count, MPI_DOUBLE, op, ranks_)); });
  }

  template <class Work>
  static void in_parts(std::span<double> numbers, const Work& work) {
    for (std::size_t first = 0; first < numbers.size(); first += most_numbers)
      work(numbers.data() + first, static_cast<int>(std::min(most_numbers, numbers.size() - first)));
  }

  /// The processors on which this rank may run, shared by the ranks that may run on the same ones.
  std::size_t threads_of_rank() const {
    MPI_Comm neighbors = MPI_COMM_NULL;
    check(MPI_Comm_split_type(ranks_, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &neighbors));
    int count = 1;
    MPI_Comm_size(neighbors, &count);
    const auto [processors, own] = affinity();
    std::vector<std::uint64_t> all(static_cast<std::size_t>(count));
    const int code = MPI_Allgather(&own, 1, MPI_UINT64_T, all.data(), 1, MPI_UINT64_T, neighbors);
    MPI_Comm_free(&neighbors);
    check(code);
    const auto sharing = static_cast<std::size_t>(std::ranges::count(all, own));
    return std::max<std::size_t>(1, processors / sharing);
  }

  MPI_Comm ranks_ = MPI_COMM_NULL;
  int size_ = 1;
  int rank_ = 0;
  std::size_t threads_ = 1;
  mutable bool is_together_ = false;
};

}  // namespace

std::shared_ptr<const Communicator> mpi_communicator(MPI_Comm communicator) {
  int is_initialized = 0;
  int is_finalized = 0;
  MPI_Initialized(&is_initialized);
  MPI_Finalized(&is_finalized);
  if (is_initialized == 0 || is_finalized != 0)
    throw NotReady(is_finalized != 0 ? "MPI has been finalized: communicators are used before MPI_Finalize"
                                     : "MPI is not initialized: MPI_Init comes first");
  return std::make_shared<const MPIRanks>(communicator);
}

}  // namespace fieldfold
