module;

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <streambuf>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <xxhash.h>
#include <cereal/archives/portable_binary.hpp>

#include "xtensor_headers.hpp"

module fieldfold.serialization;

import fieldfold.any_compressor;
import fieldfold.arrays;
import fieldfold.compression;
import fieldfold.diagnostics;
import fieldfold.file_rows;
import fieldfold.files;
import fieldfold.interpolation;
import fieldfold.rbf;
import fieldfold.sparse_rows;
import fieldfold.svd;

namespace fieldfold {
namespace {

constexpr std::array magic{'F', 'I', 'E', 'L', 'D', 'F', 'L', 'D'};
constexpr std::uint32_t format_version = 3;
constexpr std::uint32_t method_svd = 1;
constexpr std::uint32_t interpolation_operator = 2;
constexpr std::size_t trailer_size = 16;

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
    XXH64_reset(state, 0);
    return state;
  }
  std::unique_ptr<XXH64_state_t, Free> state_{fresh()};
};

/// Passes bytes on to another buffer, and counts and sums them up.
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

/// Writes parts of a file. `Writer` and `Reader` have the same members, so that one description serves both.
class Writer {
 public:
  explicit Writer(std::ostream& out) : archive_(out) {}

  template <class Number>
    requires std::is_arithmetic_v<Number>
  void operator()(const Number& number) {
    archive_(number);
  }
  static constexpr std::uint32_t version() { return format_version; }
  void count(const std::size_t& number) { archive_(static_cast<std::uint64_t>(number)); }
  void mark(const bool& is_set) { archive_(static_cast<std::uint8_t>(is_set)); }
  void operator()(const std::string& text) {
    count(text.size());
    archive_(cereal::binary_data(text.data(), text.size()));
  }
  template <class T>
  void operator()(const xt::xarray<T>& array) {
    count(array.dimension());
    for (const std::size_t length : array.shape()) count(length);
    archive_(cereal::binary_data(array.data(), array.size() * sizeof(T)));
  }
  /// As an array, a block of rows at a time.
  template <class T>
  void rows(const ScratchStore<T>& store) {
    for (const std::size_t length : {std::size_t{2}, store.rows(), store.cols()}) count(length);
    std::vector<T> buffer;
    const std::size_t block = (std::size_t{1} << 17) / store.cols() + 1;
    for (std::size_t first = 0; first < store.rows(); first += block) {
      const auto part = store.read(first, std::min(block, store.rows() - first), buffer);
      archive_(cereal::binary_data(part.data, part.rows * part.cols * sizeof(T)));
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
  void kernel(const Kernel& kernel) { (*this)(std::string(traits(kernel).name)); }
  void method(const RBFMethod& method) { (*this)(std::string(rbf_methods()[static_cast<std::size_t>(method)])); }
  template <class Number>
  void numbers(const std::vector<Number>& values) {
    count(values.size());
    archive_(cereal::binary_data(values.data(), values.size() * sizeof(Number)));
  }

 private:
  cereal::PortableBinaryOutputArchive archive_;
};

/// Reads parts of a file of which so many bytes remain. Every length is compared with them before it is used.
class Reader {
 public:
  Reader(std::istream& in, std::uint64_t remaining) : archive_(in), remaining_(remaining - 1) {}

  template <class Number>
    requires std::is_arithmetic_v<Number>
  void operator()(Number& number) {
    take(1, sizeof(Number));
    archive_(number);
  }
  void count(std::size_t& number) {
    std::uint64_t stored = 0;
    (*this)(stored);
    number = stored;
  }
  void mark(bool& is_set) {
    std::uint8_t stored = 0;
    (*this)(stored);
    if (stored > 1) throw FileError("a mark is neither 0 nor 1");
    is_set = stored == 1;
  }
  void operator()(std::string& text) {
    std::size_t length = 0;
    count(length);
    take(length, 1);
    text.resize(length);
    archive_(cereal::binary_data(text.data(), length));
  }
  template <class T>
  void operator()(xt::xarray<T>& array) {
    std::size_t dimension = 0;
    count(dimension);
    if (dimension > 2) throw FileError("an array has more than two axes");
    Shape shape(dimension);
    std::uint64_t numbers = 1;
    for (std::size_t& length : shape) {
      count(length);
      if (length > 0 && numbers > remaining_ / length) throw FileError("an array is longer than the file");
      numbers *= length;
    }
    take(numbers, sizeof(T));
    array = xt::xarray<T>::from_shape(shape);
    archive_(cereal::binary_data(array.data(), array.size() * sizeof(T)));
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
  void kernel(Kernel& kernel) {
    std::string name;
    (*this)(name);
    kernel = kernel_named(name);
  }
  void method(RBFMethod& method) {
    std::string name;
    (*this)(name);
    method = rbf_method_named(name);
  }
  template <class Number>
  void numbers(std::vector<Number>& values) {
    std::size_t length = 0;
    count(length);
    take(length, sizeof(Number));
    values.resize(length);
    archive_(cereal::binary_data(values.data(), length * sizeof(Number)));
  }

  std::uint64_t remaining() const { return remaining_; }

  /// Of the format of the file; told once it is read.
  std::uint32_t version() const { return version_; }
  void set_version(std::uint32_t version) { version_ = version; }

 private:
  void take(std::uint64_t count, std::size_t size) {
    if (count > remaining_ / size) throw FileError("it ends too early");
    remaining_ -= count * size;
  }

  cereal::PortableBinaryInputArchive archive_;
  std::uint64_t remaining_;
  std::uint32_t version_ = format_version;
};

/// The order of things in the file, for a `Writer` of constants or a `Reader` of variables.
template <class Archive, class Options>
void describe_options(Archive& archive, Options& options) {
  const auto itself = [&](auto& value) { archive(value); };
  const auto count = [&](auto& value) { archive.count(value); };
  archive.list(options.fields, itself);
  archive.optional(options.coords, itself);
  archive(options.interpolate_method);
  auto& rbf = options.interpolate_opts;
  archive.optional(rbf.neighbors, count);
  archive(rbf.smoothing);
  archive.kernel(rbf.kernel);
  archive.optional(rbf.epsilon, itself);
  archive.optional(rbf.degree, itself);
  archive.optional(options.rank, count);
  archive.optional(options.energy_tol, itself);
  archive.optional(options.reconstruction_tol, itself);
  archive.mark(options.keep_training_latents);
  if (archive.version() < 2) return;
  archive.optional(options.sample_tol, itself);
  archive.optional(options.noise, itself);
  archive.mark(options.optimal_threshold);
  archive.count(options.validate_every);
  if (archive.version() < 3) return;
  archive.method(rbf.method);
  archive.count(rbf.cluster_size);
  archive.optional(rbf.overlap, itself);
  archive.mark(rbf.allow_lower_degree);
  archive.numbers(rbf.scales);
  archive.numbers(rbf.periods);
  archive(rbf.power);
}

/// Of an operator: the sparse weights, or the dense ones.
template <class Archive, class Lengths, class Mark, class Sparse, class Dense>
void describe_operator(Archive& archive, Lengths& query_shape, Mark& is_sparse, Sparse& sparse, Dense& dense) {
  archive.list(query_shape, [&](auto& length) { archive.count(length); });
  archive.mark(is_sparse);
  if (!is_sparse) return archive(dense);
  archive.count(sparse.cols);
  archive.numbers(sparse.offsets);
  archive.numbers(sparse.columns);
  archive.numbers(sparse.weights);
  archive.numbers(sparse.order);
}

template <class Archive, class Map, class DescribeBasis>
void describe_map(Archive& archive, Map& map, DescribeBasis describe_basis) {
  archive.count(map.num_samples);
  archive.count(map.num_dropped);
  describe_basis();
  archive(map.singular_values);
  archive.list(map.latent_ranges, [&](auto& range) {
    archive(range.first);
    archive(range.second);
  });
  archive.optional(map.training_latents, [&](auto& latents) { archive(latents); });
  if (archive.version() < 2) return;
  archive(map.unresolved_squares);
  const auto describe_errors = [&](auto& errors) {
    archive(errors.snapshots);
    archive(errors.fields);
    archive(errors.snapshot_fields);
  };
  archive.optional(map.errors, describe_errors);
  archive.optional(map.validation_errors, describe_errors);
}

template <class T>
AnyCompressor read_svd(Reader& reader) {
  SVDOptions options;
  describe_options(reader, options);
  std::optional<BasicSVDMap<T>> map;
  reader.optional(
      map, [&](BasicSVDMap<T>& stored) { describe_map(reader, stored, [&] { reader(stored.projection_matrix); }); });
  if (reader.remaining() != 0) throw FileError("it has bytes too many");
  return map ? BasicSVD<T>(std::move(options), std::move(*map)) : BasicSVD<T>(std::move(options));
}

/// Writes magic, an archive that begins with what it is an archive of, and the trailer.
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
  file.setstate(std::ios::failbit);  // what cereal says of a full disk
}

/// \param map             null: there is none  \param describe_basis  writes the projection matrix
template <class T>
void write_svd(std::ostream& file, const SVDOptions& options, const BasicSVDMap<T>* map,
               const std::function<void(Writer&)>& describe_basis) {
  write_framed(file, method_svd, sizeof(T), [&](Writer& writer) {
    describe_options(writer, options);
    writer.mark(map != nullptr);
    if (map != nullptr) describe_map(writer, *map, [&] { describe_basis(writer); });
  });
}

/// Compares the trailer with what comes before it, and returns the number of bytes between magic and trailer.
std::uint64_t check_frame(std::ifstream& in, std::uint64_t file_size) {
  if (file_size < magic.size() + 1 + trailer_size) throw FileError("it is too short to be a fieldfold file");
  std::array<char, magic.size()> start{};
  in.read(start.data(), start.size());
  if (start != magic) throw FileError("it is not a fieldfold file");
  in.seekg(0);
  Checksum checksum;
  std::vector<char> chunk(std::size_t{1} << 20);
  for (std::uint64_t left = file_size - 8; left > 0 && in;) {
    const auto length = std::min<std::uint64_t>(left, chunk.size());
    in.read(chunk.data(), static_cast<std::streamsize>(length));
    checksum.update(chunk.data(), length);
    left -= length;
  }
  std::array<char, 8> stored{};
  in.read(stored.data(), stored.size());
  if (!in || stored != little_endian(checksum.value())) throw FileError("it is damaged: the checksum does not match");
  in.seekg(static_cast<std::streamoff>(file_size - trailer_size));
  in.read(stored.data(), stored.size());
  if (!in || stored != little_endian(file_size - trailer_size))
    throw FileError("it is damaged: its length does not match");
  in.seekg(magic.size());
  return file_size - magic.size() - trailer_size;
}

}  // namespace

template <class T>
void save(const std::filesystem::path& path, const BasicSVD<T>& svd) {
  write_file(path, [&](std::ostream& file) {
    write_svd<T>(file, svd.options(), svd.map_exists() ? &svd.map() : nullptr,
                 [&](Writer& writer) { writer(svd.projection_matrix()); });
  });
}

template <class T>
BasicSVDMap<T> learn_to_file(const std::filesystem::path& path, const BasicSVD<T>& svd, const RowSource<T>& snapshots,
                             const RankRule& rule) {
  ScratchStore<T> basis(path.parent_path());
  BasicSVDMap<T> map;
  // The file is opened first, so that one that cannot be written is no end to hours of work.
  write_file(path, [&](std::ostream& file) {
    map = svd.learn(snapshots, basis, rule).first;
    write_svd<T>(file, svd.options(), &map, [&](Writer& writer) { writer.rows(basis); });
  });
  return map;
}

void save(const std::filesystem::path& path, const AnyCompressor& compressor) {
  if (const SVD* svd = compressor.target<SVD>()) return save(path, *svd);
  if (const auto* svd = compressor.target<BasicSVD<float>>()) return save(path, *svd);
  throw InvalidArgument("compressor: expected an SVD in double or float, which are what the file format has");
}

namespace {

/// Opens a file, checks its frame and its version, and hands on what it is an archive of.
template <class Read>
auto read_framed(const std::filesystem::path& path, const Read& read) {
  std::ifstream in = open_for_reading(path);
  try {
    const std::uint64_t payload = check_frame(in, std::filesystem::file_size(path));
    Reader reader(in, payload);
    std::uint32_t version = 0;
    std::uint32_t kind = 0;
    std::uint32_t scalar_size = 0;
    reader(version);
    if (version < 1 || version > format_version)
      throw FileError(message("its format version is ", version, ", and this library reads 1 to ", format_version));
    reader.set_version(version);
    reader(kind);
    reader(scalar_size);
    return read(reader, kind, scalar_size);
  } catch (const FileError& error) {
    throw FileError(message(path.string(), ": ", error.what()));
  } catch (const InvalidArgument& error) {
    throw FileError(message(path.string(), ": what it holds contradicts itself: ", error.what()));
  } catch (const cereal::Exception& error) {
    throw FileError(message(path.string(), ": ", error.what()));
  }
}

}  // namespace

AnyCompressor load(const std::filesystem::path& path) {
  return read_framed(path, [](Reader& reader, std::uint32_t kind, std::uint32_t scalar_size) -> AnyCompressor {
    if (kind == interpolation_operator)
      throw FileError("it holds an interpolation operator, which load_operator reads, and no compressor");
    if (kind != method_svd) throw FileError(message("its method has the unknown number ", kind));
    if (scalar_size == sizeof(double)) return read_svd<double>(reader);
    if (scalar_size == sizeof(float)) return read_svd<float>(reader);
    throw FileError(message("its numbers have ", scalar_size, " bytes; expected 4 or 8"));
  });
}

void save(const std::filesystem::path& path, const InterpolationOperator& interpolation) {
  write_file(path, [&](std::ostream& file) {
    write_framed(file, interpolation_operator, sizeof(double), [&](Writer& writer) {
      const auto* const sparse = std::get_if<SparseRows>(&interpolation.weights());
      const auto* const dense = std::get_if<xt::xarray<double>>(&interpolation.weights());
      const bool is_sparse = sparse != nullptr;
      const SparseRows no_rows;
      const xt::xarray<double> no_matrix;
      describe_operator(writer, interpolation.query_shape(), is_sparse, is_sparse ? *sparse : no_rows,
                        is_sparse ? no_matrix : *dense);
    });
  });
}

InterpolationOperator load_operator(const std::filesystem::path& path) {
  return read_framed(path, [](Reader& reader, std::uint32_t kind, std::uint32_t) {
    if (kind != interpolation_operator) throw FileError("it holds no interpolation operator");
    Shape query_shape;
    bool is_sparse = false;
    SparseRows sparse;
    xt::xarray<double> dense;
    describe_operator(reader, query_shape, is_sparse, sparse, dense);
    if (reader.remaining() != 0) throw FileError("it has bytes too many");
    if (is_sparse) return InterpolationOperator(std::move(sparse), std::move(query_shape));
    return InterpolationOperator(std::move(dense), std::move(query_shape));
  });
}

template void save(const std::filesystem::path&, const SVD&);
template void save(const std::filesystem::path&, const BasicSVD<float>&);
template SVDMap learn_to_file(const std::filesystem::path&, const SVD&, const RowSource<double>&, const RankRule&);
template BasicSVDMap<float> learn_to_file(const std::filesystem::path&, const BasicSVD<float>&, const RowSource<float>&,
                                          const RankRule&);

}  // namespace fieldfold
