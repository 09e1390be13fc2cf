/// NetCDF files (Unidata) with the conventions for climate and forecast data (CF, doi:10.5281/zenodo.11288138).
export module fieldfold.formats.netcdf;

import fieldfold.base.standard;
import fieldfold.formats.dataset;

export namespace fieldfold {

/// The fields of a NetCDF file of any format version. `_FillValue`, `missing_value` and numbers
/// out of `valid_range` are missing; `scale_factor`, `add_offset` and `_Unsigned` are applied. The axis of time, and
/// those before it, count samples: it is the one whose coordinate variable has the unit `... since ...` or the standard
/// name or axis of time, else the unlimited one. The coordinates are those of the coordinate variables of the other
/// axes, one dimension for each in their order, or those that the attribute `coordinates` names for curvilinear grids
/// and stations. Compressed fields that are large are uncompressed once, to an unnamed file in the folder for temporary
/// files.
/// \throws FileError  the file cannot be read, or is not a NetCDF file
std::unique_ptr<Dataset> open_netcdf(const std::filesystem::path& path);

/// Writes fields as variables with their units, one axis for samples and one for each axis of the grid, and the
/// coordinates as coordinate variables where the grid is a product of its axes, and else as auxiliary ones.
/// \throws InvalidArgument  as `check_fields`; a name that NetCDF does not allow
/// \throws FileError        the file cannot be written
void write_netcdf(const std::filesystem::path& path, const FieldSet& set);

}  // namespace fieldfold
