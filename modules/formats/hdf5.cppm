/// HDF5 files (The HDF Group), and MATLAB files of version 7.3, which are HDF5.
export module fieldfold.formats.hdf5;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.formats.dataset;

export namespace fieldfold {

/// Keeps the HDF5 library from closing files when the program ends; to be called before its first use.
void prepare_hdf5();

/// The numeric arrays of an HDF5 file, named by their paths without the leading slash. An attribute `units` gives the
/// unit, `coordinates` the path of the coordinates, and `loop_axes` the number of axes of samples, as `write_hdf5`
/// stores them. Arrays of MATLAB (attribute `MATLAB_class`) have the shape that MATLAB shows. Compressed arrays that
/// are large are uncompressed once, to an unnamed file in the folder for temporary files.
/// \throws FileError  the file cannot be read, or is not an HDF5 file
std::unique_ptr<Dataset> open_hdf5(const std::filesystem::path& path);

/// Writes fields to arrays of their names, with coordinates as `coords`, times as `time` and the mesh in the group
/// `mesh`. \throws InvalidArgument  as `check_fields`  \throws FileError  the file cannot be written
void write_hdf5(const std::filesystem::path& path, const FieldSet& set);

/// A new HDF5 file. Names are paths; groups are created as needed.
class Hdf5Writer {
 public:
  /// \throws FileError  the file cannot be created
  explicit Hdf5Writer(const std::filesystem::path& path);
  Hdf5Writer(const Hdf5Writer&) = delete;
  Hdf5Writer& operator=(const Hdf5Writer&) = delete;
  ~Hdf5Writer();

  /// Writes an array. \throws FileError  writing failed
  template <class T>
  void array(const std::string& name, const Shape& shape, std::span<const T> numbers);

  /// The same in single precision if `is_single`.
  void numbers(const std::string& name, const Shape& shape, std::span<const double> numbers, bool is_single);

  void group(const std::string& name);
  void attribute(const std::string& object, const std::string& name, std::string_view text);
  void attribute(const std::string& object, const std::string& name, const std::vector<std::int64_t>& values);

  /// Completes the file. \throws FileError  writing failed
  void close();

 private:
  std::int64_t file_;
  std::string name_;
};

/// An array of an HDF5 file in memory, in another scalar. \throws FileError  there is none, or it cannot be read
template <class T>
std::vector<T> hdf5_numbers(const std::filesystem::path& path, const std::string& name);

/// The same for indices and counts. \throws FileError  also for a negative one
std::vector<std::uint64_t> hdf5_indices(const std::filesystem::path& path, const std::string& name);

/// The text of an attribute. \returns  none: there is no such attribute
std::optional<std::string> hdf5_text_attribute(const std::filesystem::path& path, const std::string& object,
                                               const std::string& name);

}  // namespace fieldfold
