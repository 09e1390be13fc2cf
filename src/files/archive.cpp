module;

#include <xxhash.h>
#include <cereal/archives/portable_binary.hpp>

module fieldfold.files.archive;

import fieldfold.base.diagnostics;
import fieldfold.base.io;

namespace fieldfold {
namespace {

constexpr std::array magic{'F', 'I', 'E', 'L', 'D', 'F', 'L', 'D'};

class Checksum {
 public:
  void update(const char* bytes, std::size_t count) { XXH64_update(state_.get(), bytes, count); }
  std::uint64_t value() const { return XXH64_digest(state_.get()); }

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

std::array<char, 8> little_endian(std::uint64_t number) {
  std::array<char, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(number >> (8 * i) & 0xff);
  return bytes;
}

std::uint64_t number_from(const std::array<char, 8>& bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

std::uint64_t checksum_of(std::ifstream& in, std::uint64_t size) {
  in.seekg(0);
  Checksum checksum;
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
std::uint64_t check_frame(std::ifstream& in, std::uint64_t file_size, Extent extent) {
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

// Binary data takes pointers as rvalues (+numbers): cereal derives the width of a number, by which it swaps bytes, from
// the type of its argument, and a reference to a pointer would make that the width of a pointer.

struct Writer::Archive {
  cereal::PortableBinaryOutputArchive archive;
};

Writer::Writer(std::ostream& out) : archive_(new Archive{cereal::PortableBinaryOutputArchive(out)}) {}

Writer::~Writer() = default;

template <class Number>
void Writer::write(const Number* numbers, std::size_t count) {
  archive_->archive(cereal::binary_data(+numbers, count * sizeof(Number)));
}

struct Reader::Archive {
  cereal::PortableBinaryInputArchive archive;
};

// An archive begins with one byte for the byte order: 1 for little-endian, 0 for big-endian.
Reader::Reader(std::istream& in, std::uint64_t end, Extent extent, std::uint64_t checksum)
    : in_(in), end_(end), remaining_(end - magic.size() - 1), extent_(extent), checksum_(checksum) {
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

void write_framed(std::ostream& file, std::uint32_t kind, std::size_t scalar_size,
                  const std::function<void(Writer&)>& describe) try {
  SummingBuffer buffer(file.rdbuf());
  std::ostream out(&buffer);
  out.write(magic.data(), magic.size());
  Writer writer(out);
  writer(format_version);
  writer(kind);
  writer(static_cast<std::uint32_t>(scalar_size));
  describe(writer);
  out.write(little_endian(buffer.count()).data(), 8);
  out.write(little_endian(buffer.checksum()).data(), 8);
  if (!out) file.setstate(std::ios::failbit);
} catch (const cereal::Exception&) {
  file.setstate(std::ios::failbit);  // cereal throws on a full disk
}

void read_framed(const std::filesystem::path& path,
                 const std::function<void(Reader& reader, std::uint32_t kind, std::uint32_t scalar_size)>& read,
                 Extent extent) {
  std::ifstream in = open_for_reading(path);
  try {
    const std::uint64_t file_size = std::filesystem::file_size(path);
    const std::uint64_t checksum = check_frame(in, file_size, extent);
    Reader reader(in, file_size - trailer_size, extent, checksum);
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
    throw FileError(message(path.string(), ": ", error.what()));
  } catch (const InvalidArgument& error) {
    throw FileError(message(path.string(), ": its content is inconsistent: ", error.what()));
  } catch (const cereal::Exception& error) {
    throw FileError(message(path.string(), ": ", error.what()));
  }
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
