/// Processes that share the rows of matrices.
export module fieldfold.base.communicator;

import fieldfold.base.standard;

export namespace fieldfold {

/// Bytes of a file.
struct FilePart {
  std::uint64_t offset = 0;
  std::span<const std::byte> bytes;
};

/// Numbers from one rank to another, or to itself.
struct Message {
  std::size_t rank = 0;  ///< the other one
  std::vector<double> numbers = {};
};

/// The ranks among which the rows of matrices are distributed. All ranks call the same members in the same order, and
/// receive the same numbers, bit for bit.
class Communicator {
 public:
  Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  virtual ~Communicator();

  virtual std::size_t size() const = 0;
  virtual std::size_t rank() const = 0;
  /// The number of threads that this rank should use.
  virtual std::size_t threads() const { return 1; }

  /// Replaces numbers by their sums over the ranks.
  virtual void sum(std::span<double> numbers) const = 0;
  /// Replaces numbers by the largest of all ranks.
  virtual void maximum(std::span<double> numbers) const = 0;
  /// Replaces numbers by those of rank 0.
  virtual void broadcast(std::span<double> numbers) const = 0;
  /// Equally many numbers of each rank, in the order of the ranks.
  virtual std::vector<double> gather(std::span<const double> numbers) const = 0;

  /// One number from each rank, for one to each rank. \param numbers  `(size(),)`
  virtual std::vector<double> transpose(std::span<const double> numbers) const = 0;
  /// Sends messages to other ranks.
  /// \param received  whom to receive messages from; their numbers have the right lengths, and are overwritten
  virtual void exchange(const std::vector<Message>& sent, std::vector<Message>& received) const = 0;

  /// Writes to one file, each rank its parts; the file is created if it does not exist. All parts are on the disk when
  /// this function returns. \throws FileError  the file cannot be written
  virtual void write_parts(const std::filesystem::path& path, const std::vector<FilePart>& parts) const = 0;

  /// Runs work that calls the members above. An exception on some ranks is thrown on all, that of the lowest one of
  /// them, so that none waits for another in vain; a rank may fail anywhere in its work. Within another call of it, it
  /// only runs the work.
  template <class Work>
  void together(const Work& work) const {
    // A reference needs no memory, of which there may be none on one rank.
    run_together(std::cref(work));
  }

 protected:
  virtual void run_together(const std::function<void()>& work) const = 0;
};

/// Consecutive items of a rank.
struct Share {
  std::size_t first = 0;
  std::size_t count = 0;
};

/// The share of a rank if all have equally many of `total` items, up to one. \param rank  none: this one
Share equal_share(const Communicator& communicator, std::size_t total, std::optional<std::size_t> rank = std::nullopt);

/// Sends messages to other ranks that expect none in particular; collective.
/// \param sent  at most one to a rank  \returns  those to this rank, in the order of their ranks
std::vector<Message> deliver(const Communicator& communicator, const std::vector<Message>& sent);

/// The least and the largest number of the ranks; collective.
std::pair<double, double> range_of(const Communicator& communicator, double number);

/// Text as the bits of numbers, eight letters each.
std::vector<double> as_numbers(std::string_view text);
/// The text of these numbers. \param length  of the text
std::string as_text(std::span<const double> numbers, std::size_t length);
constexpr std::size_t numbers_of_text(std::size_t length) { return (length + sizeof(double) - 1) / sizeof(double); }

/// The text of rank 0, on all ranks; collective.
std::string broadcast_text(const Communicator& communicator, std::string_view text);

/// The rows that this rank has of the matrices shared by a communicator: consecutive ones, after those of lower ranks.
/// The reductions are those of the communicator, and do nothing where one process has all rows.
class RowPartition {
 public:
  /// One process has all rows.
  RowPartition() = default;

  /// Collective. \param communicator  it must outlive this object  \param rows  of this rank
  RowPartition(const Communicator& communicator, std::size_t rows);

  bool is_distributed() const { return communicator_ != nullptr; }

  /// The number of a row of this rank among all rows.
  std::size_t number(std::size_t row) const { return first_ + row; }

  /// The number of rows of all ranks. \param rows  of this rank
  std::size_t total(std::size_t rows) const { return is_distributed() ? total_ : rows; }

  const Communicator* communicator() const { return communicator_; }

  void sum(std::span<double> numbers) const;
  void maximum(std::span<double> numbers) const;
  /// Replaces numbers that are equal on all ranks up to rounding by those of rank 0, unless they are equal.
  void agree(std::span<double> numbers) const;

  std::size_t sum(std::size_t count) const;
  std::size_t largest(std::size_t count) const;
  std::size_t smallest(std::size_t count) const;
  bool any(bool holds) const;
  bool all(bool holds) const { return !any(!holds); }

 private:
  const Communicator* communicator_ = nullptr;
  std::size_t first_ = 0;
  std::size_t total_ = 0;
};

}  // namespace fieldfold
