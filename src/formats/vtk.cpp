module;

#include <vtkCell.h>
#include <vtkCellArray.h>
#include <vtkCellData.h>
#include <vtkDataArray.h>
#include <vtkDataSet.h>
#include <vtkDoubleArray.h>
#include <vtkFloatArray.h>
#include <vtkGenericDataObjectReader.h>
#include <vtkIdList.h>
#include <vtkIdTypeArray.h>
#include <vtkInformation.h>
#include <vtkLogger.h>
#include <vtkMultiBlockDataSet.h>
#include <vtkNew.h>
#include <vtkOpenFOAMReader.h>
#include <vtkOutputWindow.h>
#include <vtkPointData.h>
#include <vtkPoints.h>
#include <vtkSmartPointer.h>
#include <vtkStringOutputWindow.h>
#include <vtkUnstructuredGrid.h>
#include <vtkUnstructuredGridWriter.h>
#include <vtkXMLDataElement.h>
#include <vtkXMLDataParser.h>
#include <vtkXMLGenericDataObjectReader.h>
#include <vtkXMLUnstructuredGridWriter.h>

module fieldfold.formats.vtk;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.io;
import fieldfold.fields.mesh;
import fieldfold.formats.dataset;
import fieldfold.rows.stored;

namespace fieldfold {
namespace {

/// While one exists, the messages of VTK and its readers go here and not to standard error. One exists at a time.
class CapturedErrors {
 public:
  CapturedErrors() : lock_(guard()), before_(vtkOutputWindow::GetInstance()) {
    vtkOutputWindow::SetInstance(window_);
    vtkLogger::SetStderrVerbosity(vtkLogger::VERBOSITY_OFF);
  }
  CapturedErrors(const CapturedErrors&) = delete;
  CapturedErrors& operator=(const CapturedErrors&) = delete;
  ~CapturedErrors() { vtkOutputWindow::SetInstance(before_); }

  /// Throws the first error.
  void check(const std::filesystem::path& path, std::string_view action) {
    const std::string text = window_->GetOutput();
    // "ERROR: In FILE, line N\nCLASS (ADDRESS): what is wrong\n\n"
    // Readers of legacy files only warn where a file ends too early.
    const std::size_t start = std::min(text.find("ERROR: "), text.find("Error reading "));
    if (start == text.npos) return;
    std::string_view what = std::string_view(text).substr(start);
    if (const std::size_t name = what.find("): "); name != what.npos) what.remove_prefix(name + 3);
    what = what.substr(0, what.find('\n'));
    throw FileError(message(path.string(), ": cannot be ", action, ": VTK: ", what));
  }

 private:
  static std::recursive_mutex& guard() {
    static std::recursive_mutex mutex;
    return mutex;
  }

  std::scoped_lock<std::recursive_mutex> lock_;
  vtkSmartPointer<vtkOutputWindow> before_;
  vtkNew<vtkStringOutputWindow> window_;
};

/// Names of arrays that VTK and its readers add.
bool is_internal(std::string_view name) { return name.starts_with("vtk") || name == "TimeValue"; }

Mesh mesh_of(vtkDataSet& data, FieldLocation location, const std::filesystem::path& path) {
  Mesh mesh{.location = location};
  const auto num_nodes = static_cast<std::size_t>(data.GetNumberOfPoints());
  const auto num_cells = static_cast<std::size_t>(data.GetNumberOfCells());
  mesh.points = xt::xarray<double>::from_shape({num_nodes, std::size_t{3}});
  for (std::size_t p = 0; p < num_nodes; ++p) data.GetPoint(static_cast<vtkIdType>(p), mesh.points.data() + 3 * p);
  auto* const grid = vtkUnstructuredGrid::SafeDownCast(&data);
  const vtkNew<vtkIdList> ids;
  for (std::size_t cell = 0; cell < num_cells; ++cell) {
    const auto number = static_cast<vtkIdType>(cell);
    const auto type = static_cast<std::uint8_t>(data.GetCellType(number));
    if (grid != nullptr && static_cast<CellType>(type) == CellType::polyhedron)
      grid->GetFaceStream(number, ids);
    else
      data.GetCellPoints(number, ids);
    for (vtkIdType i = 0; i < ids->GetNumberOfIds(); ++i)
      mesh.nodes.push_back(static_cast<std::uint64_t>(ids->GetId(i)));
    mesh.types.push_back(type);
    mesh.offsets.push_back(mesh.nodes.size());
  }
  expect_valid(mesh, path);
  return mesh;
}

/// The arrays of a data set as variables.
class Arrays {
 public:
  explicit Arrays(vtkDataSet& data) {
    add(data.GetPointData(), FieldLocation::points);
    add(data.GetCellData(), FieldLocation::cells);
  }
  const std::vector<Variable>& variables() const { return variables_; }

  static xt::xarray<double> read(vtkDataSet& data, const Variable& variable) {
    const bool is_at_cells = variable.location == FieldLocation::cells;
    const std::string own = variable.name.starts_with(prefix) ? variable.name.substr(prefix.size()) : variable.name;
    vtkDataSetAttributes* const attributes =
        is_at_cells ? static_cast<vtkDataSetAttributes*>(data.GetCellData()) : data.GetPointData();
    vtkDataArray* const array = attributes->GetArray(own.c_str());
    if (array == nullptr) return zeros<double>({0});
    const auto tuples = static_cast<std::size_t>(array->GetNumberOfTuples());
    const auto components = static_cast<std::size_t>(array->GetNumberOfComponents());
    auto values = xt::xarray<double>::from_shape(components == 1 ? Shape{tuples} : Shape{tuples, components});
    for (std::size_t i = 0; i < tuples; ++i) array->GetTuple(static_cast<vtkIdType>(i), values.data() + i * components);
    return values;
  }

 private:
  static constexpr std::string_view prefix = "cells/";

  void add(vtkDataSetAttributes* attributes, FieldLocation location) {
    for (int i = 0; i < attributes->GetNumberOfArrays(); ++i) {
      vtkDataArray* const array = attributes->GetArray(i);
      if (array == nullptr || array->GetName() == nullptr || is_internal(array->GetName())) continue;
      const auto tuples = static_cast<std::size_t>(array->GetNumberOfTuples());
      const auto components = static_cast<std::size_t>(array->GetNumberOfComponents());
      std::string name = array->GetName();
      if (std::ranges::find(variables_, name, &Variable::name) != variables_.end()) name.insert(0, prefix);
      variables_.push_back({.name = name,
                            .shape = components == 1 ? Shape{tuples} : Shape{tuples, components},
                            .loop_axes = 0,
                            .components = components,
                            .location = location});
    }
  }

  std::vector<Variable> variables_;
};

/// The grid of fields at a location. Unsupported cells leave the points alone.
Grid grid_of(vtkDataSet& data, FieldLocation location, const std::filesystem::path& path) {
  try {
    auto mesh = make_shared<Mesh>(mesh_of(data, location, path));
    auto coords = coords_of(*mesh);
    return {.coords = std::move(coords), .mesh = std::move(mesh)};
  } catch (const FileError&) {
    if (location == FieldLocation::cells) throw;
  }
  const auto num_nodes = static_cast<std::size_t>(data.GetNumberOfPoints());
  auto points = xt::xarray<double>::from_shape({num_nodes, std::size_t{3}});
  for (std::size_t p = 0; p < num_nodes; ++p) data.GetPoint(static_cast<vtkIdType>(p), points.data() + 3 * p);
  return {.coords = std::move(points)};
}

/// One file.
class FileFrame final : public Frames {
 public:
  explicit FileFrame(const std::filesystem::path& path) : path_(path) {
    open_for_reading(path);
    CapturedErrors errors;
    vtkDataObject* output = nullptr;
    if (ending_of(path) == ".vtk") {
      legacy_->SetFileName(path.c_str());
      legacy_->Update();
      output = legacy_->GetOutput();
    } else {
      xml_->SetFileName(path.c_str());
      xml_->Update();
      output = xml_->GetOutput();
    }
    errors.check(path, "read");
    data_ = vtkDataSet::SafeDownCast(output);
    if (data_ == nullptr || xml_->GetErrorCode() != 0 || legacy_->GetErrorCode() != 0)
      throw FileError(message(path.string(), ": is not a complete VTK file of one grid"));
    arrays_.emplace(*data_);
  }

  std::size_t count() const override { return 1; }
  const std::vector<Variable>& variables() const override { return arrays_->variables(); }
  std::vector<double> times() const override { return {}; }
  std::vector<xt::xarray<double>> read(std::size_t, const std::vector<std::string>& names) const override {
    std::vector<xt::xarray<double>> values;
    for (const std::string& name : names)
      values.push_back(Arrays::read(*data_, *std::ranges::find(variables(), name, &Variable::name)));
    return values;
  }
  Grid grid(std::string_view name) const override { return grid_of(*data_, location_of(variables(), name), path_); }

 private:
  std::filesystem::path path_;
  vtkNew<vtkXMLGenericDataObjectReader> xml_;
  vtkNew<vtkGenericDataObjectReader> legacy_;
  vtkDataSet* data_ = nullptr;
  std::optional<Arrays> arrays_;
};

/// The times of an OpenFOAM case.
class FoamFrames final : public Frames {
 public:
  explicit FoamFrames(const std::filesystem::path& folder) : folder_(folder) {
    if (!is_openfoam_case(folder))
      throw FileError(message(folder.string(), ": is not an OpenFOAM case: it has no file system/controlDict"));
    reader_->SetFileName((folder / "system" / "controlDict").c_str());
    reader_->SkipZeroTimeOff();
    reader_->DecomposePolyhedraOff();
    reader_->CreateCellToPointOff();
    reader_->CacheMeshOn();
    {
      CapturedErrors errors;
      reader_->UpdateInformation();
      errors.check(folder, "read");
    }
    vtkDoubleArray* const found = reader_->GetTimeValues();
    for (vtkIdType i = 0; found != nullptr && i < found->GetNumberOfValues(); ++i) times_.push_back(found->GetValue(i));
    if (times_.size() > 1 && times_.front() == 0.0) times_.erase(times_.begin());
    const bool has_only_start = times_.size() == 1 && times_.front() == 0.0;
    const bool is_decomposed = std::filesystem::exists(folder / "processor0");
    if (times_.empty() || (has_only_start && (is_decomposed || !std::filesystem::exists(folder / "0"))))
      throw FileError(message(folder.string(), ": the case has no time folders",
                              is_decomposed ? "; reconstructPar assembles those of a decomposed case" : ""));
    reader_->DisableAllPatchArrays();
    reader_->SetPatchArrayStatus("internalMesh", 1);
    reader_->EnableAllCellArrays();
    go_to(times_.front());
    const Arrays first(internal_mesh());
    at_cells_ = grid_of(internal_mesh(), FieldLocation::cells, folder_);
    at_points_ = grid_of(internal_mesh(), FieldLocation::points, folder_);
    go_to(times_.back());
    arrays_.emplace(internal_mesh());
    for (const Variable& variable : first.variables())
      if (std::ranges::find(variables(), variable.name, &Variable::name) == variables().end())
        warn(message(folder.string(), ": the field ", variable.name, " of the time ", times_.front(),
                     " is left out, because the last time, ", times_.back(), ", does not have it"));
  }

  std::size_t count() const override { return times_.size(); }
  const std::vector<Variable>& variables() const override { return arrays_->variables(); }
  std::vector<double> times() const override { return times_; }

  std::vector<xt::xarray<double>> read(std::size_t frame, const std::vector<std::string>& names) const override {
    go_to(times_[frame]);
    compare_points(times_[frame]);
    std::vector<xt::xarray<double>> values;
    for (const std::string& name : names) {
      const Variable& own = *std::ranges::find(variables(), name, &Variable::name);
      values.push_back(Arrays::read(internal_mesh(), own));
      if (values.back().size() != size_of(own.shape))
        throw FileError(message(folder_.string(), ": the time ", times_[frame], " has no field ", name, " of the ",
                                own.shape.front(), " cells of the last time"));
    }
    return values;
  }
  Grid grid(std::string_view name) const override {
    return location_of(variables(), name) == FieldLocation::cells ? at_cells_ : at_points_;
  }

 private:
  void go_to(double time) const {
    CapturedErrors errors;
    reader_->UpdateTimeStep(time);
    errors.check(folder_, "read");
  }

  /// Warns, once, of points that are not those of the first time.
  void compare_points(double time) const {
    auto* const grid = vtkUnstructuredGrid::SafeDownCast(&internal_mesh());
    if (grid == nullptr || grid->GetPoints() == nullptr || has_warned_) return;
    vtkDataArray* const points = grid->GetPoints()->GetData();
    std::vector<double> own(static_cast<std::size_t>(points->GetNumberOfValues()));
    for (vtkIdType p = 0; p < points->GetNumberOfTuples(); ++p) points->GetTuple(p, own.data() + 3 * p);
    if (expected_points_.empty()) expected_points_ = own;
    if (own == expected_points_) return;
    has_warned_ = true;
    warn(message(folder_.string(), ": the points of the time ", time,
                 " are not those of the first time, which are taken for all times"));
  }

  vtkDataSet& internal_mesh() const {
    auto* const blocks = vtkMultiBlockDataSet::SafeDownCast(reader_->GetOutputDataObject(0));
    for (unsigned i = 0; blocks != nullptr && i < blocks->GetNumberOfBlocks(); ++i)
      if (auto* const data = vtkDataSet::SafeDownCast(blocks->GetBlock(i)); data != nullptr) return *data;
    throw FileError(message(folder_.string(),
                            ": expected a case with one mesh, in constant/polyMesh, got none; blockMesh ",
                            "or another tool makes it, and each region of a case with several is a case of its own"));
  }

  std::filesystem::path folder_;
  vtkNew<vtkOpenFOAMReader> reader_;
  std::vector<double> times_;
  std::optional<Arrays> arrays_;
  Grid at_cells_;  ///< of the first time
  Grid at_points_;
  // Times are read by one thread at a time.
  mutable std::vector<double> expected_points_;
  mutable bool has_warned_ = false;
};

vtkSmartPointer<vtkUnstructuredGrid> grid_of(const Mesh& mesh) {
  auto grid = vtkSmartPointer<vtkUnstructuredGrid>::New();
  const vtkNew<vtkPoints> points;
  points->SetDataTypeToDouble();
  points->SetNumberOfPoints(static_cast<vtkIdType>(mesh.num_nodes()));
  for (std::size_t p = 0; p < mesh.num_nodes(); ++p)
    points->SetPoint(static_cast<vtkIdType>(p), mesh.points.data() + 3 * p);
  grid->SetPoints(points);
  std::vector<vtkIdType> nodes;
  for (std::size_t cell = 0; cell < mesh.num_cells(); ++cell) {
    const auto own = mesh.nodes_of(cell);
    nodes.assign(own.begin(), own.end());
    // A polyhedron is given by the number of its faces, and these.
    if (mesh.type_of(cell) == CellType::polyhedron)
      grid->InsertNextCell(mesh.types[cell], static_cast<vtkIdType>(own[0]), nodes.data() + 1);
    else
      grid->InsertNextCell(mesh.types[cell], static_cast<vtkIdType>(nodes.size()), nodes.data());
  }
  return grid;
}

/// \param name  as the writer expects it: the one of XML files does not escape names
template <class Array>
void add_array(vtkDataSetAttributes* attributes, const FieldGroup& group, const std::string& name) {
  const vtkNew<Array> array;
  const std::size_t components = group.components.size();
  const std::size_t size = group.components.front()->values.size();
  array->SetName(name.c_str());
  array->SetNumberOfComponents(static_cast<int>(components));
  array->SetNumberOfTuples(static_cast<vtkIdType>(size));
  for (std::size_t k = 0; k < components; ++k)
    for (std::size_t i = 0; i < size; ++i)
      array->SetValue(static_cast<vtkIdType>(i * components + k),
                      static_cast<typename Array::ValueType>(group.components[k]->values.data()[i]));
  attributes->AddArray(array);
}

/// Writes the fields of one sample. \param grid  of its mesh; arrays of another sample in it are replaced
void write_sample(const std::filesystem::path& path, const FieldSet& set, vtkUnstructuredGrid* grid) {
  const bool is_at_cells = set.grid.mesh && set.grid.mesh->location == FieldLocation::cells;
  vtkDataSetAttributes* const attributes =
      is_at_cells ? static_cast<vtkDataSetAttributes*>(grid->GetCellData()) : grid->GetPointData();
  attributes->Initialize();
  for (const FieldGroup& group : groups_of(set)) {
    const std::string name = ending_of(path) == ".vtk" ? group.name : escaped_xml(group.name);
    if (set.single_precision)
      add_array<vtkFloatArray>(attributes, group, name);
    else
      add_array<vtkDoubleArray>(attributes, group, name);
  }
  write_file_at(path, [&](const std::filesystem::path& temporary) {
    const auto run = [&](auto* writer) {
      CapturedErrors errors;
      writer->SetFileName(temporary.c_str());
      writer->SetInputData(grid);
      const int done = writer->Write();
      errors.check(path, "written");
      if (done == 0) throw FileError(message(path.string(), ": cannot be written"));
    };
    if (ending_of(path) == ".vtk") {
      const vtkNew<vtkUnstructuredGridWriter> writer;
      writer->SetFileTypeToBinary();
      run(writer.GetPointer());
    } else {
      const vtkNew<vtkXMLUnstructuredGridWriter> writer;
      writer->SetDataModeToAppended();
      writer->EncodeAppendedDataOff();
      run(writer.GetPointer());
    }
  });
}

}  // namespace

std::unique_ptr<Dataset> open_vtk(const std::filesystem::path& path) {
  return stacked(make_shared<FileFrame>(path), false);
}

Collection read_collection(const std::filesystem::path& path) {
  open_for_reading(path);
  const vtkNew<vtkXMLDataParser> parser;
  const CapturedErrors captured;
  parser->SetFileName(path.c_str());
  if (parser->Parse() == 0) throw FileError(message(path.string(), ": is not a collection of VTK files"));
  Collection result;
  vtkXMLDataElement* const root = parser->GetRootElement();
  vtkXMLDataElement* const entries = root == nullptr ? nullptr : root->FindNestedElementWithName("Collection");
  for (int i = 0; entries != nullptr && i < entries->GetNumberOfNestedElements(); ++i) {
    vtkXMLDataElement* const entry = entries->GetNestedElement(i);
    const char* const file = entry->GetAttribute("file");
    if (file == nullptr) continue;
    int part = 0;
    if (entry->GetScalarAttribute("part", part) != 0 && part > 0)
      throw FileError(message(path.string(), ": expected one file for each time, got several parts"));
    double time = 0.0;
    if (entry->GetScalarAttribute("timestep", time) != 0) result.times.push_back(time);
    const std::filesystem::path own = file;
    result.paths.push_back(own.is_absolute() ? own : path.parent_path() / own);
  }
  if (result.paths.empty()) throw FileError(message(path.string(), ": is not a collection of VTK files, or is empty"));
  if (result.times.size() != result.paths.size()) result.times.clear();
  return result;
}

std::unique_ptr<Dataset> open_openfoam(const std::filesystem::path& folder) {
  return stacked(make_shared<FoamFrames>(folder), true);
}

void write_vtk(const std::filesystem::path& path, const FieldSet& set) {
  const std::size_t samples = check_fields(set);
  const bool is_collection = ending_of(path) == ".pvd";
  const auto grid = grid_of(*mesh_to_write(set));
  if (set.loop_axes == 0 && !is_collection) return write_sample(path, set, grid);
  std::filesystem::path file = path;
  if (is_collection) file.replace_extension(".vtu");
  std::string text = "<?xml version=\"1.0\"?>\n<VTKFile type=\"Collection\" version=\"1.0\">\n  <Collection>\n";
  const auto times = times_of(set, samples);
  for (std::size_t sample = 0; sample < samples; ++sample) {
    const auto own = path_of_sample(file, sample, samples);
    write_sample(own, sample_of(set, sample), grid);
    note_file_progress("writing", sample + 1, samples);
    text += message("    <DataSet timestep=\"", times[sample], "\" file=\"", escaped_xml(own.filename().string()),
                    "\"/>\n");
  }
  text += "  </Collection>\n</VTKFile>\n";
  // ParaView's collections are of XML files.
  if (ending_of(path) == ".vtk") return;
  std::filesystem::path collection = path;
  write_file(collection.replace_extension(".pvd"), [&](std::ostream& out) { out << text; });
}

}  // namespace fieldfold
