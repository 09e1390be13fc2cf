module fieldfold.formats.vtkhdf;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.io;
import fieldfold.fields.mesh;
import fieldfold.formats.dataset;
import fieldfold.formats.hdf5;
import fieldfold.rows.stored;

namespace fieldfold {
namespace {

constexpr std::array locations{std::pair{FieldLocation::points, "PointData"},
                               std::pair{FieldLocation::cells, "CellData"}};

const char* folder_of(FieldLocation location) { return locations[location == FieldLocation::cells ? 1 : 0].second; }

class VtkhdfFrames final : public Frames {
 public:
  explicit VtkhdfFrames(const std::filesystem::path& path) : path_(path), file_(open_hdf5(path)) {
    const auto type = hdf5_text_attribute(path, "VTKHDF", "Type");
    if (type != "UnstructuredGrid")
      throw FileError(message(path.string(), ": expected an unstructured grid in the group VTKHDF, got ",
                              type ? *type : std::string("none")));
    num_points_ = only_count("NumberOfPoints");
    num_cells_ = only_count("NumberOfCells");
    const Variable& points = file_->variable("VTKHDF/Points");
    if (points.shape != Shape{num_points_, 3} || file_->variable("VTKHDF/Types").shape != Shape{num_cells_})
      throw FileError(message(path.string(), ": its points and cells are not as many as it says"));
    if (has("Steps/Values")) times_ = hdf5_numbers<double>(path, "VTKHDF/Steps/Values");
    for (const auto& [location, folder] : locations) add(location, folder);
  }

  std::size_t count() const override { return std::max<std::size_t>(1, times_.size()); }
  bool is_series() const { return !times_.empty(); }
  const std::vector<Variable>& variables() const override { return variables_; }
  std::vector<double> times() const override { return times_; }

  std::vector<xt::xarray<double>> read(std::size_t frame, const std::vector<std::string>& names) const override {
    std::vector<xt::xarray<double>> values;
    for (const std::string& name : names) {
      const auto index =
          static_cast<std::size_t>(std::ranges::find(variables_, name, &Variable::name) - variables_.begin());
      const Variable& own = variables_[index];
      auto& [array, starts] = opened_[index];
      const std::string offsets = message("Steps/", folder_of(own.location), "Offsets/", last_part(places_[index]));
      if (!array) array = file_->array(message("VTKHDF/", places_[index]));
      if (starts.empty() && has(offsets)) starts = hdf5_indices(path_, "VTKHDF/" + offsets);
      const std::size_t length = own.shape.front();
      std::size_t first = 0;
      if (!starts.empty())
        first = entry(starts, frame);
      else if (array->shape().front() == length * count())
        first = frame * length;
      if (first > array->shape().front() || length > array->shape().front() - first) ends_early(frame);
      values.push_back(xt::xarray<double>::from_shape(own.shape));
      array->read({1, first, length, 0, own.components}, values.back().data());
    }
    return values;
  }

  Grid grid(std::string_view name) const override {
    auto mesh = make_shared<Mesh>();
    mesh->location = location_of(variables_, name);
    mesh->points = load_array(*file_->array("VTKHDF/Points"));
    mesh->offsets = hdf5_indices(path_, "VTKHDF/Offsets");
    mesh->nodes = hdf5_indices(path_, "VTKHDF/Connectivity");
    mesh->types = hdf5_numbers<std::uint8_t>(path_, "VTKHDF/Types");
    expect_valid(*mesh, path_);
    auto coords = coords_of(*mesh);
    return {.coords = std::move(coords), .mesh = std::move(mesh)};
  }

 private:
  static std::string last_part(const std::string& name) { return name.substr(name.rfind('/') + 1); }

  [[noreturn]] void ends_early(std::size_t frame) const {
    throw FileError(message(path_.string(), ": ends before the time ", frame));
  }

  std::uint64_t entry(const std::vector<std::uint64_t>& numbers, std::size_t frame) const {
    if (frame >= numbers.size()) ends_early(frame);
    return numbers[frame];
  }

  bool has(const std::string& name) const {
    return std::ranges::find(file_->variables(), "VTKHDF/" + name, &Variable::name) != file_->variables().end();
  }

  /// A count that all times share.
  std::size_t only_count(const std::string& name) const {
    const auto counts = hdf5_indices(path_, "VTKHDF/" + name);
    if (counts.size() != 1)
      throw FileError(message(path_.string(), ": expected one grid in one part, got ", counts.size(), " parts"));
    return counts.front();
  }

  void add(FieldLocation location, std::string_view folder) {
    const std::string start = message("VTKHDF/", folder, "/");
    const std::size_t length = location == FieldLocation::cells ? num_cells_ : num_points_;
    for (const Variable& stored : file_->variables()) {
      if (!stored.name.starts_with(start) || stored.shape.empty() || stored.shape.size() > 2) continue;
      const std::size_t components = stored.shape.size() == 2 ? stored.shape[1] : 1;
      std::string name = last_part(stored.name);
      if (std::ranges::find(variables_, name, &Variable::name) != variables_.end()) name.insert(0, "cells/");
      places_.push_back(stored.name.substr(std::string_view("VTKHDF/").size()));
      variables_.push_back({.name = name,
                            .shape = components == 1 ? Shape{length} : Shape{length, components},
                            .loop_axes = 0,
                            .components = components,
                            .units = stored.units,
                            .location = location});
    }
  }

  std::filesystem::path path_;
  std::unique_ptr<Dataset> file_;
  std::size_t num_points_ = 0;
  std::size_t num_cells_ = 0;
  std::vector<double> times_;
  std::vector<Variable> variables_;
  std::vector<std::string> places_;  ///< of the variables in the group VTKHDF
  /// The arrays that have been read, and the places of the times in them. Frames are read by one thread at a time.
  mutable std::map<std::size_t, std::pair<std::shared_ptr<const StoredArray>, std::vector<std::uint64_t>>> opened_;
};

/// The numbers of a group, one tuple of components for each value.
std::vector<double> tuples_of(const FieldGroup& group, std::size_t first, std::size_t count) {
  const std::size_t components = group.components.size();
  std::vector<double> tuples(count * components);
  for (std::size_t k = 0; k < components; ++k)
    for (std::size_t i = 0; i < count; ++i) tuples[i * components + k] = group.components[k]->values.data()[first + i];
  return tuples;
}

Shape tuple_shape(std::size_t count, const FieldGroup& group) {
  return group.components.size() == 1 ? Shape{count} : Shape{count, group.components.size()};
}

/// The types of cells in XDMF: the name of a mesh of them, the number in a mesh of several types, and the number of
/// nodes that follows that number where it is not fixed.
struct XdmfCell {
  CellType type;
  const char* name;
  std::uint64_t number;
  bool has_count;
};
constexpr std::array xdmf_cells{XdmfCell{CellType::vertex, "Polyvertex", 1, true},
                                XdmfCell{CellType::line, "Polyline", 2, true},
                                XdmfCell{CellType::polygon, nullptr, 3, true},
                                XdmfCell{CellType::triangle, "Triangle", 4, false},
                                XdmfCell{CellType::quadrilateral, "Quadrilateral", 5, false},
                                XdmfCell{CellType::tetrahedron, "Tetrahedron", 6, false},
                                XdmfCell{CellType::pyramid, "Pyramid", 7, false},
                                XdmfCell{CellType::wedge, "Wedge", 8, false},
                                XdmfCell{CellType::hexahedron, "Hexahedron", 9, false},
                                XdmfCell{CellType::polyhedron, nullptr, 16, false}};

/// A mesh without pixels and voxels, which XDMF does not have.
Mesh without_pixels(Mesh mesh) {
  for (std::size_t cell = 0; cell < mesh.num_cells(); ++cell) {
    std::uint64_t* const nodes = mesh.nodes.data() + mesh.offsets[cell];
    if (mesh.type_of(cell) != CellType::pixel && mesh.type_of(cell) != CellType::voxel) continue;
    const bool is_voxel = mesh.type_of(cell) == CellType::voxel;
    std::swap(nodes[2], nodes[3]);
    if (is_voxel) std::swap(nodes[6], nodes[7]);
    mesh.types[cell] = static_cast<std::uint8_t>(is_voxel ? CellType::hexahedron : CellType::quadrilateral);
  }
  return mesh;
}

/// Writes the cells, and returns the element that refers to them.
std::string write_topology(Hdf5Writer& file, const Mesh& mesh, const std::string& name) {
  const bool is_uniform =
      std::ranges::count(mesh.types, mesh.types.empty() ? 0 : mesh.types.front()) == std::ssize(mesh.types);
  const auto cell_of = [](CellType type) { return *std::ranges::find(xdmf_cells, type, &XdmfCell::type); };
  const char* const uniform = is_uniform && mesh.num_cells() > 0 ? cell_of(mesh.type_of(0)).name : nullptr;
  std::vector<std::uint64_t> stream;
  Shape shape;
  if (uniform != nullptr) {
    stream = mesh.nodes;
    shape = {mesh.num_cells(), mesh.nodes_of(0).size()};
  } else {
    for (std::size_t cell = 0; cell < mesh.num_cells(); ++cell) {
      const XdmfCell kind = cell_of(mesh.type_of(cell));
      const auto nodes = mesh.nodes_of(cell);
      stream.push_back(kind.number);
      if (kind.has_count) stream.push_back(nodes.size());
      stream.insert(stream.end(), nodes.begin(), nodes.end());
    }
    shape = {stream.size()};
  }
  file.array<std::uint64_t>("mesh/topology", shape, stream);
  std::string dimensions = std::to_string(shape[0]);
  if (shape.size() == 2) dimensions += " " + std::to_string(shape[1]);
  return message("<Topology TopologyType=\"", uniform != nullptr ? uniform : "Mixed", "\" NumberOfElements=\"",
                 mesh.num_cells(), "\"",
                 uniform != nullptr && shape[1] <= 2 ? message(" NodesPerElement=\"", shape[1], "\"") : std::string(),
                 "><DataItem Dimensions=\"", dimensions, "\" NumberType=\"UInt\" Precision=\"8\" Format=\"HDF\">", name,
                 ":/mesh/topology</DataItem></Topology>");
}

}  // namespace

std::unique_ptr<Dataset> open_vtkhdf(const std::filesystem::path& path) {
  auto frames = make_shared<VtkhdfFrames>(path);
  const bool is_series = frames->is_series();
  return stacked(std::move(frames), is_series);
}

void write_vtkhdf(const std::filesystem::path& path, const FieldSet& set) {
  const std::size_t samples = check_fields(set);
  const auto shared = mesh_to_write(set);
  const Mesh& mesh = *shared;
  if (std::ranges::find(mesh.types, static_cast<std::uint8_t>(CellType::polyhedron)) != mesh.types.end())
    throw InvalidArgument("mesh: expected no polyhedra, which VTKHDF files do not have; .vtu and .xdmf do");
  const bool is_series = set.loop_axes > 0;
  const std::size_t length = set.fields.front().values.size() / std::max<std::size_t>(1, samples);
  const std::string folder = folder_of(mesh.location);
  write_file_at(path, [&](const std::filesystem::path& temporary) {
    Hdf5Writer file(temporary);
    const auto counts = [&](const std::string& name, std::uint64_t value) {
      file.array<std::int64_t>("VTKHDF/" + name, {1}, std::vector{static_cast<std::int64_t>(value)});
    };
    counts("NumberOfPoints", mesh.num_nodes());
    counts("NumberOfCells", mesh.num_cells());
    counts("NumberOfConnectivityIds", mesh.nodes.size());
    file.attribute("VTKHDF", "Version", std::vector<std::int64_t>{is_series ? 2 : 1, 0});
    file.attribute("VTKHDF", "Type", "UnstructuredGrid");
    file.array<double>("VTKHDF/Points", {mesh.num_nodes(), 3}, {mesh.points.data(), mesh.points.size()});
    const auto numbers = [&](const std::string& name, const std::vector<std::uint64_t>& values) {
      const std::vector<std::int64_t> own(values.begin(), values.end());
      file.array<std::int64_t>("VTKHDF/" + name, {own.size()}, own);
    };
    numbers("Connectivity", mesh.nodes);
    numbers("Offsets", mesh.offsets);
    file.array<std::uint8_t>("VTKHDF/Types", {mesh.types.size()}, mesh.types);
    std::vector<std::int64_t> starts;
    for (std::size_t sample = 0; sample < samples; ++sample)
      starts.push_back(static_cast<std::int64_t>(sample * length));
    for (const FieldGroup& group : groups_of(set)) {
      const std::string name = message("VTKHDF/", folder, "/", group.name);
      file.numbers(name, tuple_shape(samples * length, group), tuples_of(group, 0, samples * length),
                   set.single_precision);
      if (const std::string& units = group.components.front()->units; !units.empty())
        file.attribute(name, "units", units);
      if (is_series)
        file.array<std::int64_t>(message("VTKHDF/Steps/", folder, "Offsets/", group.name), {samples}, starts);
    }
    if (is_series) {
      const std::vector<std::int64_t> zeros_of_steps(samples, 0);
      file.array<double>("VTKHDF/Steps/Values", {samples}, times_of(set, samples));
      file.array<std::int64_t>("VTKHDF/Steps/PartOffsets", {samples}, zeros_of_steps);
      file.array<std::int64_t>("VTKHDF/Steps/NumberOfParts", {samples}, std::vector<std::int64_t>(samples, 1));
      for (const char* name : {"PointOffsets", "CellOffsets", "ConnectivityIdOffsets"})
        file.array<std::int64_t>(message("VTKHDF/Steps/", name), name[0] == 'P' ? Shape{samples} : Shape{samples, 1},
                                 zeros_of_steps);
      file.attribute("VTKHDF/Steps", "NSteps", std::vector<std::int64_t>{static_cast<std::int64_t>(samples)});
    }
    file.close();
  });
}

void write_xdmf(const std::filesystem::path& path, const FieldSet& set) {
  const std::size_t samples = check_fields(set);
  const Mesh mesh = without_pixels(*mesh_to_write(set));
  const std::size_t length = set.fields.front().values.size() / std::max<std::size_t>(1, samples);
  std::filesystem::path numbers = path;
  numbers.replace_extension(".h5");
  const std::string name = escaped_xml(numbers.filename().string());
  const std::vector<double> times = times_of(set, samples);
  const char* const precision = set.single_precision ? "4" : "8";
  std::string topology;
  std::string grids;
  write_file_at(numbers, [&](const std::filesystem::path& temporary) {
    Hdf5Writer file(temporary);
    file.array<double>("mesh/points", {mesh.num_nodes(), 3}, {mesh.points.data(), mesh.points.size()});
    topology = write_topology(file, mesh, name);
    for (std::size_t sample = 0; sample < samples; ++sample) {
      grids += "<Grid Name=\"fields\" GridType=\"Uniform\">";
      if (set.loop_axes > 0) grids += message("<Time Value=\"", times[sample], "\"/>");
      grids += message(topology, "<Geometry GeometryType=\"XYZ\"><DataItem Dimensions=\"", mesh.num_nodes(),
                       " 3\" NumberType=\"Float\" Precision=\"8\" Format=\"HDF\">", name,
                       ":/mesh/points</DataItem></Geometry>\n");
      for (const FieldGroup& group : groups_of(set)) {
        const std::size_t components = group.components.size();
        const std::string place = message(group.name, "/", sample);
        file.numbers(place, tuple_shape(length, group), tuples_of(group, sample * length, length),
                     set.single_precision);
        grids += message("<Attribute Name=\"", escaped_xml(group.name), "\" AttributeType=\"",
                         components == 1 ? "Scalar" : "Vector", "\" Center=\"",
                         mesh.location == FieldLocation::cells ? "Cell" : "Node", "\"><DataItem Dimensions=\"", length,
                         components == 1 ? "" : " 3", "\" NumberType=\"Float\" Precision=\"", precision,
                         "\" Format=\"HDF\">", name, ":/", escaped_xml(place), "</DataItem></Attribute>\n");
      }
      grids += "</Grid>\n";
    }
    file.close();
  });
  if (set.loop_axes > 0)
    grids = "<Grid Name=\"samples\" GridType=\"Collection\" CollectionType=\"Temporal\">\n" + grids + "</Grid>\n";
  write_file(path, [&](std::ostream& out) {
    out << "<?xml version=\"1.0\"?>\n<Xdmf Version=\"3.0\"><Domain>\n" << grids << "</Domain></Xdmf>\n";
  });
}

}  // namespace fieldfold
