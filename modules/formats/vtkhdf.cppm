/// VTKHDF files: unstructured grids of VTK in HDF5, with time.
export module fieldfold.formats.vtkhdf;

import fieldfold.base.standard;
import fieldfold.formats.dataset;

export namespace fieldfold {

/// The data at points and cells of an unstructured grid, over all its times. A grid that changes with time is refused.
/// \throws FileError  the file cannot be read, or has another content
std::unique_ptr<Dataset> open_vtkhdf(const std::filesystem::path& path);

/// Writes fields on their mesh, or without one on points, with all samples as times.
/// \throws InvalidArgument  as `check_fields`; neither mesh nor coordinates, or more than three of these; polyhedra
/// \throws FileError        the file cannot be written
void write_vtkhdf(const std::filesystem::path& path, const FieldSet& set);

/// Writes fields to an XDMF file (`.xdmf`, version 3), and their numbers to an HDF5 file of the same name with the
/// ending `.h5`. Arguments and errors as above; polyhedra are allowed.
void write_xdmf(const std::filesystem::path& path, const FieldSet& set);

}  // namespace fieldfold
