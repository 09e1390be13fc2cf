/// NumPy's archives of arrays (.npz).
export module fieldfold.formats.npz;

import fieldfold.base.standard;
import fieldfold.formats.dataset;

export namespace fieldfold {

/// The arrays of an archive, compressed or not, named without `.npy`. An array is read whole.
/// \throws FileError  the file cannot be read, or is not an archive; an array as `read_npy`, or larger than the memory
std::unique_ptr<Dataset> open_npz(const std::filesystem::path& path);

/// Writes fields to arrays of their names, with coordinates as `coords` and times as `time`, as numpy.savez does.
/// \throws InvalidArgument  as `check_fields`  \throws FileError  the file cannot be written
void write_npz(const std::filesystem::path& path, const FieldSet& set);

}  // namespace fieldfold
