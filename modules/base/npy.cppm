/// NumPy's array files (.npy, format versions 1 to 3): float32 and float64, C and Fortran order.
export module fieldfold.base.npy;

import fieldfold.base.arrays;
import fieldfold.base.io;
import fieldfold.base.standard;

export namespace fieldfold {

/// The header of an .npy file.
struct NpyHeader {
  Shape shape;
  bool fortran_order = false;   ///< the first axis varies fastest in the file
  char kind = 'f';              ///< type: f for floating point, i for signed and u for unsigned integers, b for bool
  std::size_t scalar_size = 8;  ///< bytes per number: 1, 2, 4 or 8
  bool big_endian = false;      ///< byte order
  std::uint64_t offset = 0;     ///< bytes before the first number
};

/// Reads the header of an .npy file and checks it against the file size.
/// \throws FileError  no such file; not an .npy file; a type other than float16, float32, float64, integers of 1 to 8
///                    bytes and bool (the message names it); a file size that does not match the shape
NpyHeader read_npy_header(const std::filesystem::path& path);

/// The numbers of an .npy file in file order, read in parts, by several threads at once.
class NpyFile {
 public:
  /// \throws FileError  as `read_npy_header`
  explicit NpyFile(const std::filesystem::path& path);

  const NpyHeader& header() const { return header_; }

  /// Reads `count` numbers from `first` on and converts them from the type of the file.
  /// \throws FileError  reading failed
  template <class T>
  void read(std::size_t first, std::size_t count, T* numbers) const;

 private:
  NpyHeader header_;
  RandomAccessFile file_;
};

/// Loads an .npy file of any supported type and order into a row-major array of `T`.
/// \throws FileError  as `read_npy_header`
template <class T = double>
xt::xarray<T> load_npy(const std::filesystem::path& path);

/// Reads the header of an .npy file from a stream. \param bytes  in the file  \param name  of the file in messages
/// \throws FileError  as above
NpyHeader read_npy_header(std::istream& in, std::uint64_t bytes, std::string_view name);

/// Reads an array from a stream. Arguments and errors as above.
template <class T = double>
xt::xarray<T> read_npy(std::istream& in, std::uint64_t bytes, std::string_view name);

/// Writes an array to a stream as `save_npy` does.
template <class T>
void write_npy(std::ostream& out, const ArrayRef<T>& array);

/// Saves an array as an .npy file (float32, float64 or int64, C order), atomically.
/// \throws FileError  the file cannot be written
template <class T>
void save_npy(const std::filesystem::path& path, const ArrayRef<T>& array);

/// Saves any xtensor expression: integers as int64, float as float32, and others as float64.
template <class E>
  requires xt::is_xexpression<E>::value
void save_npy(const std::filesystem::path& path, const E& expression) {
  if constexpr (std::integral<typename E::value_type>)
    save_npy(path, ArrayRef<std::int64_t>(expression));
  else if constexpr (std::is_same_v<typename E::value_type, float>)
    save_npy(path, ArrayRef<float>(expression));
  else
    save_npy(path, ArrayRef<double>(expression));
}

}  // namespace fieldfold
