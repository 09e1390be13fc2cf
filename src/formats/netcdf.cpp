module;

#include <netcdf.h>

module fieldfold.formats.netcdf;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.io;
import fieldfold.formats.dataset;
import fieldfold.formats.hdf5;
import fieldfold.rows.missing_values;
import fieldfold.rows.stored;

namespace fieldfold {
namespace {

void check(int status, std::string_view name) {
  if (status == NC_NOERR) return;
  std::string_view reason = ::nc_strerror(status);
  constexpr std::string_view prefix = "NetCDF: ";
  if (reason.starts_with(prefix)) reason.remove_prefix(prefix.size());
  throw FileError(message(name, ": NetCDF: ", reason));
}

/// An open file.
class File {
 public:
  File(int id, std::string name) : id_(id), name_(std::move(name)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    const std::scoped_lock lock(hdf5_guard());
    if (id_ >= 0) ::nc_close(id_);
  }
  int id() const { return id_; }
  const std::string& name() const { return name_; }
  void close() { check(::nc_close(std::exchange(id_, -1)), name_); }

 private:
  int id_;
  std::string name_;
};

/// An attribute as text; empty: there is none.
std::string text_of(int file, int variable, const char* name) {
  ::nc_type type = NC_NAT;
  std::size_t length = 0;
  if (::nc_inq_att(file, variable, name, &type, &length) != NC_NOERR || length == 0) return {};
  if (type == NC_STRING) {
    std::vector<char*> texts(length, nullptr);
    if (::nc_get_att_string(file, variable, name, texts.data()) != NC_NOERR) return {};
    std::string text = texts[0] == nullptr ? "" : texts[0];
    ::nc_free_string(length, texts.data());
    return text;
  }
  if (type != NC_CHAR) return {};
  std::string text(length, '\0');
  if (::nc_get_att_text(file, variable, name, text.data()) != NC_NOERR) return {};
  text.resize(std::min(text.size(), text.find('\0')));
  return text;
}

/// The numbers of an attribute; empty: there is none.
std::vector<double> numbers_of(int file, int variable, const char* name) {
  ::nc_type type = NC_NAT;
  std::size_t length = 0;
  if (::nc_inq_att(file, variable, name, &type, &length) != NC_NOERR || type == NC_CHAR || type == NC_STRING) return {};
  std::vector<double> numbers(length);
  if (::nc_get_att_double(file, variable, name, numbers.data()) != NC_NOERR) return {};
  return numbers;
}

/// A variable of the file, with what its attributes say.
struct Description {
  int id = 0;
  std::string name;
  std::vector<int> axes;  ///< its dimensions
  Shape shape;
  std::string units;
  std::string standard_name;
  std::string axis;
  std::string coordinates;
  std::vector<double> missing;  ///< as stored
  double scale = 1.0;
  double offset = 0.0;
  double low = -std::numeric_limits<double>::infinity();  ///< of valid numbers as stored
  double high = std::numeric_limits<double>::infinity();
  double modulus = 0.0;  ///< added to negative numbers of unsigned integers that are stored as signed ones
};

/// The number of values that were never written. Bytes have none.
std::vector<double> default_fill(int file, int variable) {
  ::nc_type type = NC_NAT;
  ::nc_inq_vartype(file, variable, &type);
  switch (type) {
    case NC_FLOAT:
      return {static_cast<double>(NC_FILL_FLOAT)};
    case NC_DOUBLE:
      return {NC_FILL_DOUBLE};
    case NC_SHORT:
      return {NC_FILL_SHORT};
    case NC_INT:
      return {NC_FILL_INT};
    case NC_USHORT:
      return {NC_FILL_USHORT};
    case NC_UINT:
      return {NC_FILL_UINT};
    case NC_INT64:
      return {static_cast<double>(NC_FILL_INT64)};
    case NC_UINT64:
      return {static_cast<double>(NC_FILL_UINT64)};
    default:
      return {};
  }
}

Description describe(int file, int id, const std::string& path) {
  Description result;
  result.id = id;
  std::array<char, NC_MAX_NAME + 1> name{};
  int count = 0;
  check(::nc_inq_var(file, id, name.data(), nullptr, &count, nullptr, nullptr), path);
  result.name = name.data();
  result.axes.resize(static_cast<std::size_t>(count));
  check(::nc_inq_vardimid(file, id, result.axes.data()), path);
  for (const int axis : result.axes) {
    std::size_t length = 0;
    check(::nc_inq_dimlen(file, axis, &length), path);
    result.shape.push_back(length);
  }
  expect_countable(result.shape, path);
  result.units = text_of(file, id, "units");
  result.standard_name = text_of(file, id, "standard_name");
  result.axis = text_of(file, id, "axis");
  result.coordinates = text_of(file, id, "coordinates");
  for (const char* attribute : {"_FillValue", "missing_value"})
    for (const double number : numbers_of(file, id, attribute)) result.missing.push_back(number);
  if (numbers_of(file, id, "_FillValue").empty())
    for (const double number : default_fill(file, id)) result.missing.push_back(number);
  if (const auto range = numbers_of(file, id, "valid_range"); range.size() == 2) {
    result.low = range[0];
    result.high = range[1];
  }
  if (const auto low = numbers_of(file, id, "valid_min"); low.size() == 1) result.low = low[0];
  if (const auto high = numbers_of(file, id, "valid_max"); high.size() == 1) result.high = high[0];
  if (text_of(file, id, "_Unsigned") == "true") {
    ::nc_type type = NC_NAT;
    ::nc_inq_vartype(file, id, &type);
    result.modulus = type == NC_BYTE ? 256.0 : type == NC_SHORT ? 65536.0 : type == NC_INT ? 4294967296.0 : 0.0;
    for (double* limit : {&result.low, &result.high})
      if (std::isfinite(*limit) && *limit < 0.0) *limit += result.modulus;
    for (double& number : result.missing)
      if (number < 0.0) number += result.modulus;
  }
  if (const auto scale = numbers_of(file, id, "scale_factor"); scale.size() == 1) result.scale = scale[0];
  if (const auto offset = numbers_of(file, id, "add_offset"); offset.size() == 1) result.offset = offset[0];
  return result;
}

bool is_time(const Description& variable) {
  return variable.axis == "T" || variable.standard_name == "time" ||
         variable.units.find(" since ") != std::string::npos;
}

bool is_latitude(const Description& variable) {
  constexpr std::array units{"degrees_north", "degree_north", "degrees_N", "degree_N", "degreesN", "degreeN"};
  return variable.standard_name == "latitude" || std::ranges::find(units, variable.units) != units.end();
}

bool is_longitude(const Description& variable) {
  constexpr std::array units{"degrees_east", "degree_east", "degrees_E", "degree_E", "degreesE", "degreeE"};
  return variable.standard_name == "longitude" || std::ranges::find(units, variable.units) != units.end();
}

/// The header of a file in a classic format (NetCDF user's guide, appendix B), as far as the size of the file needs it.
class ClassicHeader {
 public:
  explicit ClassicHeader(const std::filesystem::path& path) : in_(open_for_reading(path)) {
    std::array<char, 4> magic{};
    in_.read(magic.data(), 4);
    is_classic_ =
        in_ && std::string_view(magic.data(), 3) == "CDF" && (magic[3] == 1 || magic[3] == 2 || magic[3] == 5);
    if (!is_classic_) return;
    count_bytes_ = magic[3] == 5 ? 8 : 4;
    const std::size_t offset_bytes = magic[3] == 1 ? 4 : 8;
    const std::uint64_t records = number(count_bytes_);
    std::vector<std::uint64_t> lengths;
    for_list([&] {
      skip_name();
      lengths.push_back(number(count_bytes_));
    });
    skip_attributes();
    std::uint64_t record = 0;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> of_records;  // offset and size
    for_list([&] {
      skip_name();
      bool has_records = false;
      for (std::uint64_t axes = number(count_bytes_), axis = 0; in_ && axis < axes; ++axis) {
        const std::uint64_t dimension = number(count_bytes_);
        has_records = has_records || (axis == 0 && dimension < lengths.size() && lengths[dimension] == 0);
      }
      skip_attributes();
      number(4);
      const std::uint64_t size = number(count_bytes_);
      const std::uint64_t offset = number(offset_bytes);
      if (has_records) of_records.emplace_back(offset, size);
      if (has_records) record += size;
      if (!has_records) size_ = std::max(size_, offset + size);
    });
    const bool is_streaming = records == (count_bytes_ == 4 ? 0xffffffffU : ~std::uint64_t{0});
    for (const auto& [offset, size] : of_records)
      if (records > 0 && !is_streaming && of_records.size() > 1)
        size_ = std::max(size_, offset + (records - 1) * record + size);
      else if (records > 0 && !is_streaming)
        size_ = std::max(size_, offset + (records - 1) * (size - std::min<std::uint64_t>(size, 3)));
  }

  /// The least size of the complete file; 0: it has another format.
  std::uint64_t least_size() const {
    // The last number may lack its padding to four bytes.
    return is_classic_ && in_ && size_ > 3 ? size_ - 3 : 0;
  }

 private:
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t result = 0;
    for (std::size_t i = 0; i < bytes; ++i) result = result << 8 | static_cast<unsigned char>(in_.get());
    return result;
  }
  void skip(std::uint64_t bytes) { in_.ignore(static_cast<std::streamsize>(bytes + (4 - bytes % 4) % 4)); }
  void skip_name() { skip(number(count_bytes_)); }
  template <class Action>
  void for_list(const Action& action) {
    number(4);
    for (std::uint64_t count = number(count_bytes_), i = 0; in_ && i < count; ++i) action();
  }
  void skip_attributes() {
    constexpr std::array<std::uint64_t, 12> sizes{0, 1, 1, 2, 4, 4, 8, 1, 2, 4, 8, 8};
    for_list([&] {
      skip_name();
      const std::uint64_t type = number(4);
      skip(number(count_bytes_) * (type < sizes.size() ? sizes[type] : 0));
    });
  }

  std::ifstream in_;
  bool is_classic_ = false;
  std::size_t count_bytes_ = 4;
  std::uint64_t size_ = 0;
};

class NetcdfArray final : public BoxedArray {
 public:
  NetcdfArray(std::shared_ptr<const File> file, Description variable)
      : BoxedArray(variable.shape), file_(std::move(file)), variable_(std::move(variable)) {}

  void read_box(const Shape& first, const Shape& count, double* numbers) const override {
    {
      const std::scoped_lock lock(hdf5_guard());
      check(::nc_get_vara_double(file_->id(), variable_.id, first.data(), count.data(), numbers), file_->name());
    }
    for (double& number : std::span(numbers, size_of(count))) {
      if (number < 0.0) number += variable_.modulus;
      const bool is_missing =
          number < variable_.low || number > variable_.high || is_missing_value(number, variable_.missing);
      number = is_missing ? std::numeric_limits<double>::quiet_NaN() : number * variable_.scale + variable_.offset;
    }
  }

 private:
  std::shared_ptr<const File> file_;
  Description variable_;
};

class NetcdfDataset final : public Dataset {
 public:
  explicit NetcdfDataset(const std::filesystem::path& path) {
    open_for_reading(path);
    // The library reads zeros where a classic file ends too early.
    const std::uint64_t size = std::filesystem::file_size(path);
    if (const std::uint64_t least = ClassicHeader(path).least_size(); size < least)
      throw FileError(message(path.string(), ": is truncated: expected at least ", least, " bytes, got ", size));
    const std::scoped_lock lock(hdf5_guard());
#ifdef FIELDFOLD_HDF5
    prepare_hdf5();
#endif
    int id = -1;
    check(::nc_open(path.c_str(), NC_NOWRITE, &id), path.string());
    file_ = make_shared<const File>(id, path.string());
    int count = 0;
    check(::nc_inq_nvars(id, &count), path.string());
    for (int i = 0; i < count; ++i) {
      ::nc_type type = NC_NAT;
      check(::nc_inq_vartype(id, i, &type), path.string());
      if (type == NC_CHAR || type == NC_STRING || type > NC_STRING) continue;
      descriptions_.push_back(describe(id, i, path.string()));
    }
    std::set<std::string> not_fields;
    for (const Description& variable : descriptions_) {
      if (coordinate_of_axis(variable.name) == &variable) not_fields.insert(variable.name);
      for (const std::string& name : words(variable.coordinates)) not_fields.insert(name);
      for (const std::string& name : words(text_of(id, variable.id, "bounds"))) not_fields.insert(name);
    }
    for (const Description& variable : descriptions_)
      variables_.push_back({.name = variable.name,
                            .shape = variable.shape,
                            .loop_axes = loop_axes_of(variable),
                            .units = variable.units,
                            .is_field = !variable.shape.empty() && !not_fields.contains(variable.name)});
  }

  const std::vector<Variable>& variables() const override { return variables_; }

  std::shared_ptr<const StoredArray> array(std::string_view name) const override {
    const Description& own = description(name);
    const std::size_t loop_axes = loop_axes_of(own).value_or(0);
    for (std::size_t axis = 0; axis < loop_axes; ++axis) {
      const Description* const before = coordinate_of(own.axes[axis]);
      const bool is_of_grid = before != nullptr && (is_latitude(*before) || is_longitude(*before));
      if (loop_axes > 1 && (is_of_grid || loop_axes == own.axes.size()))
        throw FileError(message(file_->name(), ": expected the axis of time of ", own.name,
                                " before those of the grid, got the shape ", shape_text(own.shape),
                                " with time as axis ", loop_axes));
    }
    auto stored = make_shared<NetcdfArray>(file_, own);
    const std::scoped_lock lock(hdf5_guard());
    int is_compressed = 0;
    if (::nc_inq_var_deflate(file_->id(), own.id, nullptr, &is_compressed, nullptr) != NC_NOERR || is_compressed == 0)
      return stored;
    const std::size_t bytes = size_of(own.shape) * sizeof(double);
    if (bytes > most_cached_bytes) return scratch_copy(*stored);
    check(::nc_set_var_chunk_cache(file_->id(), own.id, bytes, 12421, 1.0F), file_->name());
    return stored;
  }

  Grid grid(std::string_view name) const override {
    if (name.empty()) return {};
    const Description& field = description(name);
    const std::size_t loop_axes = loop_axes_of(field).value_or(0);
    Grid grid;
    const Shape grid_shape(field.shape.begin() + static_cast<std::ptrdiff_t>(loop_axes), field.shape.end());
    std::vector<xt::xarray<double>> axes;
    std::vector<const Description*> variables;
    for (std::size_t axis = loop_axes; axis < field.axes.size(); ++axis) {
      const Description* const own = coordinate_of(field.axes[axis]);
      if (own == nullptr) {
        grid.coords = auxiliary_coords(field, grid_shape);
        return grid;
      }
      variables.push_back(own);
      axes.push_back(load_array(NetcdfArray(file_, *own)));
    }
    if (axes.empty()) return {};
    const std::size_t n = axes.size();
    if (n >= 2 && is_latitude(*variables[n - 2]) && is_longitude(*variables[n - 1])) {
      grid.latitudes = axes[n - 2];
      grid.longitudes = axes[n - 1];
    }
    grid.coords = xt::xarray<double>::from_shape(joined(grid_shape, {n}));
    for (std::size_t p = 0; p < size_of(grid_shape); ++p) {
      std::size_t rest = p;
      for (std::size_t axis = n; axis-- > 0;) {
        grid.coords->data()[p * n + axis] = axes[axis](rest % grid_shape[axis]);
        rest /= grid_shape[axis];
      }
    }
    return grid;
  }

  std::vector<double> times(std::string_view name) const override {
    // Without a name: of the first field that has times.
    for (const Description& field : descriptions_) {
      if (!name.empty() && field.name != name) continue;
      if (loop_axes_of(field) != std::size_t{1}) continue;
      const Description* const own = coordinate_of(field.axes.front());
      if (own == nullptr || own == &field) continue;
      const auto values = load_array(NetcdfArray(file_, *own));
      return {values.begin(), values.end()};
    }
    return {};
  }

 private:
  static std::vector<std::string> words(const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> result;
    for (std::string word; in >> word;) result.push_back(word);
    return result;
  }

  const Description& description(std::string_view name) const {
    return descriptions_[static_cast<std::size_t>(&variable(name) - variables_.data())];
  }

  const Description* find(std::string_view name) const {
    const auto found = std::ranges::find(descriptions_, name, &Description::name);
    return found == descriptions_.end() ? nullptr : &*found;
  }

  /// The coordinate variable of a dimension: the one of its name; null: it has none.
  const Description* coordinate_of(int dimension) const {
    const std::scoped_lock lock(hdf5_guard());
    std::array<char, NC_MAX_NAME + 1> name{};
    check(::nc_inq_dimname(file_->id(), dimension, name.data()), file_->name());
    const Description* const found = find(name.data());
    return found != nullptr && found->axes == std::vector<int>{dimension} ? found : nullptr;
  }
  const Description* coordinate_of_axis(std::string_view name) const {
    const Description* const found = find(name);
    return found != nullptr && found->axes.size() == 1 ? coordinate_of(found->axes[0]) : nullptr;
  }

  /// The number of axes up to that of time; none: there is none.
  std::optional<std::size_t> loop_axes_of(const Description& field) const {
    for (std::size_t axis = 0; axis < field.axes.size(); ++axis)
      if (const Description* const own = coordinate_of(field.axes[axis]); own != nullptr && is_time(*own))
        return axis + 1;
    const std::scoped_lock lock(hdf5_guard());
    int count = 0;
    std::array<int, NC_MAX_DIMS> unlimited{};
    if (::nc_inq_unlimdims(file_->id(), &count, unlimited.data()) != NC_NOERR) return std::nullopt;
    const auto known = std::span(unlimited).first(static_cast<std::size_t>(count));
    for (std::size_t axis = 0; axis < field.axes.size(); ++axis)
      if (std::ranges::find(known, field.axes[axis]) != known.end()) return axis + 1;
    return std::nullopt;
  }

  /// The coordinates that the attribute `coordinates` of a field names, if each has the shape of the grid.
  std::optional<xt::xarray<double>> auxiliary_coords(const Description& field, const Shape& grid_shape) const {
    std::vector<xt::xarray<double>> parts;
    for (const std::string& name : words(field.coordinates))
      if (const Description* const own = find(name); own != nullptr && own->shape == grid_shape && !grid_shape.empty())
        parts.push_back(load_array(NetcdfArray(file_, *own)));
    if (parts.empty()) return std::nullopt;
    const std::size_t dim = parts.size();
    auto coords = xt::xarray<double>::from_shape(joined(grid_shape, {dim}));
    for (std::size_t axis = 0; axis < dim; ++axis)
      for (std::size_t p = 0; p < size_of(grid_shape); ++p) coords.data()[p * dim + axis] = parts[axis].data()[p];
    return coords;
  }

  std::shared_ptr<const File> file_;
  std::vector<Description> descriptions_;
  std::vector<Variable> variables_;
};

/// The values of coordinates along each axis of their grid, if the grid is the product of these axes.
std::optional<std::vector<std::vector<double>>> axes_of(const xt::xarray<double>& coords, const Shape& grid_shape) {
  const std::size_t dim = coords.shape().back();
  if (dim != grid_shape.size()) return std::nullopt;
  std::vector<std::vector<double>> axes;
  std::size_t stride = size_of(grid_shape);
  for (std::size_t axis = 0; axis < dim; ++axis) {
    stride /= grid_shape[axis];
    axes.emplace_back();
    for (std::size_t i = 0; i < grid_shape[axis]; ++i) axes.back().push_back(coords.data()[i * stride * dim + axis]);
    for (std::size_t p = 0; p < size_of(grid_shape); ++p)
      if (coords.data()[p * dim + axis] != axes.back()[p / stride % grid_shape[axis]]) return std::nullopt;
  }
  return axes;
}

class Writer {
 public:
  Writer(const std::filesystem::path& path, const FieldSet& set) : set_(set) {
#ifdef FIELDFOLD_HDF5
    prepare_hdf5();
#endif
    int id = -1;
    check(::nc_create(path.c_str(), NC_NETCDF4 | NC_CLOBBER, &id), path.string());
    file_.emplace(id, path.string());
    const Shape first(set.fields.front().values.shape().begin(), set.fields.front().values.shape().end());
    for (std::size_t axis = 0; axis < first.size(); ++axis) {
      const bool is_loop = axis < set.loop_axes;
      const std::size_t number = is_loop ? axis : axis - set.loop_axes;
      const std::string name = is_loop ? (set.loop_axes == 1 ? "time" : message("sample_", axis))
                               : first.size() - set.loop_axes == 1                         ? "point"
                               : set.grid.latitudes.size() > 0 && axis + 2 == first.size() ? "lat"
                               : set.grid.latitudes.size() > 0 && axis + 1 == first.size() ? "lon"
                                                                                           : message("axis_", number);
      int dimension = -1;
      check(::nc_def_dim(id, name.c_str(), first[axis], &dimension), name);
      dimensions_.push_back(dimension);
      names_.push_back(name);
      if (!is_loop) grid_shape_.push_back(first[axis]);
    }
  }

  void write() {
    write_coords();
    write_times();
    for (const auto& [name, values, units] : set_.fields) {
      const int id =
          write_array(name, dimensions_, {values.data(), values.size()}, set_.single_precision ? NC_FLOAT : NC_DOUBLE);
      text(id, "units", units);
      text(id, "coordinates", auxiliary_);
    }
    file_->close();
  }

 private:
  int write_array(const std::string& name, const std::vector<int>& dimensions, std::span<const double> numbers,
                  ::nc_type type) {
    int id = -1;
    if (const int status =
            ::nc_def_var(file_->id(), name.c_str(), type, static_cast<int>(dimensions.size()), dimensions.data(), &id);
        status == NC_EBADNAME || status == NC_ENAMEINUSE)
      throw InvalidArgument(message(
          "field ", name, ": expected a name that NetCDF allows and that is not an axis: ", ::nc_strerror(status)));
    else
      check(status, name);
    check(::nc_put_var_double(file_->id(), id, numbers.data()), name);
    return id;
  }

  void text(int variable, const char* name, const std::string& value) {
    if (!value.empty()) check(::nc_put_att_text(file_->id(), variable, name, value.size(), value.c_str()), name);
  }

  /// The last axis of samples as an axis of time, which tells readers where the grid begins.
  void write_times() {
    if (set_.loop_axes == 0) return;
    const std::size_t axis = set_.loop_axes - 1;
    std::size_t length = 0;
    check(::nc_inq_dimlen(file_->id(), dimensions_[axis], &length), names_[axis]);
    text(write_array(names_[axis], {dimensions_[axis]}, times_of(set_, length), NC_DOUBLE), "axis", "T");
  }

  void write_coords() {
    if (!set_.grid.coords) return;
    const auto& coords = *set_.grid.coords;
    const std::vector<int> grid(dimensions_.begin() + static_cast<std::ptrdiff_t>(set_.loop_axes), dimensions_.end());
    const std::size_t dim = coords.shape().back();
    if (const auto axes = axes_of(coords, grid_shape_)) {
      const bool is_latlon = set_.grid.latitudes.size() > 0 && dim >= 2;
      for (std::size_t axis = 0; axis < dim; ++axis) {
        const int id = write_array(names_[set_.loop_axes + axis], {grid[axis]}, (*axes)[axis], NC_DOUBLE);
        if (is_latlon && axis + 2 == dim) text(id, "units", "degrees_north");
        if (is_latlon && axis + 1 == dim) text(id, "units", "degrees_east");
      }
      return;
    }
    std::vector<double> part(coords.size() / dim);
    for (std::size_t axis = 0; axis < dim; ++axis) {
      for (std::size_t p = 0; p < part.size(); ++p) part[p] = coords.data()[p * dim + axis];
      const std::string name = message("coord_", axis);
      write_array(name, grid, part, NC_DOUBLE);
      auxiliary_ += (axis == 0 ? "" : " ") + name;
    }
  }

  const FieldSet& set_;
  std::optional<File> file_;
  std::vector<int> dimensions_;
  std::vector<std::string> names_;
  Shape grid_shape_;
  std::string auxiliary_;
};

}  // namespace

std::unique_ptr<Dataset> open_netcdf(const std::filesystem::path& path) {
  return std::make_unique<NetcdfDataset>(path);
}

void write_netcdf(const std::filesystem::path& path, const FieldSet& set) {
  check_fields(set);
  const std::scoped_lock lock(hdf5_guard());
  write_file_at(path, [&](const std::filesystem::path& temporary) { Writer(temporary, set).write(); });
}

}  // namespace fieldfold
