/// Fields and arrays in files of any format, by their endings.
export module fieldfold.formats.files;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.formats.dataset;

export namespace fieldfold {

/// A file format of fields.
struct Format {
  std::string_view name;
  std::vector<std::string_view> endings;  ///< with their dots; empty: a folder
  std::string_view library;               ///< empty: none
  std::string_view feature;               ///< the option of Meson; empty: always built
  std::string_view package;               ///< the Debian package of the library
  bool is_built = true;
  bool reads = true;
  bool writes = true;
};

/// All formats, whether built or not.
const std::vector<Format>& formats();

/// The format of a path by its ending; null: unknown.
const Format* format_of(const std::filesystem::path& path);

/// Files to read, and the name of an array in them.
struct Address {
  std::string text;                          ///< as given
  std::vector<std::filesystem::path> paths;  ///< in natural order
  bool is_series = false;                    ///< a pattern or a folder, also with one file
  std::string name;                          ///< empty: none was given
};

/// Parses `FILE`, `FILE:NAME`, `'PATTERN'` or `'PATTERN:NAME'`: a name follows a colon, and `*`, `?` and `[...]` match
/// a series of files. A path is taken as it is if such a file exists, whatever is in it. A folder that is no OpenFOAM
/// case is the series of the files in it, all of one format.
/// \throws FileError  there is no such file; the message has the nearest name
Address address_of(std::string_view text);

/// The files of an address, with those that a collection names. \throws FileError  the collection cannot be read
std::vector<std::filesystem::path> files_of(const Address& address);

/// Opens a file or a series. \throws FileError  an unknown format, or one that is not built; as the reader
std::unique_ptr<Dataset> open_dataset(const Address& address);

/// The name of the array that an address means: the one given; that of `preferred`, if the file has it; or that of the
/// only field. \throws FileError  none of these
std::string array_name(const Address& address, const Dataset& dataset, std::string_view preferred = {});

/// Loads the array of an address. \throws FileError  as above; the array does not fit the memory
xt::xarray<double> load_array(std::string_view address);

/// Loads a grid: that of the fields in a file that knows it, or the array of an address as coordinates,
/// `(*grid_shape, dim)`.
Grid load_grid(std::string_view address);

/// Saves an array to `FILE` or `FILE:NAME` in the format of the ending. \param name  of the array if none is given
/// \tparam T  double or float
/// \throws InvalidArgument  an unknown ending, or a shape that the format does not have; a name in a file that exists
/// \throws FileError  the file cannot be written
template <class T>
void save_array(std::string_view address, const ArrayRef<T>& array, std::string_view name);

/// Writes fields in the format of the ending; to a folder of `.npy` files if there is none.
/// \throws InvalidArgument  an unknown ending; as the writer  \throws FileError  the file cannot be written
void write_fields(const std::filesystem::path& path, const FieldSet& set);

/// The files that `write_fields` writes, and the file that `save_array` writes.
std::vector<std::filesystem::path> files_of(const std::filesystem::path& path, const FieldSet& set);
std::filesystem::path file_of(std::string_view address);

/// Whether paths follow each other as people order them: `run_9` before `run_10`.
bool natural_less(std::string_view a, std::string_view b);
void sort_naturally(std::vector<std::filesystem::path>& paths);

}  // namespace fieldfold
