/// The file format: cereal portable binary archives in a frame of magic, length and checksum, which reveals any damage.
export module fieldfold.files.archive;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.base.standard;
import fieldfold.rows.store;

export namespace fieldfold {

/// The format version of new files; earlier versions are read too.
constexpr std::uint32_t format_version = 5;

/// The kinds of file content.
constexpr std::uint32_t svd_content = 1;
constexpr std::uint32_t operator_content = 2;
constexpr std::uint32_t incremental_content = 3;

/// The largest length of an axis, also of an empty array.
constexpr std::size_t longest_axis = std::size_t{1} << 48;

/// The checksum of a file is that of the digests of its chunks of this many bytes, so that several readers and writers
/// compute it together.
constexpr std::uint64_t checksum_chunk = std::uint64_t{1} << 22;

/// The digest of a chunk: XXH64 with the seed 0.
std::uint64_t digest_of(std::span<const std::byte> chunk);

/// The checksum of a file: XXH64 of the digests of its chunks, 8 bytes each, little-endian; the digest itself if there
/// is one chunk only.
std::uint64_t checksum_of_chunks(std::span<const std::uint64_t> digests);

/// How much of a file is read.
enum class Extent : std::uint8_t {
  whole,    ///< all of it, and the checksum verified
  outline,  ///< without the rows of tall arrays, and without verifying the checksum
};

/// The place of a tall array in a file.
struct TallArray {
  std::uint64_t offset = 0;  ///< of its first number
  std::size_t rows = 0;
};

/// The points whose numbers are read.
struct PointShare {
  std::size_t first = 0;
  std::size_t count = 0;
  std::size_t total = 0;  ///< of the file
};

/// A file that ranks write together: bytes that all of them have, and rows of which each has some, in order.
class SharedContent : public std::streambuf {
 public:
  explicit SharedContent(const Communicator& communicator) : communicator_(communicator) {}

  const Communicator& communicator() const { return communicator_; }

  /// Rows of all ranks; collective. The memory must outlive this object.
  /// \param before  is called with the number of rows of all ranks before the rows
  void rows(const void* own, std::size_t count, std::size_t row_bytes,
            const std::function<void(std::size_t total)>& before);

  /// Keeps a list as long as this object.
  template <class Number>
  const std::vector<Number>& keep(std::vector<Number>&& numbers) {
    auto kept = std::make_shared<const std::vector<Number>>(std::move(numbers));
    kept_.push_back(kept);
    return *kept;
  }

  /// The bytes so far.
  std::uint64_t size() const { return size_; }
  /// The parts of this rank; the bytes of all ranks are parts of rank 0. References this object.
  std::vector<FilePart> parts() const;

 protected:
  std::streamsize xsputn(const char* bytes, std::streamsize length) override;
  int_type overflow(int_type letter) override;

 private:
  struct Text {
    std::uint64_t offset;
    std::string bytes;
  };
  const Communicator& communicator_;
  std::uint64_t size_ = 0;
  std::vector<Text> common_;
  std::vector<FilePart> own_;
  std::vector<std::shared_ptr<const void>> kept_;
};

/// Writes the parts of a file. `Writer` and `Reader` have the same members, so that one description serves both.
class Writer {
 public:
  /// \param shared  the buffer of `out`, if points are distributed among ranks; null: one process has all
  explicit Writer(std::ostream& out, SharedContent* shared = nullptr);
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer();

  template <class Number>
    requires std::is_arithmetic_v<Number>
  void operator()(const Number& number) {
    write(&number, 1);
  }
  static constexpr std::uint32_t version() { return format_version; }
  void count(const std::size_t& number) { (*this)(static_cast<std::uint64_t>(number)); }
  void mark(const bool& is_set) { (*this)(static_cast<std::uint8_t>(is_set)); }
  void operator()(const std::string& text) {
    count(text.size());
    write(text.data(), text.size());
  }
  template <class T>
  void operator()(const xt::xarray<T>& array) {
    count(array.dimension());
    for (const std::size_t length : array.shape()) count(length);
    write(array.data(), array.size());
  }
  /// An array, or a list, with a number for each point or each number of a state: the rows of all ranks. A scalar is
  /// the same for all points.
  template <class T>
  void tall(const xt::xarray<T>& array) {
    if (shared_ == nullptr || array.dimension() == 0) return (*this)(array);
    const std::size_t width = array.dimension() == 2 ? array.shape(1) : 1;
    shared_->rows(array.data(), array.shape(0), width * sizeof(T), [&](std::size_t total) {
      count(array.dimension());
      count(total);
      if (array.dimension() == 2) count(width);
    });
  }
  template <class Number>
  void tall(const std::vector<Number>& values) {
    if (shared_ == nullptr) return numbers(values);
    shared_->rows(values.data(), values.size(), sizeof(Number), [&](std::size_t total) { count(total); });
  }
  /// The same of a list that is temporary.
  template <class Number>
  void tall(std::vector<Number>&& values) {
    if (shared_ == nullptr) return numbers(values);
    tall(shared_->keep(std::move(values)));
  }
  const SharedContent* shared() const { return shared_; }
  /// The length of states.
  void state_length(std::size_t dof) {
    count(shared_ == nullptr ? dof : RowPartition(shared_->communicator(), dof).total(dof));
  }
  /// A list of states one after the other.
  template <class T>
  void states(const std::vector<T>& values, std::size_t number, std::size_t dof) {
    if (shared_ == nullptr) return numbers(values);
    for (std::size_t k = 0; k < std::max<std::size_t>(1, number); ++k)
      shared_->rows(values.data() + k * dof, number > 0 ? dof : 0, sizeof(T), [&](std::size_t total) {
        if (k == 0) count(number * total);
      });
  }
  /// The same in an outline, too.
  template <class Number>
  void tall_in_outline(const std::vector<Number>& values) {
    tall(values);
  }
  /// An array with a row for each sample.
  template <class T>
  void samples(const xt::xarray<T>& array) {
    (*this)(array);
  }
  /// An array, or a list, of a mesh, which has as many rows as it has nodes, cells and so on.
  template <class Numbers>
  void of_mesh(const Numbers& numbers) {
    if constexpr (requires { numbers.shape(); })
      (*this)(numbers);
    else
      this->numbers(numbers);
  }
  /// Writes a store in the format of an array, one block of rows at a time.
  template <class T>
  void rows(const ScratchStore<T>& store) {
    for (const std::size_t length : {std::size_t{2}, store.rows(), store.cols()}) count(length);
    std::vector<T> buffer;
    const std::size_t block = (std::size_t{1} << 17) / store.cols() + 1;
    for (std::size_t first = 0; first < store.rows(); first += block) {
      const auto part = store.read(first, std::min(block, store.rows() - first), buffer);
      write(part.data, part.rows * part.cols);
    }
  }
  template <class T, class Describe>
  void optional(const std::optional<T>& value, Describe describe) {
    mark(value.has_value());
    if (value) describe(*value);
  }
  template <class T, class Describe>
  void list(const std::vector<T>& values, Describe describe) {
    count(values.size());
    for (const T& value : values) describe(value);
  }
  template <class T, class Describe>
  void by_name(const std::map<std::string, T>& values, Describe describe) {
    count(values.size());
    for (const auto& [name, value] : values) {
      (*this)(name);
      describe(value);
    }
  }
  /// A value of an enumeration, by name.
  template <class Choice>
  void choice(const Choice& choice, const std::vector<std::string_view>& names) {
    (*this)(std::string(names[static_cast<std::size_t>(choice)]));
  }
  template <class Number>
  void numbers(const std::vector<Number>& values) {
    count(values.size());
    write(values.data(), values.size());
  }

 private:
  template <class Number>
  void write(const Number* numbers, std::size_t count);

  struct Archive;
  std::unique_ptr<Archive> archive_;
  SharedContent* shared_;
};

/// Reads the parts of a file. Every length is checked against the number of remaining bytes before use.
class Reader {
 public:
  /// \param in        at the start of the archive  \param end  the offset of its end
  /// \param checksum  of the file, as stored
  /// \param share     of tall arrays that is read
  Reader(std::istream& in, std::uint64_t end, Extent extent, std::uint64_t checksum,
         const std::optional<PointShare>& share = std::nullopt);
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader();

  template <class Number>
    requires std::is_arithmetic_v<Number>
  void operator()(Number& number) {
    take(1, sizeof(Number));
    read(&number, 1);
  }
  void count(std::size_t& number) {
    std::uint64_t stored = 0;
    (*this)(stored);
    number = stored;
  }
  void mark(bool& is_set) {
    std::uint8_t stored = 0;
    (*this)(stored);
    if (stored > 1) throw FileError("a flag is neither 0 nor 1");
    is_set = stored == 1;
  }
  void operator()(std::string& text) {
    std::size_t length = 0;
    count(length);
    take(length, 1);
    text.resize(length);
    read(text.data(), length);
  }
  template <class T>
  void operator()(xt::xarray<T>& array) {
    const Shape shape = array_shape();
    take(size_of(shape), sizeof(T));
    array = xt::xarray<T>::from_shape(shape);
    read(array.data(), array.size());
  }
  /// In an outline the first axis of the array gets the length 0.
  template <class T>
  TallArray tall(xt::xarray<T>& array) {
    Shape shape = array_shape();
    // Weights may have the shape of the grid.
    if (share_ && shape.size() == 2 && shape[0] % share_->total != 0 && size_of(shape) == share_->total)
      shape = {share_->total};
    const TallArray place{.offset = end_ - remaining_, .rows = shape.empty() ? 1 : shape[0]};
    take(size_of(shape), sizeof(T));
    const std::uint64_t row_bytes = place.rows > 0 ? size_of(shape) / place.rows * sizeof(T) : 0;
    const Rows rows = shape.empty() ? Rows{0, 1, 0} : wanted_rows(place.rows);
    skip(rows.before * row_bytes);
    if (!shape.empty()) shape[0] = rows.count;
    array = xt::xarray<T>::from_shape(shape);
    read(array.data(), array.size());
    skip(rows.after * row_bytes);
    return place;
  }
  template <class Number>
  void tall(std::vector<Number>& values) {
    std::size_t length = 0;
    count(length);
    take(length, sizeof(Number));
    const Rows rows = wanted_rows(length);
    skip(rows.before * sizeof(Number));
    values.resize(rows.count);
    read(values.data(), rows.count);
    skip(rows.after * sizeof(Number));
  }
  template <class Number>
  void tall_in_outline(std::vector<Number>& values) {
    if (extent_ == Extent::outline)
      numbers(values);
    else
      tall(values);
  }
  template <class T>
  void samples(xt::xarray<T>& array) {
    if (share_)
      (*this)(array);
    else
      tall(array);
  }
  /// Meshes are not read in part.
  template <class Numbers>
  void of_mesh(Numbers& numbers) {
    const Extent extent = std::exchange(extent_, share_ ? Extent::outline : extent_);
    tall(numbers);
    extent_ = extent;
  }
  bool reads_a_share() const { return share_.has_value(); }
  const PointShare& share() const { return *share_; }
  /// The numbers of a state at a point, for `state_length` and `states` of a share.
  void set_numbers_of_point(std::size_t number) { of_point_ = number; }
  void state_length(std::size_t& dof) {
    count(dof);
    dof_of_all_ = dof;
    if (share_) dof = share_->count * of_point_;
  }
  template <class T>
  void states(std::vector<T>& values, std::size_t& number, std::size_t dof) {
    std::size_t length = 0;
    count(length);
    take(length, sizeof(T));
    if (dof_of_all_ == 0 ? length > 0 : length % dof_of_all_ != 0) throw FileError("a list of states is incomplete");
    number = dof_of_all_ == 0 ? 0 : length / dof_of_all_;
    if (extent_ == Extent::outline) return skip(length * sizeof(T));
    const std::size_t before = share_ ? share_->first * of_point_ : 0;
    values.resize(number * dof);
    for (std::size_t k = 0; k < number; ++k) {
      skip(before * sizeof(T));
      read(values.data() + k * dof, dof);
      skip((dof_of_all_ - before - dof) * sizeof(T));
    }
  }
  /// A part of a list, without the rest.
  template <class Number>
  void numbers_between(std::vector<Number>& values, std::size_t first, std::size_t end) {
    std::size_t length = 0;
    count(length);
    take(length, sizeof(Number));
    if (first > end || end > length) throw FileError("a list is shorter than its parts");
    skip(first * sizeof(Number));
    values.resize(end - first);
    read(values.data(), values.size());
    skip((length - end) * sizeof(Number));
  }
  template <class T, class Describe>
  void optional(std::optional<T>& value, Describe describe) {
    bool present = false;
    mark(present);
    value.reset();
    if (present) describe(value.emplace());
  }
  template <class T, class Describe>
  void list(std::vector<T>& values, Describe describe) {
    std::size_t length = 0;
    count(length);
    if (length > remaining_) throw FileError("a list is longer than the file");
    values.clear();
    for (std::size_t i = 0; i < length; ++i) describe(values.emplace_back());
  }
  template <class T, class Describe>
  void by_name(std::map<std::string, T>& values, Describe describe) {
    std::size_t length = 0;
    count(length);
    values.clear();
    for (std::size_t i = 0; i < length; ++i) {
      std::string name;
      (*this)(name);
      describe(values[name]);
    }
  }
  template <class Choice>
  void choice(Choice& choice, const std::vector<std::string_view>& names) {
    std::string name;
    (*this)(name);
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) throw FileError(message("unknown name ", name, "; expected one of ", listing(names)));
    choice = static_cast<Choice>(found - names.begin());
  }
  template <class Number>
  void numbers(std::vector<Number>& values) {
    std::size_t length = 0;
    count(length);
    take(length, sizeof(Number));
    values.resize(length);
    read(values.data(), length);
  }

  std::uint64_t remaining() const { return remaining_; }
  /// The offset of the trailer in the file, and the checksum in it.
  std::uint64_t end() const { return end_; }
  std::uint64_t checksum() const { return checksum_; }
  bool is_little_endian() const { return is_little_endian_; }

  /// The format version of the file, set once it is read.
  std::uint32_t version() const { return version_; }
  void set_version(std::uint32_t version) { version_ = version; }

 private:
  struct Rows {
    std::size_t before;
    std::size_t count;
    std::size_t after;
  };
  /// The rows of a tall array that are read.
  Rows wanted_rows(std::size_t rows) const {
    if (extent_ == Extent::outline) return {0, 0, rows};
    if (!share_ || rows == 0) return {0, rows, 0};
    if (share_->total == 0 || rows % share_->total != 0) throw FileError("an array does not fit its points");
    const std::size_t of_point = rows / share_->total;
    return {share_->first * of_point, share_->count * of_point,
            (share_->total - share_->first - share_->count) * of_point};
  }

  Shape array_shape() {
    std::size_t dimension = 0;
    count(dimension);
    if (dimension > 2) throw FileError("an array has more than two axes");
    Shape shape(dimension);
    std::uint64_t numbers = 1;
    for (std::size_t& length : shape) {
      count(length);
      if (length > longest_axis || (length > 0 && numbers > remaining_ / length))
        throw FileError("an array is longer than the file");
      numbers *= length;
    }
    return shape;
  }

  void skip(std::uint64_t bytes) {
    if (bytes > 0) in_.seekg(static_cast<std::streamoff>(bytes), std::ios::cur);
  }

  void take(std::uint64_t count, std::size_t size) {
    if (count > remaining_ / size) throw FileError("it is truncated");
    remaining_ -= count * size;
  }

  template <class Number>
  void read(Number* numbers, std::size_t count);

  struct Archive;
  std::istream& in_;
  std::unique_ptr<Archive> archive_;
  std::uint64_t end_;
  std::uint64_t remaining_;
  Extent extent_;
  std::uint64_t checksum_;
  std::optional<PointShare> share_;
  std::size_t of_point_ = 1;
  std::size_t dof_of_all_ = 0;
  bool is_little_endian_ = true;
  std::uint32_t version_ = format_version;
};

/// Writes magic, an archive that begins with version, kind and scalar size, and the trailer.
/// \param kind      the kind of content
/// \param describe  writes the content
void write_framed(std::ostream& file, std::uint32_t kind, std::size_t scalar_size,
                  const std::function<void(Writer&)>& describe);

/// The same for points that are distributed among ranks, which all write; collective. The file is either complete or
/// absent, and has the bytes that one process writes.
/// \throws FileError  the file cannot be written; the machine is not little-endian
void write_framed_together(const std::filesystem::path& path, const Communicator& communicator, std::uint32_t kind,
                           std::size_t scalar_size, const std::function<void(Writer&)>& describe);

/// The number of bytes of the trailer: length and checksum.
constexpr std::size_t trailer_size = 16;

/// Opens a file, checks its frame and version, and passes kind and scalar size to `read`.
/// \throws FileError  the file cannot be read, is damaged or of another format or a later version; `read` leaves bytes
///                    of the content, or throws `FileError` or `InvalidArgument`. The message begins with the path.
void read_framed(const std::filesystem::path& path,
                 const std::function<void(Reader& reader, std::uint32_t kind, std::uint32_t scalar_size)>& read,
                 Extent extent = Extent::whole);

/// The same for the bytes of a file.
void read_framed_bytes(std::string bytes,
                       const std::function<void(Reader& reader, std::uint32_t kind, std::uint32_t scalar_size)>& read);

/// The same on ranks, each of which reads tall arrays in part; collective. The ranks verify the checksum together.
void read_framed_together(
    const std::filesystem::path& path, const Communicator& communicator, const PointShare& share,
    const std::function<void(Reader& reader, std::uint32_t kind, std::uint32_t scalar_size)>& read);

}  // namespace fieldfold
