/// Files of the Visualization Toolkit (VTK, doi:10.1016/0097-8493(96)00024-5), and cases of OpenFOAM by its reader.
export module fieldfold.formats.vtk;

import fieldfold.base.standard;
import fieldfold.formats.dataset;

export namespace fieldfold {

/// The data at points and cells of a file: `.vtu`, `.vtp`, `.vti`, `.vtr`, `.vts`, or `.vtk` of the legacy formats. If
/// both have an array of one name, that of cells is `cells/NAME`. A grid without supported cells has points alone.
/// \throws FileError  the file cannot be read, or has another content
std::unique_ptr<Dataset> open_vtk(const std::filesystem::path& path);

/// The files of a collection (`.pvd`), in order, with their times. \throws FileError  it cannot be read, or is empty
struct Collection {
  std::vector<std::filesystem::path> paths;
  std::vector<double> times;
};
Collection read_collection(const std::filesystem::path& path);

/// The internal fields of an OpenFOAM case, `(*times, cells)`, at the centroids of its cells, in single precision. The
/// time 0 is left out if there are others, because it often has initial conditions of some fields only. The fields are
/// those of the last time, and the mesh that of the first.
/// \param folder  of the case  \throws FileError  it is no case, or cannot be read
std::unique_ptr<Dataset> open_openfoam(const std::filesystem::path& folder);

/// Writes fields on their mesh, or without one on points, to `.vtu` or `.vtk`. Several samples are written to one file
/// each, named by `path_of_sample`, and a collection (`.pvd`) of XML files; for the ending `.pvd` too.
/// \throws InvalidArgument  as `check_fields`; neither mesh nor coordinates, or more than three of these
/// \throws FileError        a file cannot be written
void write_vtk(const std::filesystem::path& path, const FieldSet& set);

}  // namespace fieldfold
