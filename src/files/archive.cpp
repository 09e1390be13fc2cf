module;

#include <xxhash.h>
#include <cereal/archives/portable_binary.hpp>

module fieldfold.files.archive;

import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.base.io;

namespace fieldfold {
namespace {

constexpr std::array magic{'F', 'I', 'E', 'L', 'D', 'F', 'L', 'D'};

/// XXH64 of bytes that arrive in pieces.
class Hash {
 public:
  void update(const void* bytes, std::size_t count) { XXH64_update(state_.get(), bytes, count); }
  std::uint64_t value() const { return XXH64_digest(state_.get()); }
  void reset() { XXH64_reset(state_.get(), 0); }

 private:
  struct Free {
    void operator()(XXH64_state_t* state) const { XXH64_freeState(state); }
  };
  static XXH64_state_t* fresh() {
    XXH64_state_t* state = XXH64_createState();
    if (state == nullptr) throw std::bad_alloc();
    XXH64_reset(state, 0);
    return state;
  }
  std::unique_ptr<XXH64_state_t, Free> state_{fresh()};
};

std::array<char, 8> little_endian(std::uint64_t number) {
  std::array<char, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(number >> (8 * i) & 0xff);
  return bytes;
}

/// The checksum of a file whose bytes arrive in pieces.
class Checksum {
 public:
  /// \param chunk  the length of chunks
  explicit Checksum(std::uint64_t chunk = checksum_chunk) : chunk_(chunk) {}

  void update(const char* bytes, std::size_t count) {
    while (count > 0) {
      if (filled_ == chunk_) end_chunk();
      const std::size_t part = std::min<std::uint64_t>(count, chunk_ - filled_);
      of_chunk_.update(bytes, part);
      filled_ += part;
      bytes += part;
      count -= part;
    }
  }
  std::uint64_t value() const {
    std::vector<std::uint64_t> digests = digests_;
    digests.push_back(of_chunk_.value());
    return checksum_of_chunks(digests);
  }

 private:
  void end_chunk() {
    digests_.push_back(of_chunk_.value());
    of_chunk_.reset();
    filled_ = 0;
  }

  std::uint64_t chunk_;
  std::uint64_t filled_ = 0;
  Hash of_chunk_;
  std::vector<std::uint64_t> digests_;
};

/// Forwards bytes to another buffer, and computes their count and checksum.
class SummingBuffer : public std::streambuf {
 public:
  explicit SummingBuffer(std::streambuf* sink) : sink_(sink) {}
  std::uint64_t count() const { return count_; }
  std::uint64_t checksum() const { return checksum_.value(); }

 protected:
  std::streamsize xsputn(const char* bytes, std::streamsize length) override {
    checksum_.update(bytes, static_cast<std::size_t>(length));
    count_ += static_cast<std::uint64_t>(length);
    return sink_->sputn(bytes, length);
  }
  int_type overflow(int_type letter) override {
    const char byte = traits_type::to_char_type(letter);
    return xsputn(&byte, 1) == 1 ? letter : traits_type::eof();
  }

 private:
  std::streambuf* sink_;
  Checksum checksum_;
  std::uint64_t count_ = 0;
};

std::uint64_t number_from(const std::array<char, 8>& bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

/// The format version of a file, which is behind its magic and its byte order.
std::uint32_t version_in(std::istream& in) {
  std::array<char, 5> bytes{};
  in.seekg(magic.size());
  in.read(bytes.data(), bytes.size());
  if (bytes[0] == 0) std::reverse(bytes.begin() + 1, bytes.end());
  std::uint32_t version = 0;
  for (std::size_t i = bytes.size() - 1; i > 0; --i) version = version << 8 | static_cast<unsigned char>(bytes[i]);
  return version;
}

std::uint64_t checksum_of(std::istream& in, std::uint64_t size) {
  // Files up to version 4 are one chunk.
  Checksum checksum(version_in(in) < 5 ? std::numeric_limits<std::uint64_t>::max() : checksum_chunk);
  in.seekg(0);
  std::vector<char> chunk(std::size_t{1} << 20);
  for (std::uint64_t left = size; left > 0 && in;) {
    const auto length = std::min<std::uint64_t>(left, chunk.size());
    in.read(chunk.data(), static_cast<std::streamsize>(length));
    checksum.update(chunk.data(), length);
    left -= length;
  }
  return checksum.value();
}

/// Checks magic, length and, for the whole file, checksum. \returns  the stored checksum
std::uint64_t check_frame(std::istream& in, std::uint64_t file_size, Extent extent) {
  if (file_size < magic.size() + 1 + trailer_size) throw FileError("it is too short to be a fieldfold file");
  std::array<char, magic.size()> start{};
  in.read(start.data(), start.size());
  if (start != magic) throw FileError("it is not a fieldfold file");
  std::array<char, 8> length{};
  std::array<char, 8> checksum{};
  in.seekg(static_cast<std::streamoff>(file_size - trailer_size));
  in.read(length.data(), length.size());
  in.read(checksum.data(), checksum.size());
  if (extent == Extent::whole && (!in || number_from(checksum) != checksum_of(in, file_size - 8)))
    throw FileError("it is damaged: the checksum does not match");
  if (!in || number_from(length) != file_size - trailer_size)
    throw FileError("it is damaged: its length does not match");
  in.seekg(magic.size());
  return number_from(checksum);
}

}  // namespace

std::uint64_t digest_of(std::span<const std::byte> chunk) { return XXH64(chunk.data(), chunk.size(), 0); }

std::uint64_t checksum_of_chunks(std::span<const std::uint64_t> digests) {
  if (digests.size() == 1) return digests.front();
  Hash hash;
  for (const std::uint64_t digest : digests) hash.update(little_endian(digest).data(), sizeof(digest));
  return hash.value();
}

// Binary data takes pointers as rvalues (+numbers): cereal derives the width of a number, by which it swaps bytes, from
// the type of its argument, and a reference to a pointer would make that the width of a pointer.

struct Writer::Archive {
  cereal::PortableBinaryOutputArchive archive;
};

Writer::Writer(std::ostream& out, SharedContent* shared)
    : archive_(new Archive{cereal::PortableBinaryOutputArchive(out)}), shared_(shared) {}

Writer::~Writer() = default;

template <class Number>
void Writer::write(const Number* numbers, std::size_t count) {
  archive_->archive(cereal::binary_data(+numbers, count * sizeof(Number)));
}

struct Reader::Archive {
  cereal::PortableBinaryInputArchive archive;
};

// An archive begins with one byte for the byte order: 1 for little-endian, 0 for big-endian.
Reader::Reader(std::istream& in, std::uint64_t end, Extent extent, std::uint64_t checksum,
               const std::optional<PointShare>& share)
    : in_(in), end_(end), remaining_(end - magic.size() - 1), extent_(extent), checksum_(checksum), share_(share) {
  if (const int byte_order = in.peek(); byte_order != 0 && byte_order != 1)
    throw FileError(message("its byte order is ", byte_order, "; expected 0 or 1"));
  is_little_endian_ = in.peek() == 1;
  archive_.reset(new Archive{cereal::PortableBinaryInputArchive(in)});
}

Reader::~Reader() = default;

template <class Number>
void Reader::read(Number* numbers, std::size_t count) {
  archive_->archive(cereal::binary_data(+numbers, count * sizeof(Number)));
}

namespace {

void write_content(std::ostream& out, SharedContent* shared, std::uint32_t kind, std::size_t scalar_size,
                   const std::function<void(Writer&)>& describe) {
  out.write(magic.data(), magic.size());
  Writer writer(out, shared);
  writer(format_version);
  writer(kind);
  writer(static_cast<std::uint32_t>(scalar_size));
  describe(writer);
}

/// The checksum of the first bytes of a file; each rank computes digests of an equal share of the chunks.
std::uint64_t checksum_of_ranks(const std::filesystem::path& path, const Communicator& communicator,
                                std::uint64_t size) {
  const std::uint64_t chunks = std::max<std::uint64_t>(1, (size + checksum_chunk - 1) / checksum_chunk);
  const std::uint64_t share = (chunks + communicator.size() - 1) / communicator.size();
  const RandomAccessFile file(path);
  std::vector<std::byte> chunk;
  // Halves of digests, which are whole numbers in double precision.
  std::vector<double> halves(2 * share, 0.0);
  for (std::uint64_t k = 0; k < share; ++k) {
    const std::uint64_t first = (communicator.rank() * share + k) * checksum_chunk;
    if (first >= size) break;
    chunk.resize(std::min(checksum_chunk, size - first));
    file.read(first, chunk.data(), chunk.size());
    const std::uint64_t digest = digest_of(chunk);
    halves[2 * k] = static_cast<double>(digest >> 32);
    halves[2 * k + 1] = static_cast<double>(digest & 0xffffffff);
  }
  const std::vector<double> all = communicator.gather(halves);
  std::vector<std::uint64_t> digests(chunks);
  for (std::uint64_t k = 0; k < chunks; ++k)
    digests[k] = static_cast<std::uint64_t>(all[2 * k]) << 32 | static_cast<std::uint64_t>(all[2 * k + 1]);
  return checksum_of_chunks(digests);
}

}  // namespace

void SharedContent::rows(const void* own, std::size_t count, std::size_t row_bytes,
                         const std::function<void(std::size_t total)>& before) {
  const RowPartition partition(communicator_, count);
  before(partition.total(count));
  if (count > 0)
    own_.push_back({size_ + partition.number(0) * row_bytes, {static_cast<const std::byte*>(own), count * row_bytes}});
  size_ += partition.total(count) * row_bytes;
}

std::vector<FilePart> SharedContent::parts() const {
  std::vector<FilePart> all = own_;
  for (const Text& text : common_)
    if (communicator_.rank() == 0) all.push_back({text.offset, std::as_bytes(std::span(text.bytes))});
  return all;
}

std::streamsize SharedContent::xsputn(const char* bytes, std::streamsize length) {
  if (common_.empty() || common_.back().offset + common_.back().bytes.size() != size_) common_.push_back({size_, ""});
  common_.back().bytes.append(bytes, static_cast<std::size_t>(length));
  size_ += static_cast<std::uint64_t>(length);
  return length;
}

SharedContent::int_type SharedContent::overflow(int_type letter) {
  const char byte = traits_type::to_char_type(letter);
  xsputn(&byte, 1);
  return letter;
}

void write_framed_together(const std::filesystem::path& path, const Communicator& communicator, std::uint32_t kind,
                           std::size_t scalar_size, const std::function<void(Writer&)>& describe) {
  if constexpr (std::endian::native != std::endian::little)
    throw FileError(
        message(path.string(), ": cannot be written by several ranks of a machine that is not ", "little-endian"));
  SharedContent content(communicator);
  std::ostream out(&content);
  write_content(out, &content, kind, scalar_size, describe);
  const std::uint64_t length = content.size();
  out.write(little_endian(length).data(), 8);
  const auto write = [&](const std::filesystem::path& temporary) {
    const std::filesystem::path shared = broadcast_text(communicator, temporary.string());
    communicator.write_parts(shared, content.parts());
    const auto checksum = little_endian(checksum_of_ranks(shared, communicator, content.size()));
    std::vector<FilePart> trailer;
    if (communicator.rank() == 0) trailer.push_back({content.size(), std::as_bytes(std::span(checksum))});
    communicator.write_parts(shared, trailer);
  };
  // Rank 0 replaces the file when all have written, and the others wait until it has.
  if (communicator.rank() == 0)
    write_file_at(path, write);
  else
    write("");
}

void write_framed(std::ostream& file, std::uint32_t kind, std::size_t scalar_size,
                  const std::function<void(Writer&)>& describe) try {
  SummingBuffer buffer(file.rdbuf());
  std::ostream out(&buffer);
  write_content(out, nullptr, kind, scalar_size, describe);
  out.write(little_endian(buffer.count()).data(), 8);
  out.write(little_endian(buffer.checksum()).data(), 8);
  if (!out) file.setstate(std::ios::failbit);
} catch (const cereal::Exception&) {
  file.setstate(std::ios::failbit);  // cereal throws on a full disk
}

namespace {

/// \param name   of the file in messages
/// \param size   its bytes
/// \param check  checks the frame of a file of a size, and returns its checksum
void read_stream(std::istream& in, std::string_view name, const std::function<std::uint64_t()>& size,
                 const std::function<void(Reader& reader, std::uint32_t kind, std::uint32_t scalar_size)>& read,
                 Extent extent, const std::optional<PointShare>& share,
                 const std::function<std::uint64_t(std::istream& in, std::uint64_t size)>& check) {
  try {
    const std::uint64_t file_size = size();
    const std::uint64_t checksum = check(in, file_size);
    Reader reader(in, file_size - trailer_size, extent, checksum, share);
    std::uint32_t version = 0;
    std::uint32_t kind = 0;
    std::uint32_t scalar_size = 0;
    reader(version);
    if (version < 1 || version > format_version)
      throw FileError(message("its format version is ", version, "; this library reads 1 to ", format_version));
    reader.set_version(version);
    reader(kind);
    reader(scalar_size);
    read(reader, kind, scalar_size);
    if (reader.remaining() != 0) throw FileError("it has trailing bytes");
  } catch (const FileError& error) {
    throw FileError(message(name, ": ", error.what()));
  } catch (const InvalidArgument& error) {
    throw FileError(message(name, ": its content is inconsistent: ", error.what()));
  } catch (const cereal::Exception& error) {
    throw FileError(message(name, ": ", error.what()));
  }
}

void read_checked(const std::filesystem::path& path,
                  const std::function<void(Reader& reader, std::uint32_t kind, std::uint32_t scalar_size)>& read,
                  Extent extent, const std::optional<PointShare>& share,
                  const std::function<std::uint64_t(std::istream& in, std::uint64_t size)>& check) {
  std::ifstream in = open_for_reading(path);
  read_stream(in, path.string(), [&] { return std::filesystem::file_size(path); }, read, extent, share, check);
}

}  // namespace

void read_framed(const std::filesystem::path& path,
                 const std::function<void(Reader& reader, std::uint32_t kind, std::uint32_t scalar_size)>& read,
                 Extent extent) {
  read_checked(path, read, extent, std::nullopt,
               [&](std::istream& in, std::uint64_t size) { return check_frame(in, size, extent); });
}

void read_framed_bytes(std::string bytes,
                       const std::function<void(Reader& reader, std::uint32_t kind, std::uint32_t scalar_size)>& read) {
  const std::uint64_t length = bytes.size();
  std::istringstream in(std::move(bytes));
  read_stream(
      in, "bytes", [&] { return length; }, read, Extent::whole, std::nullopt,
      [](std::istream& framed, std::uint64_t size) { return check_frame(framed, size, Extent::whole); });
}

void read_framed_together(
    const std::filesystem::path& path, const Communicator& communicator, const PointShare& share,
    const std::function<void(Reader& reader, std::uint32_t kind, std::uint32_t scalar_size)>& read) {
  read_checked(path, read, Extent::whole, share, [&](std::istream& in, std::uint64_t size) {
    const std::uint64_t stored = check_frame(in, size, Extent::outline);
    // Files up to version 4 have one chunk, which rank 0 reads.
    const bool is_one_chunk = version_in(in) < 5;
    const bool matches = is_one_chunk ? communicator.rank() > 0 || checksum_of(in, size - 8) == stored
                                      : checksum_of_ranks(path, communicator, size - 8) == stored;
    if (!matches) throw FileError("it is damaged: the checksum does not match");
    in.clear();
    in.seekg(magic.size());
    return stored;
  });
}

template void Writer::write(const char*, std::size_t);
template void Reader::read(char*, std::size_t);
template void Writer::write(const std::uint8_t*, std::size_t);
template void Reader::read(std::uint8_t*, std::size_t);
template void Writer::write(const std::uint32_t*, std::size_t);
template void Reader::read(std::uint32_t*, std::size_t);
template void Writer::write(const std::uint64_t*, std::size_t);
template void Reader::read(std::uint64_t*, std::size_t);
template void Writer::write(const int*, std::size_t);
template void Reader::read(int*, std::size_t);
template void Writer::write(const float*, std::size_t);
template void Reader::read(float*, std::size_t);
template void Writer::write(const double*, std::size_t);
template void Reader::read(double*, std::size_t);

}  // namespace fieldfold
