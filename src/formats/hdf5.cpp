module;

#include <hdf5.h>
#include <string>
#include <tuple>

module fieldfold.formats.hdf5;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.io;
import fieldfold.base.memory;
import fieldfold.fields.mesh;
import fieldfold.formats.dataset;
import fieldfold.linalg.dense;
import fieldfold.rows.stored;

namespace fieldfold {
namespace {

static_assert(std::is_same_v<::hid_t, std::int64_t>, "handles of HDF5 are kept as such in the interface");

/// The description of the innermost error of the last call.
std::string last_error() {
  std::string text;
  const auto keep = [](unsigned depth, const ::H5E_error2_t* error, void* into) -> ::herr_t {
    if (depth == 0 && error->desc != nullptr) *static_cast<std::string*>(into) = error->desc;
    return 0;
  };
  ::H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep, &text);
  // "file write failed: time = ..., errno = 28, error message = 'No space left on device', ..."
  constexpr std::string_view reason = "error message = '";
  if (const std::size_t found = text.find(reason); found != text.npos) {
    text.erase(0, found + reason.size());
    text.resize(std::min(text.size(), text.find('\'')));
  }
  return text.empty() ? "unknown error" : text;
}

template <class Result>
Result checked(Result result, std::string_view name) {
  if (result < 0) throw FileError(message(name, ": HDF5: ", last_error()));
  return result;
}

/// A handle that is closed with this object.
class Handle {
 public:
  Handle(::hid_t id, ::herr_t (*close)(::hid_t), std::string_view name) : id_(checked(id, name)), close_(close) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Handle() { close(); }
  void close() {
    if (id_ < 0) return;
    const std::scoped_lock lock(hdf5_guard());
    close_(std::exchange(id_, -1));
  }
  operator ::hid_t() const { return id_; }  // NOLINT(google-explicit-constructor): it stands for its number

 private:
  ::hid_t id_;
  ::herr_t (*close_)(::hid_t);
};

/// Errors are thrown, not printed; call with the guard held.
void silence() {
  prepare_hdf5();
  ::H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Handle access_without_locks(std::string_view name) {
  Handle access(::H5Pcreate(H5P_FILE_ACCESS), ::H5Pclose, name);
#if H5_VERSION_GE(1, 12, 1) || (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 12, 0))
  // Files of others may lie where locks fail.
  ::H5Pset_file_locking(access, false, true);
#endif
  return access;
}

Handle opened_file(const std::filesystem::path& path) {
  open_for_reading(path);
  silence();
  if (const ::htri_t is_hdf5 = ::H5Fis_hdf5(path.c_str()); is_hdf5 <= 0)
    throw FileError(message(path.string(), ": is not an HDF5 file",
                            path.extension() == ".mat" ? "; MATLAB writes one by save -v7.3" : ""));
  const Handle access = access_without_locks(path.string());
  return {::H5Fopen(path.c_str(), H5F_ACC_RDONLY, access), ::H5Fclose, path.string()};
}

template <class T>
::hid_t native_type() {
  if constexpr (std::is_same_v<T, double>) return H5T_NATIVE_DOUBLE;
  if constexpr (std::is_same_v<T, float>) return H5T_NATIVE_FLOAT;
  if constexpr (std::is_same_v<T, std::int64_t>) return H5T_NATIVE_INT64;
  if constexpr (std::is_same_v<T, std::uint64_t>) return H5T_NATIVE_UINT64;
  if constexpr (std::is_same_v<T, std::uint8_t>) return H5T_NATIVE_UINT8;
}

Shape shape_of(::hid_t dataset, std::string_view name) {
  const Handle space(::H5Dget_space(dataset), ::H5Sclose, name);
  const int axes = checked(::H5Sget_simple_extent_ndims(space), name);
  std::vector<::hsize_t> lengths(static_cast<std::size_t>(axes));
  checked(::H5Sget_simple_extent_dims(space, lengths.data(), nullptr), name);
  Shape shape(lengths.begin(), lengths.end());
  expect_countable(shape, name);
  return shape;
}

bool has_attribute(::hid_t object, const char* name) { return ::H5Aexists(object, name) > 0; }

std::string text_attribute(::hid_t object, const char* name) {
  if (!has_attribute(object, name)) return {};
  const Handle attribute(::H5Aopen(object, name, H5P_DEFAULT), ::H5Aclose, name);
  const Handle type(::H5Aget_type(attribute), ::H5Tclose, name);
  const Handle space(::H5Aget_space(attribute), ::H5Sclose, name);
  if (::H5Tget_class(type) != H5T_STRING || ::H5Sget_simple_extent_npoints(space) != 1) return {};
  if (::H5Tis_variable_str(type) > 0) {
    char* text = nullptr;
    const Handle memory(::H5Tcopy(H5T_C_S1), ::H5Tclose, name);
    ::H5Tset_size(memory, H5T_VARIABLE);
    ::H5Tset_cset(memory, ::H5Tget_cset(type));
    if (::H5Aread(attribute, memory, static_cast<void*>(&text)) < 0 || text == nullptr) return {};
    const std::string result = text;
    ::H5free_memory(text);
    return result;
  }
  std::string result(::H5Tget_size(type), '\0');
  if (::H5Aread(attribute, type, result.data()) < 0) return {};
  result.resize(std::min(result.size(), result.find('\0')));
  return result;
}

std::optional<std::size_t> count_attribute(::hid_t object, const char* name) {
  if (!has_attribute(object, name)) return std::nullopt;
  const Handle attribute(::H5Aopen(object, name, H5P_DEFAULT), ::H5Aclose, name);
  const Handle space(::H5Aget_space(attribute), ::H5Sclose, name);
  std::uint64_t value = 0;
  if (::H5Sget_simple_extent_npoints(space) != 1 || ::H5Aread(attribute, H5T_NATIVE_UINT64, &value) < 0)
    return std::nullopt;
  return value;
}

std::optional<double> number_attribute(::hid_t object, const char* name) {
  if (!has_attribute(object, name)) return std::nullopt;
  const Handle attribute(::H5Aopen(object, name, H5P_DEFAULT), ::H5Aclose, name);
  const Handle space(::H5Aget_space(attribute), ::H5Sclose, name);
  double value = 0.0;
  if (::H5Sget_simple_extent_npoints(space) != 1 || ::H5Aread(attribute, H5T_NATIVE_DOUBLE, &value) < 0)
    return std::nullopt;
  return value;
}

bool is_number(::hid_t dataset) {
  const Handle type(::H5Dget_type(dataset), ::H5Tclose, "type");
  const ::H5T_class_t kind = ::H5Tget_class(type);
  return kind == H5T_FLOAT || kind == H5T_INTEGER || kind == H5T_ENUM;
}

/// An array in a file; that of MATLAB has its axes in reverse.
class Hdf5Array final : public BoxedArray {
 public:
  Hdf5Array(std::shared_ptr<const Handle> file, Handle dataset, Shape shape, bool is_reversed, std::string name)
      : BoxedArray(std::move(shape)),
        file_(std::move(file)),
        dataset_(std::move(dataset)),
        is_reversed_(is_reversed),
        name_(std::move(name)),
        fill_(number_attribute(dataset_, "_FillValue")) {}

  bool is_fortran_order() const override { return is_reversed_; }

  void read_box(const Shape& first, const Shape& count, double* numbers) const override {
    if (!is_reversed_) return read_stored(first, count, numbers);
    std::vector<double> stored(size_of(count));
    read_stored({first.rbegin(), first.rend()}, {count.rbegin(), count.rend()}, stored.data());
    // Each index in C order is counted along with its place in reverse order.
    Shape index(count.size(), 0);
    for (std::size_t i = 0; i < stored.size(); ++i) {
      std::size_t place = 0;
      for (std::size_t axis = count.size(); axis-- > 0;) place = place * count[axis] + index[axis];
      numbers[i] = stored[place];
      for (std::size_t axis = count.size(); axis-- > 0 && ++index[axis] == count[axis];) index[axis] = 0;
    }
  }

  void read_transposed(const ArrayPart& part, MatrixView<double> numbers) const override {
    const bool is_direct = is_reversed_ && shape().size() == 2 && part.loop_axes == 1 && numbers.stride == part.rows;
    if (!is_direct) return BoxedArray::read_transposed(part, numbers);
    read_stored({part.first_col, part.first_row}, {part.cols, part.rows}, numbers.data);
  }

 private:
  void read_stored(const Shape& first, const Shape& count, double* numbers) const {
    const std::scoped_lock lock(hdf5_guard());
    const Handle space(::H5Dget_space(dataset_), ::H5Sclose, name_);
    const std::vector<::hsize_t> start(first.begin(), first.end());
    const std::vector<::hsize_t> lengths(count.begin(), count.end());
    if (!start.empty())
      checked(::H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, lengths.data(), nullptr), name_);
    // The same shape on both sides spares the library a selection of single numbers in chunks.
    const Handle memory(lengths.empty() ? ::H5Screate(H5S_SCALAR)
                                        : ::H5Screate_simple(static_cast<int>(lengths.size()), lengths.data(), nullptr),
                        ::H5Sclose, name_);
    checked(::H5Dread(dataset_, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, numbers), name_);
    if (!fill_) return;
    for (double& number : std::span(numbers, size_of(count)))
      if (number == *fill_) number = std::numeric_limits<double>::quiet_NaN();
  }

  std::shared_ptr<const Handle> file_;
  Handle dataset_;
  bool is_reversed_;
  std::string name_;
  std::optional<double> fill_;  ///< stands for a missing value
};

class Hdf5Dataset final : public Dataset {
 public:
  explicit Hdf5Dataset(const std::filesystem::path& path) : path_(path.string()) {
    const std::scoped_lock lock(hdf5_guard());
    file_ = make_shared<const Handle>(opened_file(path));
    const auto visit = [](::hid_t, const char* name, const ::H5O_info_t* info, void* self) -> ::herr_t {
      if (info->type != H5O_TYPE_DATASET) return 0;
      auto& dataset = *static_cast<Hdf5Dataset*>(self);
      try {
        dataset.add(name);
        return 0;
      } catch (...) {
        dataset.failure_ = std::current_exception();
        return -1;
      }
    };
#if H5_VERSION_GE(1, 12, 0)
    const ::herr_t visited = ::H5Ovisit3(*file_, H5_INDEX_NAME, H5_ITER_NATIVE, visit, this, H5O_INFO_BASIC);
#else
    const ::herr_t visited = ::H5Ovisit(*file_, H5_INDEX_NAME, H5_ITER_NATIVE, visit, this);
#endif
    if (failure_) std::rethrow_exception(failure_);
    checked(visited, path_);
    for (Variable& variable : variables_)
      variable.is_field =
          !variable.shape.empty() && !not_fields_.contains(variable.name) && !variable.name.starts_with("mesh/");
  }

  const std::vector<Variable>& variables() const override { return variables_; }

  std::shared_ptr<const StoredArray> array(std::string_view given) const override {
    const Variable& own = variable(given);
    const std::string name = message(path_, ":/", own.name);
    const std::scoped_lock lock(hdf5_guard());
    silence();
    Handle dataset = opened(own.name, name);
    const Handle creation(::H5Dget_create_plist(dataset), ::H5Pclose, name);
    const bool is_filtered = ::H5Pget_layout(creation) == H5D_CHUNKED && ::H5Pget_nfilters(creation) > 0;
    const std::size_t size = size_of(own.shape);
    const bool is_reversed = has_attribute(dataset, "MATLAB_class") && own.shape.size() > 1;
    const bool is_large = size > most_cached_bytes / sizeof(double);
    if (is_filtered && !is_large) {
      // All chunks stay in the cache, so that each is uncompressed once.
      const Handle access(::H5Pcreate(H5P_DATASET_ACCESS), ::H5Pclose, name);
      ::H5Pset_chunk_cache(access, 12421, size * sizeof(double), 1.0);
      // An open array would keep the cache that it has.
      dataset.close();
      dataset = Handle(::H5Dopen2(*file_, own.name.c_str(), access), ::H5Dclose, name);
    }
    const auto stored = make_shared<const Hdf5Array>(file_, std::move(dataset), own.shape, is_reversed, name);
    if (!is_filtered || !is_large) return stored;
    return scratch_copy(*stored);
  }

  Grid grid(std::string_view given) const override {
    Grid grid = coords_of_field(given);
    if (std::ranges::find(variables_, "mesh/types", &Variable::name) == variables_.end()) return grid;
    auto mesh = make_shared<Mesh>();
    mesh->points = load_array(*array("mesh/points"));
    mesh->offsets = hdf5_indices(path_, "mesh/offsets");
    mesh->nodes = hdf5_indices(path_, "mesh/nodes");
    mesh->types = hdf5_numbers<std::uint8_t>(path_, "mesh/types");
    if (hdf5_text_attribute(path_, "mesh", "location") == "cells") mesh->location = FieldLocation::cells;
    expect_valid(*mesh, path_);
    grid.mesh = std::move(mesh);
    return grid;
  }

  Grid coords_of_field(std::string_view given) const {
    if (given.empty()) return {};
    const std::string coords = attribute_of(variable(given).name, "coordinates");
    if (coords.empty()) return {};
    const auto found = std::ranges::find(variables_, without_slash(coords), &Variable::name);
    if (found == variables_.end()) return {};
    return {.coords = load_array(*array(found->name))};
  }

  std::vector<double> times(std::string_view) const override { return array_of_times(*this); }

 private:
  static std::string without_slash(const std::string& name) { return name.starts_with('/') ? name.substr(1) : name; }

  Handle opened(const std::string& name, std::string_view full_name) const {
    return {::H5Dopen2(*file_, name.c_str(), H5P_DEFAULT), ::H5Dclose, full_name};
  }

  std::string attribute_of(const std::string& name, const char* attribute) const {
    const std::scoped_lock lock(hdf5_guard());
    return text_attribute(opened(name, name), attribute);
  }

  void add(const char* name) {
    const Handle dataset = opened(name, name);
    // MATLAB stores texts, cells and empty arrays as numbers, too.
    const std::string matlab_class = text_attribute(dataset, "MATLAB_class");
    if (!is_number(dataset) || matlab_class == "char" || matlab_class == "cell" ||
        has_attribute(dataset, "MATLAB_empty"))
      return;
    Variable variable{.name = name, .shape = shape_of(dataset, name)};
    if (has_attribute(dataset, "MATLAB_class")) std::ranges::reverse(variable.shape);
    variable.units = text_attribute(dataset, "units");
    variable.loop_axes = count_attribute(dataset, "loop_axes");
    if (variable.loop_axes.value_or(0) > variable.shape.size()) variable.loop_axes.reset();
    if (variable.loop_axes) not_fields_.insert("time");
    if (const std::string coords = text_attribute(dataset, "coordinates"); !coords.empty())
      not_fields_.insert({without_slash(coords), "time"});
    if (text_attribute(dataset, "CLASS") == "DIMENSION_SCALE") not_fields_.insert(variable.name);
    variables_.push_back(std::move(variable));
  }

  std::string path_;
  std::shared_ptr<const Handle> file_;
  std::vector<Variable> variables_;
  std::set<std::string, std::less<>> not_fields_;
  std::exception_ptr failure_;  ///< of a visit, which must not leave the library
};

}  // namespace

void prepare_hdf5() {
  // Where a file could not be closed, because the disk was full, the library would fail once more at the end of the
  // program, and crash.
  static const bool is_done = ::H5dont_atexit() >= 0;
  std::ignore = is_done;
}

std::unique_ptr<Dataset> open_hdf5(const std::filesystem::path& path) { return std::make_unique<Hdf5Dataset>(path); }

Hdf5Writer::Hdf5Writer(const std::filesystem::path& path) : file_(-1), name_(path.string()) {
  const std::scoped_lock lock(hdf5_guard());
  silence();
  const Handle access = access_without_locks(name_);
  file_ = checked(::H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access), name_);
}

Hdf5Writer::~Hdf5Writer() {
  if (file_ < 0) return;
  const std::scoped_lock lock(hdf5_guard());
  ::H5Fclose(file_);
}

template <class T>
void Hdf5Writer::array(const std::string& name, const Shape& shape, std::span<const T> numbers) {
  const std::scoped_lock lock(hdf5_guard());
  const std::vector<::hsize_t> lengths(shape.begin(), shape.end());
  const Handle space(shape.empty() ? ::H5Screate(H5S_SCALAR)
                                   : ::H5Screate_simple(static_cast<int>(shape.size()), lengths.data(), nullptr),
                     ::H5Sclose, name);
  const Handle links(::H5Pcreate(H5P_LINK_CREATE), ::H5Pclose, name);
  ::H5Pset_create_intermediate_group(links, 1);
  const Handle dataset(::H5Dcreate2(file_, name.c_str(), native_type<T>(), space, links, H5P_DEFAULT, H5P_DEFAULT),
                       ::H5Dclose, name);
  if (!numbers.empty())
    checked(::H5Dwrite(dataset, native_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()), name);
}

void Hdf5Writer::numbers(const std::string& name, const Shape& shape, std::span<const double> numbers, bool is_single) {
  if (!is_single) return array<double>(name, shape, numbers);
  std::vector<float> rounded(numbers.size());
  std::ranges::transform(numbers, rounded.begin(), [](double x) { return static_cast<float>(x); });
  array<float>(name, shape, rounded);
}

void Hdf5Writer::group(const std::string& name) {
  const std::scoped_lock lock(hdf5_guard());
  const Handle created(::H5Gcreate2(file_, name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), ::H5Gclose, name);
}

void Hdf5Writer::attribute(const std::string& object, const std::string& name, std::string_view text) {
  const std::scoped_lock lock(hdf5_guard());
  const Handle owner(::H5Oopen(file_, object.c_str(), H5P_DEFAULT), ::H5Oclose, object);
  const Handle type(::H5Tcopy(H5T_C_S1), ::H5Tclose, name);
  ::H5Tset_size(type, std::max<std::size_t>(1, text.size()));
  ::H5Tset_strpad(type, H5T_STR_NULLPAD);
  // VTK compares the character set of its type names with ASCII.
  const bool is_ascii = std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 128; });
  ::H5Tset_cset(type, is_ascii ? H5T_CSET_ASCII : H5T_CSET_UTF8);
  const Handle space(::H5Screate(H5S_SCALAR), ::H5Sclose, name);
  const Handle created(::H5Acreate2(owner, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), ::H5Aclose, name);
  const std::string terminated(text);
  checked(::H5Awrite(created, type, terminated.c_str()), name);
}

void Hdf5Writer::attribute(const std::string& object, const std::string& name,
                           const std::vector<std::int64_t>& values) {
  const std::scoped_lock lock(hdf5_guard());
  const Handle owner(::H5Oopen(file_, object.c_str(), H5P_DEFAULT), ::H5Oclose, object);
  const ::hsize_t size = values.size();
  const Handle space(size == 1 ? ::H5Screate(H5S_SCALAR) : ::H5Screate_simple(1, &size, nullptr), ::H5Sclose, name);
  const Handle created(::H5Acreate2(owner, name.c_str(), H5T_NATIVE_INT64, space, H5P_DEFAULT, H5P_DEFAULT), ::H5Aclose,
                       name);
  checked(::H5Awrite(created, H5T_NATIVE_INT64, values.data()), name);
}

void Hdf5Writer::close() {
  const std::scoped_lock lock(hdf5_guard());
  checked(::H5Fflush(file_, H5F_SCOPE_GLOBAL), name_);
  checked(::H5Fclose(std::exchange(file_, -1)), name_);
}

void write_hdf5(const std::filesystem::path& path, const FieldSet& set) {
  check_fields(set);
  for (const std::string reserved : {"coords", "time", "mesh"})
    if (std::ranges::find(set.fields, reserved, &NamedField::name) != set.fields.end())
      throw InvalidArgument(message("field ", reserved, ": expected another name: this one is for the ",
                                    reserved == "coords" ? "points"
                                    : reserved == "time" ? "times"
                                                         : "cells"));
  write_file_at(path, [&](const std::filesystem::path& temporary) {
    Hdf5Writer file(temporary);
    for (const auto& [name, values, units] : set.fields) {
      file.numbers(name, Shape(values.shape().begin(), values.shape().end()), {values.data(), values.size()},
                   set.single_precision);
      if (!units.empty()) file.attribute(name, "units", units);
      if (set.has_loop_axes)
        file.attribute(name, "loop_axes", std::vector<std::int64_t>{static_cast<std::int64_t>(set.loop_axes)});
      if (set.grid.coords) file.attribute(name, "coordinates", "/coords");
    }
    if (const auto& coords = set.grid.coords)
      file.array<double>("coords", Shape(coords->shape().begin(), coords->shape().end()),
                         {coords->data(), coords->size()});
    if (!set.times.empty()) file.array<double>("time", {set.times.size()}, set.times);
    if (const auto& mesh = set.grid.mesh) {
      file.array<double>("mesh/points", {mesh->num_nodes(), 3}, {mesh->points.data(), mesh->points.size()});
      file.array<std::uint64_t>("mesh/offsets", {mesh->offsets.size()}, mesh->offsets);
      file.array<std::uint64_t>("mesh/nodes", {mesh->nodes.size()}, mesh->nodes);
      file.array<std::uint8_t>("mesh/types", {mesh->types.size()}, mesh->types);
      file.attribute("mesh", "location", mesh->location == FieldLocation::cells ? "cells" : "points");
    }
    file.close();
  });
}

template <class T>
std::vector<T> hdf5_numbers(const std::filesystem::path& path, const std::string& name) {
  const std::scoped_lock lock(hdf5_guard());
  const Handle file = opened_file(path);
  const std::string full_name = message(path.string(), ":/", name);
  const Handle dataset(::H5Dopen2(file, name.c_str(), H5P_DEFAULT), ::H5Dclose, full_name);
  const std::size_t size = size_of(shape_of(dataset, full_name));
  if (size > available_memory() / sizeof(T))
    throw FileError(message(full_name, ": expected an array that fits the memory, got ", bytes_text(size * sizeof(T))));
  std::vector<T> numbers(size);
  if (size > 0) checked(::H5Dread(dataset, native_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()), full_name);
  return numbers;
}

std::vector<std::uint64_t> hdf5_indices(const std::filesystem::path& path, const std::string& name) {
  const auto numbers = hdf5_numbers<std::int64_t>(path, name);
  for (const std::int64_t number : numbers)
    if (number < 0)
      throw FileError(message(path.string(), ":/", name, ": expected numbers of 0 or more, got ", number));
  return {numbers.begin(), numbers.end()};
}

std::optional<std::string> hdf5_text_attribute(const std::filesystem::path& path, const std::string& object,
                                               const std::string& name) {
  const std::scoped_lock lock(hdf5_guard());
  const Handle file = opened_file(path);
  if (object != "/" && ::H5Lexists(file, object.c_str(), H5P_DEFAULT) <= 0) return std::nullopt;
  const Handle owner(::H5Oopen(file, object.c_str(), H5P_DEFAULT), ::H5Oclose, object);
  if (!has_attribute(owner, name.c_str())) return std::nullopt;
  return text_attribute(owner, name.c_str());
}

template void Hdf5Writer::array(const std::string&, const Shape&, std::span<const double>);
template void Hdf5Writer::array(const std::string&, const Shape&, std::span<const float>);
template void Hdf5Writer::array(const std::string&, const Shape&, std::span<const std::int64_t>);
template void Hdf5Writer::array(const std::string&, const Shape&, std::span<const std::uint64_t>);
template void Hdf5Writer::array(const std::string&, const Shape&, std::span<const std::uint8_t>);
template std::vector<double> hdf5_numbers(const std::filesystem::path&, const std::string&);
template std::vector<std::int64_t> hdf5_numbers(const std::filesystem::path&, const std::string&);
template std::vector<std::uint64_t> hdf5_numbers(const std::filesystem::path&, const std::string&);
template std::vector<std::uint8_t> hdf5_numbers(const std::filesystem::path&, const std::string&);

}  // namespace fieldfold
