module;

#include <glob.h>
#include <filesystem>

module fieldfold.formats.files;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.names;
import fieldfold.base.npy;
import fieldfold.formats.csv;
import fieldfold.formats.dataset;
import fieldfold.formats.hdf5;
import fieldfold.formats.netcdf;
import fieldfold.formats.npz;
import fieldfold.formats.vtk;
import fieldfold.formats.vtkhdf;
import fieldfold.rows.npy;
import fieldfold.rows.stored;

namespace fieldfold {
namespace {

namespace fs = std::filesystem;

class NpyDataset final : public Dataset {
 public:
  explicit NpyDataset(const fs::path& path)
      : array_(make_shared<NpyArray>(path)), variables_{{.name = "", .shape = array_->shape()}} {}
  const std::vector<Variable>& variables() const override { return variables_; }
  std::shared_ptr<const StoredArray> array(std::string_view name) const override {
    variable(name);
    return array_;
  }

 private:
  std::shared_ptr<const NpyArray> array_;
  std::vector<Variable> variables_;
};

std::unique_ptr<Dataset> open_npy(const fs::path& path) { return std::make_unique<NpyDataset>(path); }

/// One `.npy` file for each field, in a folder that is created if missing.
void write_npy_folder(const fs::path& folder, const FieldSet& set) {
  check_fields(set);
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) throw FileError(message(folder.string(), ": the folder cannot be created: ", failure.message()));
  for (const auto& [name, values, units] : set.fields)
    if (set.single_precision)
      save_npy<float>(folder / (name + ".npy"), array_cast<float>(values));
    else
      save_npy<double>(folder / (name + ".npy"), values);
}

struct Implementation {
  Format format;
  std::unique_ptr<Dataset> (*open)(const fs::path&) = nullptr;
  void (*write)(const fs::path&, const FieldSet&) = nullptr;
};

const std::vector<Implementation>& implementations() {
  static const std::vector<Implementation> all = [] {
    std::vector<Implementation> list{
        {{"NumPy array", {".npy"}, "", "", ""}, open_npy, nullptr},
        {{"CSV table", {".csv", ".tsv", ".txt"}, "", "", ""}, open_csv, write_csv},
        {{"NumPy archive", {".npz"}, "libzip", "npz", "libzip-dev"}},
        {{"HDF5", {".h5", ".hdf5"}, "HDF5", "hdf5", "libhdf5-dev"}},
        {{"MATLAB 7.3", {".mat"}, "HDF5", "hdf5", "libhdf5-dev"}},
        {{"NetCDF", {".nc", ".nc4"}, "netcdf-c", "netcdf", "libnetcdf-dev"}},
        {{"VTK XML", {".vtu", ".pvd"}, "VTK", "vtk", "libvtk9-dev"}},
        {{"VTK XML, other", {".vtp", ".vti", ".vtr", ".vts"}, "VTK", "vtk", "libvtk9-dev"}},
        {{"VTK legacy", {".vtk"}, "VTK", "vtk", "libvtk9-dev"}},
        {{"VTKHDF", {".vtkhdf"}, "HDF5", "hdf5", "libhdf5-dev"}},
        {{"XDMF", {".xdmf"}, "HDF5", "hdf5", "libhdf5-dev"}},
        {{"OpenFOAM case", {}, "VTK", "vtk", "libvtk9-dev"}},
    };
    [[maybe_unused]] const auto set = [&](std::string_view name, auto open, auto write) {
      Implementation& own =
          *std::ranges::find(list, name, [](const Implementation& entry) { return entry.format.name; });
      own.open = open;
      own.write = write;
    };
#ifdef FIELDFOLD_NPZ
    set("NumPy archive", open_npz, write_npz);
#endif
#ifdef FIELDFOLD_HDF5
    set("HDF5", open_hdf5, write_hdf5);
    set("MATLAB 7.3", open_hdf5, nullptr);
    set("VTKHDF", open_vtkhdf, write_vtkhdf);
    set("XDMF", nullptr, write_xdmf);
#endif
#ifdef FIELDFOLD_NETCDF
    set("NetCDF", open_netcdf, write_netcdf);
#endif
#ifdef FIELDFOLD_VTK
    set("VTK XML", open_vtk, write_vtk);
    set("VTK XML, other", open_vtk, nullptr);
    set("VTK legacy", open_vtk, write_vtk);
    set("OpenFOAM case", open_openfoam, nullptr);
#endif
    for (Implementation& own : list) {
      own.format.is_built = own.open != nullptr || own.write != nullptr;
      constexpr std::array read_only{"OpenFOAM case", "MATLAB 7.3", "VTK XML, other"};
      own.format.reads = own.format.name != "XDMF";
      own.format.writes = std::ranges::find(read_only, own.format.name) == read_only.end();
    }
    return list;
  }();
  return all;
}

const Implementation* implementation_of(const fs::path& path) {
  const std::string ending = ending_of(path);
  for (const Implementation& own : implementations())
    if (std::ranges::find(own.format.endings, ending) != own.format.endings.end()) return &own;
  return nullptr;
}

[[noreturn]] void not_built(const fs::path& path, const Format& format) {
  throw FileError(message(path.string(), ": this build does not support ", format.name, " files; build with -D",
                          format.feature, "=enabled, which needs the Debian package ", format.package));
}

std::string known_endings() {
  std::vector<std::string> endings;
  for (const Format& format : formats())
    if (format.reads) endings.insert(endings.end(), format.endings.begin(), format.endings.end());
  return listing(endings);
}

/// The files that a pattern matches, in natural order.
std::vector<fs::path> matches(const std::string& pattern) {
  std::vector<fs::path> paths;
  if (pattern.find_first_of("*?[") == pattern.npos) return paths;
  ::glob_t found{};
  if (::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found) == 0)
    for (std::size_t i = 0; i < found.gl_pathc; ++i) paths.emplace_back(found.gl_pathv[i]);
  ::globfree(&found);
  sort_naturally(paths);
  return paths;
}

/// The files of one format in a folder.
std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::set<std::string> endings;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(folder, failure)) {
    const Implementation* const own = implementation_of(entry.path());
    if (own == nullptr || !own->format.reads || ending_of(entry.path()) == ".pvd" || !entry.is_regular_file()) continue;
    paths.push_back(entry.path());
    endings.insert(entry.path().extension().string());
  }
  if (failure) throw FileError(message(folder.string(), ": the folder cannot be read: ", failure.message()));
  if (paths.empty())
    throw FileError(message(folder.string(), ": expected an OpenFOAM case or a folder of files ", known_endings(),
                            ", got none of these"));
  if (endings.size() > 1)
    throw FileError(message(folder.string(), ": expected files of one format, got ",
                            listing(std::vector<std::string>(endings.begin(), endings.end())), "; a pattern such as '",
                            (folder / ("*" + *endings.begin())).string(), "' selects some"));
  sort_naturally(paths);
  return paths;
}

/// Whether a text is a file, a folder or a pattern of files; then its paths are set.
bool finds(const std::string& text, Address& address) {
  std::error_code failure;
  if (!text.empty() && fs::exists(text, failure)) {
    // ParaView opens a case by a file of this ending in it.
    const fs::path folder = fs::path(text).has_parent_path() ? fs::path(text).parent_path() : fs::path(".");
    if (text.ends_with(".foam") && is_openfoam_case(folder)) {
      address.paths = {folder};
      return true;
    }
    address.is_series = fs::is_directory(text) && !is_openfoam_case(text);
    address.paths = address.is_series ? files_in(text) : std::vector<fs::path>{text};
    return true;
  }
  address.paths = matches(text);
  address.is_series = true;
  return !address.paths.empty();
}

/// The path in a text that names no file: up to the colon behind a known ending, or all of it.
std::string path_in(const std::string& text) {
  for (std::size_t colon = text.find(':'); colon != text.npos; colon = text.find(':', colon + 1))
    if (format_of(text.substr(0, colon)) != nullptr) return text.substr(0, colon);
  return text;
}

[[noreturn]] void not_found(const std::string& text) {
  const fs::path path = path_in(text);
  if (path.native().find_first_of("*?[") != std::string::npos)
    throw FileError(message(path.string(), ": no file matches this pattern"));
  std::vector<std::string> known;
  std::error_code failure;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  for (const auto& entry : fs::directory_iterator(folder, failure)) known.push_back(entry.path().filename().string());
  const auto nearest = nearest_name(path.filename().string(), known);
  const std::string hint =
      nearest ? message("; the nearest is ", path.has_parent_path() ? (folder / *nearest).string() : *nearest) : "";
  throw FileError(message(path.string(), ": cannot be read: No such file or directory", hint));
}

/// The path and the name in an address to write to.
std::pair<fs::path, std::string> target_of(std::string_view text) {
  const std::string path = path_in(std::string(text));
  if (path.size() == text.size()) return {path, ""};
  const std::size_t name = text.find_first_not_of('/', path.size() + 1);
  return {path, name == text.npos ? std::string() : std::string(text.substr(name))};
}

}  // namespace

std::vector<fs::path> files_of(const Address& address) {
#ifdef FIELDFOLD_VTK
  if (address.paths.size() == 1 && ending_of(address.paths.front()) == ".pvd") {
    std::vector<fs::path> files = read_collection(address.paths.front()).paths;
    files.push_back(address.paths.front());
    return files;
  }
#endif
  return address.paths;
}

const std::vector<Format>& formats() {
  static const std::vector<Format> all = [] {
    std::vector<Format> list;
    for (const Implementation& own : implementations()) list.push_back(own.format);
    return list;
  }();
  return all;
}

const Format* format_of(const fs::path& path) {
  const Implementation* const own = implementation_of(path);
  return own == nullptr ? nullptr : &own->format;
}

bool natural_less(std::string_view a, std::string_view b) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (!is_digit(a[i]) || !is_digit(b[j])) {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
      continue;
    }
    const auto number = [&](std::string_view text, std::size_t& at) {
      while (at < text.size() && text[at] == '0') ++at;
      const std::size_t first = at;
      while (at < text.size() && is_digit(text[at])) ++at;
      return text.substr(first, at - first);
    };
    const std::string_view left = number(a, i);
    const std::string_view right = number(b, j);
    if (left.size() != right.size()) return left.size() < right.size();
    if (left != right) return left < right;
  }
  return i == a.size() && j == b.size() ? a < b : a.size() - i < b.size() - j;
}

void sort_naturally(std::vector<fs::path>& paths) {
  std::ranges::sort(paths, [](const fs::path& a, const fs::path& b) { return natural_less(a.native(), b.native()); });
}

Address address_of(std::string_view text) {
  Address address{.text = std::string(text), .paths = {}, .name = {}};
  if (finds(address.text, address)) return address;
  for (std::size_t colon = text.rfind(':'); colon != text.npos && colon > 0; colon = text.rfind(':', colon - 1)) {
    address.name = std::string(text.substr(colon + 1));
    if (finds(std::string(text.substr(0, colon)), address)) return address;
  }
  not_found(address.text);
}

std::unique_ptr<Dataset> open_dataset(const Address& address) {
  const fs::path& path = address.paths.front();
  if (address.paths.size() > 1)
    for (const fs::path& each : address.paths)
      if (fs::is_directory(each) || ending_of(each) == ".pvd")
        throw FileError(message(address.text, ": expected a series of files, or one case or collection, got ",
                                address.paths.size(), ", with ", each.string()));
  if (is_openfoam_case(path)) {
    const Implementation& own = *std::ranges::find(implementations(), "OpenFOAM case",
                                                   [](const Implementation& entry) { return entry.format.name; });
    return own.open != nullptr ? own.open(path) : (not_built(path, own.format), nullptr);
  }
  const auto open = [](const fs::path& file) {
    const Implementation* const own = implementation_of(file);
    if (own == nullptr)
      throw FileError(message(file.string(), ": expected a file with one of the endings ", known_endings(),
                              ", or an OpenFOAM case"));
    if (!own->format.is_built) not_built(file, own->format);
    if (own->open == nullptr) throw FileError(message(file.string(), ": files of this format are written only"));
    return own->open(file);
  };
#ifdef FIELDFOLD_VTK
  if (ending_of(path) == ".pvd") {
    auto [paths, times] = read_collection(path);
    return stacked(frames_of_files(std::move(paths), std::move(times), open), true);
  }
#endif
  if (!address.is_series) return open(path);
  return stacked(frames_of_files(address.paths, {}, open), true);
}

std::string array_name(const Address& address, const Dataset& dataset, std::string_view preferred) {
  if (!address.name.empty()) {
    try {
      return dataset.variable(address.name).name;
    } catch (const FileError& error) {
      throw FileError(
          message(address.text.substr(0, address.text.size() - address.name.size() - 1), ": ", error.what()));
    }
  }
  const auto& variables = dataset.variables();
  if (!preferred.empty() && std::ranges::find(variables, preferred, &Variable::name) != variables.end())
    return std::string(preferred);
  std::vector<std::string> names;
  for (const Variable& variable : variables) {
    if (variable.name.empty()) return {};
    if (variable.is_field) names.push_back(variable.name);
  }
  if (names.size() == 1) return names.front();
  if (names.empty()) throw FileError(message(address.text, ": has no array of numbers"));
  throw FileError(message(address.text, ": expected the name of an array after a colon, such as ", address.text, ":",
                          names.front(), "; it has ", listing(names)));
}

xt::xarray<double> load_array(std::string_view text) {
  const Address address = address_of(text);
  const auto dataset = open_dataset(address);
  return load_array(*dataset->array(array_name(address, *dataset)));
}

Grid load_grid(std::string_view text) {
  const Address address = address_of(text);
  const auto dataset = open_dataset(address);
  const auto& variables = dataset->variables();
  const auto field = std::ranges::find_if(
      variables, [](const Variable& variable) { return variable.is_field && !variable.name.empty(); });
  const std::string name = !address.name.empty()      ? dataset->variable(address.name).name
                           : field != variables.end() ? field->name
                                                      : std::string();
  if (Grid grid = dataset->grid(name); grid.coords) return grid;
  if (address.name.empty() && std::ranges::find(variables, "coords", &Variable::name) != variables.end())
    return {.coords = load_array(*dataset->array("coords"))};
  return {.coords = load_array(*dataset->array(array_name(address, *dataset)))};
}

template <class T>
void save_array(std::string_view text, const ArrayRef<T>& array, std::string_view default_name) {
  const auto [path, name] = target_of(text);
  const Implementation* const own = implementation_of(path);
  if (own != nullptr && own->format.name == "NumPy array") return save_npy(path, array);
  if (own == nullptr || !own->format.writes || own->format.library == "VTK" || own->format.name == "VTKHDF" ||
      own->format.name == "XDMF")
    throw InvalidArgument(message(
        path.string(), ": expected a file of arrays with one of the endings .npy, .npz, .csv, ", ".h5 and .nc"));
  if (!own->format.is_built) not_built(path, own->format);
  if (own->format.name == "CSV table") {
    std::vector<std::string> names{name.empty() ? std::string(default_name) : name};
    if (array.dimension() == 2) {
      names.clear();
      for (std::size_t k = 0; k < array.shape()[1]; ++k) names.push_back(message(default_name, "_", k + 1));
    }
    return write_table(path, array.template copy<double>(), names);
  }
  if (!name.empty() && fs::exists(path))
    throw InvalidArgument(message(path.string(), ": expected a new file for the array ", name,
                                  ": files are written as a whole, and this one exists"));
  own->write(path, {.fields = {{name.empty() ? std::string(default_name) : name, array.template copy<double>()}},
                    .has_loop_axes = false,
                    .single_precision = std::same_as<T, float>});
}

void write_fields(const fs::path& path, const FieldSet& set) {
  if (path.extension().empty() || fs::is_directory(path)) return write_npy_folder(path, set);
  const Implementation* const own = implementation_of(path);
  if (own == nullptr || own->format.name == "NumPy array" || !own->format.writes)
    throw InvalidArgument(message(path.string(),
                                  ": expected a folder for .npy files, or a file with one of the endings ",
                                  ".npz, .csv, .h5, .nc, .vtu, .pvd, .vtk, .vtkhdf and .xdmf"));
  if (!own->format.is_built) not_built(path, own->format);
  own->write(path, set);
}

std::filesystem::path file_of(std::string_view address) { return target_of(address).first; }

std::vector<fs::path> files_of(const fs::path& path, const FieldSet& set) {
  const Format* const format = format_of(path);
  std::vector<fs::path> files;
  if (path.extension().empty() || fs::is_directory(path)) {
    for (const NamedField& field : set.fields) files.push_back(path / (field.name + ".npy"));
    return files;
  }
  const auto with_ending = [&](const char* ending) { return fs::path(path).replace_extension(ending); };
  const bool is_collection = ending_of(path) == ".pvd";
  const bool is_series = set.loop_axes > 0 || is_collection;
  if (format == nullptr || !is_series || (format->library != "VTK" && format->name != "CSV table")) {
    files.push_back(path);
    if (format != nullptr && format->name == "XDMF") files.push_back(with_ending(".h5"));
    return files;
  }
  const std::size_t samples = check_fields(set);
  const fs::path one = is_collection ? with_ending(".vtu") : path;
  for (std::size_t sample = 0; sample < samples; ++sample) files.push_back(path_of_sample(one, sample, samples));
  if (ending_of(one) == ".vtu") files.push_back(with_ending(".pvd"));
  return files;
}

template void save_array(std::string_view, const ArrayRef<double>&, std::string_view);
template void save_array(std::string_view, const ArrayRef<float>&, std::string_view);

}  // namespace fieldfold
