/// Tables in text files: comma-separated values (RFC 4180), also with semicolons, tabs or spaces.
export module fieldfold.formats.csv;

import fieldfold.base.arrays;
import fieldfold.base.standard;
import fieldfold.formats.dataset;

export namespace fieldfold {

/// A table of numbers, with a header or without. The variable without a name is the whole table, `(rows, columns)`;
/// each column is a variable `(rows,)` at the points of the rows. Columns `U:0`, `U:1` or `U_0`, `U_1` and so on, as
/// ParaView names them, are a vector field `U`. Columns `x`, `y`, `z`, or those of `Points`, are the coordinates. Empty
/// cells are missing values. Columns with a text, and those that ParaView adds, such as `Point ID` and `U_Magnitude`,
/// are no fields.
/// \throws FileError  the file cannot be read; a row with another number of cells than the first; a cell that is not a
///                    number, in a table without a header or in a column that is read
std::unique_ptr<Dataset> open_csv(const std::filesystem::path& path);

/// Writes one row for each point: its coordinates and its fields. Several samples are written to one file each, named
/// by `path_of_sample`. \throws InvalidArgument  as `check_fields`  \throws FileError  a file cannot be written
void write_csv(const std::filesystem::path& path, const FieldSet& set);

/// Writes a table. \param table  `(rows, columns)` or `(rows,)`  \param names  of the columns
void write_table(const std::filesystem::path& path, const ArrayRef<double>& table,
                 const std::vector<std::string>& names);

}  // namespace fieldfold
