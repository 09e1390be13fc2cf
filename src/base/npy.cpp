module;

#include <cerrno>
#include <cstring>

module fieldfold.base.npy;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.io;

namespace fieldfold {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are read and written in native byte order");

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::size_t longest_header = 1 << 16;

/// Parses the text of the header, a Python dictionary such as
/// `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`.
class HeaderText {
 public:
  HeaderText(std::string text, std::string_view name) : text_(std::move(text)), name_(name) {}

  std::string_view quoted(std::string_view key) const {
    const std::string_view value = after(key);
    if (value.front() == '[') return "a structured type";
    const std::size_t end = value.size() < 2 ? value.npos : value.find(value.front(), 1);
    if ((value.front() != '\'' && value.front() != '"') || end == value.npos) malformed();
    return value.substr(1, end - 1);
  }

  bool boolean(std::string_view key) const {
    const std::string_view value = after(key);
    if (value.starts_with("True")) return true;
    if (value.starts_with("False")) return false;
    malformed();
  }

  Shape shape(std::string_view key) const {
    std::string_view value = after(key);
    const std::size_t end = value.find(')');
    if (value.front() != '(' || end == value.npos) malformed();
    value = value.substr(1, end - 1);
    Shape lengths;
    while (true) {
      value.remove_prefix(std::min(value.find_first_not_of(" ,"), value.size()));
      if (value.empty()) return lengths;
      std::size_t length = 0;
      const auto [rest, failure] = std::from_chars(value.data(), value.data() + value.size(), length);
      if (failure != std::errc{}) malformed();
      lengths.push_back(length);
      value.remove_prefix(static_cast<std::size_t>(rest - value.data()));
    }
  }

 private:
  [[noreturn]] void malformed() const { throw FileError(message(name_, ": the header of the .npy file is malformed")); }

  /// The text that follows `'key':`, not empty.
  std::string_view after(std::string_view key) const {
    const std::size_t found = text_.find(message("'", key, "'"));
    const std::size_t colon = found == text_.npos ? found : text_.find(':', found);
    const std::size_t value = colon == text_.npos ? colon : text_.find_first_not_of(' ', colon + 1);
    if (value == text_.npos) malformed();
    return std::string_view(text_).substr(value);
  }

  std::string text_;
  std::string_view name_;
};

/// A number in half precision (IEEE 754 binary16).
struct Half {
  std::uint16_t bits;

  explicit operator double() const {
    const int exponent = bits >> 10 & 0x1f;
    const double fraction = (bits & 0x3ff) / 1024.0;
    const double magnitude = exponent == 0    ? std::ldexp(fraction, -14)
                             : exponent == 31 ? fraction == 0.0 ? std::numeric_limits<double>::infinity()
                                                                : std::numeric_limits<double>::quiet_NaN()
                                              : std::ldexp(1.0 + fraction, exponent - 15);
    return bits >> 15 != 0 ? -magnitude : magnitude;
  }
  explicit operator float() const { return static_cast<float>(static_cast<double>(*this)); }
};

/// Calls `action` with a number of the type in the file.
template <class Action>
auto with_scalar(const NpyHeader& header, const Action& action) {
  const auto with_size = [&](auto one, auto two, auto four, auto eight) {
    switch (header.scalar_size) {
      case 1:
        return action(one);
      case 2:
        return action(two);
      case 4:
        return action(four);
      default:
        return action(eight);
    }
  };
  if (header.kind == 'i') return with_size(std::int8_t{}, std::int16_t{}, std::int32_t{}, std::int64_t{});
  if (header.kind == 'u' || header.kind == 'b')
    return with_size(std::uint8_t{}, std::uint16_t{}, std::uint32_t{}, std::uint64_t{});
  return with_size(std::uint8_t{}, Half{}, float{}, double{});
}

/// Puts numbers in the byte order of the machine.
template <class Scalar>
void order_bytes(const NpyHeader& header, std::span<Scalar> numbers) {
  if (!header.big_endian || sizeof(Scalar) == 1) return;
  for (Scalar& number : numbers) {
    auto* const bytes = reinterpret_cast<unsigned char*>(&number);
    for (std::size_t i = 0; i < sizeof(Scalar) / 2; ++i) std::swap(bytes[i], bytes[sizeof(Scalar) - 1 - i]);
  }
}

template <class Scalar, class T>
xt::xarray<T> read_numbers(std::istream& in, const NpyHeader& header) {
  auto numbers = xt::xarray<T>::from_shape(header.shape);
  const auto read_into = [&](std::span<Scalar> stored) {
    in.read(reinterpret_cast<char*>(stored.data()), static_cast<std::streamsize>(stored.size_bytes()));
    order_bytes(header, stored);
  };
  if constexpr (std::is_same_v<Scalar, T>) {
    if (!header.fortran_order) {
      read_into({numbers.data(), numbers.size()});
      return numbers;
    }
  }
  std::vector<Scalar> stored(numbers.size());
  read_into(stored);
  const auto converted = [](Scalar number) { return static_cast<T>(number); };
  if (header.fortran_order)
    std::transform(stored.begin(), stored.end(), numbers.template begin<xt::layout_type::column_major>(), converted);
  else
    std::transform(stored.begin(), stored.end(), numbers.data(), converted);
  return numbers;
}

}  // namespace

NpyHeader read_npy_header(std::istream& in, std::uint64_t bytes, std::string_view name) {
  unsigned char lead[12] = {};
  in.read(reinterpret_cast<char*>(lead), 8);
  if (!in || std::memcmp(lead, magic.data(), magic.size()) != 0 || lead[6] < 1 || lead[6] > 3)
    throw FileError(message(name, ": is not an .npy file of format version 1, 2 or 3"));
  const int length_bytes = lead[6] == 1 ? 2 : 4;
  in.read(reinterpret_cast<char*>(lead + 8), length_bytes);
  std::size_t length = 0;
  for (int i = length_bytes; i-- > 0;) length = length << 8 | lead[8 + i];
  if (!in || length > longest_header) throw FileError(message(name, ": the header of the .npy file is malformed"));
  std::string text(length, ' ');
  in.read(text.data(), static_cast<std::streamsize>(length));
  if (!in) throw FileError(message(name, ": the .npy file ends within its header"));

  const HeaderText header(std::move(text), name);
  const std::string_view type = header.quoted("descr");
  constexpr std::array known{"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"};
  const bool has_order = !type.empty() && std::string_view("<>|=").find(type[0]) != std::string_view::npos;
  if (!has_order || std::ranges::find(known, type.substr(1)) == known.end())
    throw FileError(message(name, ": expected numbers of one of the types ", listing(known),
                            " (floating point, integers or bool), got ", type));
  NpyHeader result{.shape = header.shape("shape"),
                   .fortran_order = header.boolean("fortran_order"),
                   .kind = type[1],
                   .scalar_size = static_cast<std::size_t>(type[2] - '0'),
                   .big_endian = type[0] == '>',
                   .offset = static_cast<std::uint64_t>(8 + length_bytes) + length};

  if (result.offset > bytes) throw FileError(message(name, ": the .npy file ends within its header"));
  // Compared by division, because the product may overflow.
  std::uint64_t numbers = (bytes - result.offset) / result.scalar_size;
  const bool empty = std::ranges::find(result.shape, std::size_t{0}) != result.shape.end();
  bool fits = (bytes - result.offset) % result.scalar_size == 0;
  std::uint64_t left = std::uint64_t{1} << 56;  // distances in an empty array can be represented, too
  for (const std::size_t axis : result.shape) {
    if (!empty) {
      fits = fits && numbers % axis == 0;
      numbers /= axis;
    } else if (axis > 0) {
      fits = fits && axis <= left;
      left /= axis;
    }
  }
  if (!fits || numbers != (empty ? 0 : 1))
    throw FileError(message(name, ": the shape ", shape_text(result.shape), " of ", result.scalar_size,
                            "-byte numbers does not fit the ", bytes - result.offset, " bytes of data in the file"));
  return result;
}

NpyHeader read_npy_header(const std::filesystem::path& path) {
  std::ifstream in = open_for_reading(path);
  return read_npy_header(in, std::filesystem::file_size(path), path.string());
}

NpyFile::NpyFile(const std::filesystem::path& path) : header_(read_npy_header(path)), file_(path) {}

template <class T>
void NpyFile::read(std::size_t first, std::size_t count, T* numbers) const {
  const std::uint64_t offset = header_.offset + first * header_.scalar_size;
  with_scalar(header_, [&]<class Scalar>(Scalar) {
    if constexpr (std::is_same_v<Scalar, T>) {
      file_.read(offset, numbers, count * sizeof(T));
      order_bytes(header_, std::span(numbers, count));
    } else {
      std::vector<Scalar> stored(count);
      file_.read(offset, stored.data(), count * sizeof(Scalar));
      order_bytes(header_, std::span(stored));
      std::transform(stored.begin(), stored.end(), numbers, [](Scalar number) { return static_cast<T>(number); });
    }
  });
}

template <class T>
xt::xarray<T> read_npy(std::istream& in, std::uint64_t bytes, std::string_view name) {
  const NpyHeader header = read_npy_header(in, bytes, name);
  xt::xarray<T> numbers =
      with_scalar(header, [&]<class Scalar>(Scalar) { return read_numbers<Scalar, T>(in, header); });
  if (!in) throw FileError(message(name, ": reading failed: ", std::strerror(errno)));
  return numbers;
}

template <class T>
xt::xarray<T> load_npy(const std::filesystem::path& path) {
  std::ifstream in = open_for_reading(path);
  return read_npy<T>(in, std::filesystem::file_size(path), path.string());
}

template <class T>
void write_npy(std::ostream& out, const ArrayRef<T>& array) {
  std::string text = message("{'descr': '<", std::integral<T> ? "i" : "f", sizeof(T),
                             "', 'fortran_order': False, 'shape': ", shape_text(array.shape()), ", }");
  // The format requires a header of a multiple of 64 bytes that ends in a newline.
  const std::size_t before_text = 10;
  text.append(63 - (before_text + text.size()) % 64, ' ');
  text += '\n';
  out << magic << '\x01' << '\x00' << static_cast<char>(text.size() & 0xff) << static_cast<char>(text.size() >> 8)
      << text;
  out.write(reinterpret_cast<const char*>(array.data()), static_cast<std::streamsize>(array.size() * sizeof(T)));
}

template <class T>
void save_npy(const std::filesystem::path& path, const ArrayRef<T>& array) {
  write_file(path, [&](std::ostream& out) { write_npy(out, array); });
}

template void NpyFile::read(std::size_t, std::size_t, double*) const;
template void NpyFile::read(std::size_t, std::size_t, float*) const;
template xt::xarray<double> read_npy<double>(std::istream&, std::uint64_t, std::string_view);
template xt::xarray<float> read_npy<float>(std::istream&, std::uint64_t, std::string_view);
template void write_npy(std::ostream&, const ArrayRef<double>&);
template void write_npy(std::ostream&, const ArrayRef<float>&);
template xt::xarray<double> load_npy<double>(const std::filesystem::path&);
template xt::xarray<float> load_npy<float>(const std::filesystem::path&);
template void save_npy(const std::filesystem::path&, const ArrayRef<double>&);
template void save_npy(const std::filesystem::path&, const ArrayRef<float>&);
template void save_npy(const std::filesystem::path&, const ArrayRef<std::int64_t>&);

}  // namespace fieldfold
