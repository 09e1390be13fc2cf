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
  char kind = 'f';              ///< type: f for floating point, i for signed and u for unsigned integers
  std::size_t scalar_size = 8;  ///< bytes per number: 4 or 8
  std::uint64_t offset = 0;     ///< bytes before the first number
};

/// Reads the header of an .npy file and checks it against the file size.
/// \throws FileError  no such file; not an .npy file; a type other than little-endian float32, float64 or integers of 4
///                    or 8 bytes (the message names it); a file size that does not match the shape
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

/// Saves an array as an .npy file (float32 or float64, C order), atomically.
/// \throws FileError  the file cannot be written
template <class T>
void save_npy(const std::filesystem::path& path, const ArrayRef<T>& array);

/// Saves any xtensor expression: as float32 if that is its scalar, as float64 otherwise.
template <class E>
  requires xt::is_xexpression<E>::value
void save_npy(const std::filesystem::path& path, const E& expression) {
  using Scalar = std::conditional_t<std::is_same_v<typename E::value_type, float>, float, double>;
  save_npy(path, ArrayRef<Scalar>(expression));
}

}  // namespace fieldfold
