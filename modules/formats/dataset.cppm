/// Fields in files, whatever their format: what a reader provides, and what a writer is given.
export module fieldfold.formats.dataset;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.fields.mesh;
import fieldfold.rows.stored;

export namespace fieldfold {

/// What a file says of one of its arrays.
struct Variable {
  std::string name;  ///< empty: the file holds this array alone
  Shape shape = {};  ///< `(*loop_shape, *grid_shape)`, or for a vector field `(*loop_shape, *grid_shape, components)`
  /// The number of leading axes that count samples; none: the file does not say.
  std::optional<std::size_t> loop_axes = std::nullopt;
  std::size_t components = 1;                      ///< above 1: those of a vector field
  std::string units = {};                          ///< empty: unknown
  FieldLocation location = FieldLocation::points;  ///< of the values on a mesh
  bool is_field = true;                            ///< rather than coordinates, cells or times
};

/// What a file says of the grid of its fields.
struct Grid {
  std::optional<xt::xarray<double>> coords = std::nullopt;  ///< `(*grid_shape, dim)`
  std::shared_ptr<const Mesh> mesh = nullptr;               ///< null: none
  /// `(m,)` and `(n,)`: the degrees of the last two axes of a latitude-longitude grid; empty: it is none.
  xt::xarray<double> latitudes = zeros<double>({0});
  xt::xarray<double> longitudes = zeros<double>({0});
};

/// A file, or a series of files, to read fields from. Safe to use from many threads at once.
class Dataset {
 public:
  Dataset() = default;
  Dataset(const Dataset&) = delete;
  Dataset& operator=(const Dataset&) = delete;
  virtual ~Dataset();

  /// The arrays in the file, in its order.
  virtual const std::vector<Variable>& variables() const = 0;

  /// An array, with NaN for its missing values. It keeps the file open as long as it needs it.
  /// \throws FileError  there is no such array, or it cannot be read
  virtual std::shared_ptr<const StoredArray> array(std::string_view name) const = 0;

  /// The grid of a field. \throws FileError  as `array`
  virtual Grid grid(std::string_view name) const;

  /// The times of the samples; empty: unknown. \throws FileError  reading failed
  virtual std::vector<double> times(std::string_view name) const;

  /// The variable of a name. \throws FileError  there is none; the message has the nearest name, or all
  const Variable& variable(std::string_view name) const;
};

/// The location of a field; of points, if there is no such field.
FieldLocation location_of(const std::vector<Variable>& variables, std::string_view name);

/// A reader of files that are read one snapshot at a time, such as meshes with data.
class Frames {
 public:
  virtual ~Frames();
  virtual std::size_t count() const = 0;
  /// The variables of one snapshot; they have no loop axes.
  virtual const std::vector<Variable>& variables() const = 0;
  /// Reads arrays of one snapshot, in the order of the names.
  virtual std::vector<xt::xarray<double>> read(std::size_t frame, const std::vector<std::string>& names) const = 0;
  virtual Grid grid(std::string_view name) const = 0;
  virtual std::vector<double> times() const = 0;
};

/// The snapshots of frames stacked along a new axis; without that axis for one frame that is no series. All arrays that
/// have been asked for are read together when the first of them is, in one pass over the frames, to memory or to an
/// unnamed file in the folder for temporary files.
std::unique_ptr<Dataset> stacked(std::shared_ptr<const Frames> frames, bool is_series);

/// A series of files in the order given: their snapshots follow each other.
/// \param paths  at least one
/// \param open   opens one file
/// \throws FileError  as `open`; while reading, a file whose arrays have other shapes than those of the first
std::shared_ptr<const Frames> frames_of_files(
    std::vector<std::filesystem::path> paths, std::vector<double> times,
    std::function<std::unique_ptr<Dataset>(const std::filesystem::path&)> open);

/// A field to write.
struct NamedField {
  std::string name;
  xt::xarray<double> values;  ///< `(*loop_shape, *grid_shape)`
  std::string units = {};     ///< empty: unknown
};

/// Fields to write, and the grid on which they lie.
struct FieldSet {
  std::vector<NamedField> fields;
  /// The number of leading axes that count samples. An array that is no field does not say.
  std::size_t loop_axes = 0;
  bool has_loop_axes = true;
  Grid grid = {};                  ///< coords `(*grid_shape, dim)` or `(num_pts, dim)`
  std::vector<double> times = {};  ///< of the samples; empty: unknown
  bool single_precision = false;   ///< whether to store float32
};

/// The number of samples of fields. \throws InvalidArgument  no fields; fields of different shapes; a mesh or coords of
/// another number of points; names that are empty or given twice
std::size_t check_fields(const FieldSet& set);

/// The part of fields that belongs to one sample.
FieldSet sample_of(const FieldSet& set, std::size_t sample);

/// The ending of a path with its dot, in small letters; empty: there is none.
std::string ending_of(const std::filesystem::path& path);

/// The path of one file of a series: `run.vtu` becomes `run_0007.vtu`.
std::filesystem::path path_of_sample(const std::filesystem::path& path, std::size_t sample, std::size_t count);

/// Fields that are written as one array: a scalar, or the three components of a vector.
struct FieldGroup {
  std::string name;
  std::vector<const NamedField*> components;
};

/// Joins fields `U_x`, `U_y`, `U_z` that follow each other to vectors `U`. \param set  it must outlive the groups
std::vector<FieldGroup> groups_of(const FieldSet& set);

/// A text as the value of an attribute in XML.
std::string escaped_xml(std::string_view text);

/// The size up to which compressed arrays are kept in memory, so that each of their chunks is uncompressed once.
constexpr std::size_t most_cached_bytes = std::size_t{1} << 28;

/// The guard of the HDF5 library, on which NetCDF stands, and which takes one call at a time.
std::recursive_mutex& hdf5_guard();

/// The times of the samples of fields; their numbers, if the times are unknown. \param samples  their number
std::vector<double> times_of(const FieldSet& set, std::size_t samples);

/// The mesh of fields, or a vertex at each of their points.
/// \throws InvalidArgument  neither mesh nor coordinates, or more than three of these
std::shared_ptr<const Mesh> mesh_to_write(const FieldSet& set);

/// Checks a mesh that was read. \throws FileError  as `validate`
void expect_valid(const Mesh& mesh, const std::filesystem::path& path);

/// The numbers of the array `time`, `(num_samples,)`; empty: there is none.
std::vector<double> array_of_times(const Dataset& dataset);

/// Whether a folder is an OpenFOAM case.
bool is_openfoam_case(const std::filesystem::path& folder);

/// The coordinates of fields on a mesh, `(num_pts, 3)`: its nodes or the centroids of its cells.
xt::xarray<double> coords_of(const Mesh& mesh);

}  // namespace fieldfold
