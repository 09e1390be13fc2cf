module fieldfold.formats.csv;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.io;
import fieldfold.formats.dataset;
import fieldfold.rows.stored;

namespace fieldfold {
namespace {

struct Table {
  std::vector<std::string> names;  ///< empty: no header
  std::size_t columns = 0;
  std::vector<double> numbers;                    ///< row by row
  std::map<std::size_t, std::string> texts = {};  ///< the first cell of each column that is no number
};

/// Splits a line into cells. Quotes are removed.
std::vector<std::string> cells_of(std::string_view line, char separator) {
  std::vector<std::string> cells(1);
  bool is_quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"') {
      if (is_quoted && i + 1 < line.size() && line[i + 1] == '"')
        cells.back() += line[i++];
      else
        is_quoted = !is_quoted;
    } else if (c == separator && !is_quoted) {
      // Spaces may be repeated.
      if (separator != ' ' || !cells.back().empty()) cells.emplace_back();
    } else if (c != '\r' && (c != ' ' || is_quoted || !cells.back().empty())) {
      cells.back() += c;
    }
  }
  if (separator == ' ' && cells.size() > 1 && cells.back().empty()) cells.pop_back();
  for (std::string& cell : cells)
    while (cell.ends_with(' ') || cell.ends_with('\t')) cell.pop_back();
  return cells;
}

/// The separator of a line: the first of these that it has.
char separator_of(std::string_view line) {
  for (const char candidate : {',', ';', '\t', ' '})
    if (line.find(candidate) != line.npos) return candidate;
  return ',';
}

/// The number in a cell; an empty one and NA are missing. None: it is no number.
std::optional<double> number_of(std::string_view cell) {
  if (cell.starts_with('+') && !cell.starts_with("+-")) cell.remove_prefix(1);
  if (cell.empty() || cell == "NA" || cell == "NaN" || cell == "N/A" || cell == "#N/A")
    return std::numeric_limits<double>::quiet_NaN();
  double number = 0.0;
  const auto [end, failure] = std::from_chars(cell.data(), cell.data() + cell.size(), number);
  if (failure != std::errc{} || end != cell.data() + cell.size()) return std::nullopt;
  return number;
}

Table read_table(const std::filesystem::path& path) {
  std::ifstream in = open_for_reading(path);
  Table table;
  char separator = ',';
  std::string line;
  for (std::size_t row = 1; std::getline(in, line); ++row) {
    if (row == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
    if (line.empty() || line == "\r") continue;
    if (line.find('\0') != line.npos) throw FileError(message(path.string(), ": is not a table: it has bytes of 0"));
    // numpy.savetxt begins its header so.
    if (table.columns == 0 && line.starts_with('#')) line.erase(0, std::min(line.size(), line.find_first_not_of("# ")));
    if (table.columns == 0) {
      separator = separator_of(line);
      if (line.find(';') != line.npos && separator == ',' && line.find('"') == line.npos)
        throw FileError(message(path.string(), ": expected one separator, got commas and semicolons in line ", row,
                                "; decimal commas are not read"));
    }
    std::vector<std::string> cells = cells_of(line, separator);
    if (table.columns == 0) {
      table.columns = cells.size();
      // The index of pandas has no name.
      const bool is_header =
          (cells.size() > 1 && cells.front().empty()) ||
          std::ranges::any_of(cells, [](const std::string& cell) { return !cell.empty() && !number_of(cell); });
      if (is_header) {
        table.names = std::move(cells);
        // The table itself has the empty name.
        for (std::size_t column = 0; column < table.columns; ++column)
          if (table.names[column].empty()) table.names[column] = message("column ", column + 1);
        continue;
      }
    }
    if (cells.size() != table.columns)
      throw FileError(message(path.string(), ": expected ", table.columns, " cells as in the first row, got ",
                              cells.size(), " in line ", row));
    for (std::size_t column = 0; column < table.columns; ++column) {
      const auto number = number_of(cells[column]);
      if (!number && table.names.empty())
        throw FileError(message(path.string(), ": expected a number in line ", row, ", column ", column + 1, ", got '",
                                cells[column], "'"));
      if (!number) table.texts.emplace(column, message("line ", row, ": '", cells[column], "'"));
      table.numbers.push_back(number.value_or(std::numeric_limits<double>::quiet_NaN()));
    }
  }
  if (in.bad()) throw FileError(message(path.string(), ": reading failed"));
  if (table.columns == 0) throw FileError(message(path.string(), ": is empty"));
  if (table.numbers.empty()) throw FileError(message(path.string(), ": has a header but no rows"));
  return table;
}

/// The name and the number of a component, such as `U:1` or `U_1`; none: the column is a scalar.
std::optional<std::pair<std::string, std::size_t>> component_of(const std::string& name) {
  const std::size_t split = name.find_last_of(":_");
  if (split == name.npos || split == 0 || split + 2 != name.size() || name.back() < '0' || name.back() > '8')
    return std::nullopt;
  return std::pair{name.substr(0, split), static_cast<std::size_t>(name.back() - '0')};
}

class CsvDataset final : public Dataset {
 public:
  explicit CsvDataset(const std::filesystem::path& path) : path_(path), table_(read_table(path)) {
    const std::size_t rows = table_.numbers.size() / table_.columns;
    if (!table_.names.empty()) add_columns(rows);
    const bool has_fields = std::ranges::any_of(variables_, [](const Variable& variable) { return variable.is_field; });
    variables_.push_back({.name = "", .shape = {rows, table_.columns}, .is_field = !has_fields});
    columns_.emplace_back();
    for (std::size_t column = 0; column < table_.columns; ++column) columns_.back().push_back(column);
  }

  const std::vector<Variable>& variables() const override { return variables_; }

  std::shared_ptr<const StoredArray> array(std::string_view name) const override {
    const Variable& own = variable(name);
    const auto& which = columns_[static_cast<std::size_t>(&own - variables_.data())];
    for (const std::size_t column : which)
      if (const auto text = table_.texts.find(column); text != table_.texts.end())
        throw FileError(message(path_.string(), ": expected numbers in the column ", table_.names[column], ", got in ",
                                text->second));
    return make_shared<MemoryArray>(columns(which, own.shape));
  }

  Grid grid(std::string_view name) const override {
    if (coords_.empty() || name.empty()) return {};
    return {.coords = columns(coords_, {table_.numbers.size() / table_.columns, coords_.size()})};
  }

 private:
  /// The number of components of the vector that begins at a column: of columns `U:0`, `U:1` and so on, or 1.
  std::size_t components_from(std::size_t column) const {
    const auto first = component_of(table_.names[column]);
    if (!first || first->second != 0) return 1;
    std::size_t count = 1;
    while (column + count < table_.columns) {
      const auto next = component_of(table_.names[column + count]);
      if (!next || next->first != first->first || next->second != count) break;
      ++count;
    }
    return count;
  }

  void add_columns(std::size_t rows) {
    for (std::size_t column = 0; column < table_.columns;) {
      const std::size_t count = components_from(column);
      const std::string name = count > 1 ? component_of(table_.names[column])->first : table_.names[column];
      std::vector<std::size_t> own;
      for (std::size_t k = 0; k < count; ++k) own.push_back(column + k);
      column += count;
      if (count > 1 ? name == "Points" : is_coordinate(name)) {
        coords_.insert(coords_.end(), own.begin(), own.end());
        continue;
      }
      const bool is_text = std::ranges::any_of(own, [&](std::size_t each) { return table_.texts.contains(each); });
      variables_.push_back({.name = name,
                            .shape = count == 1 ? Shape{rows} : Shape{rows, count},
                            .loop_axes = 0,
                            .components = count,
                            .is_field = !is_text && !is_of_paraview(name)});
      columns_.push_back(std::move(own));
    }
  }

  /// Whether a column holds coordinates, also with a unit as in `X [ m ]`.
  static bool is_coordinate(const std::string& name) {
    const std::string bare = name.substr(0, name.find(" ["));
    constexpr std::array names{"x", "y", "z", "X", "Y", "Z"};
    return std::ranges::find(names, bare) != names.end();
  }

  /// Whether ParaView adds a column of this name to the fields.
  bool is_of_paraview(const std::string& name) const {
    constexpr std::array names{"Point ID", "Cell ID", "Time", "TimeStep", "Points_Magnitude"};
    if (std::ranges::find(names, name) != names.end()) return true;
    constexpr std::string_view magnitude = "_Magnitude";
    return name.ends_with(magnitude) && std::ranges::find(variables_, name.substr(0, name.size() - magnitude.size()),
                                                          &Variable::name) != variables_.end();
  }

  xt::xarray<double> columns(const std::vector<std::size_t>& which, const Shape& shape) const {
    auto result = xt::xarray<double>::from_shape(shape);
    const std::size_t rows = table_.numbers.size() / table_.columns;
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t k = 0; k < which.size(); ++k)
        result.data()[row * which.size() + k] = table_.numbers[row * table_.columns + which[k]];
    return result;
  }

  std::filesystem::path path_;
  Table table_;
  std::vector<Variable> variables_;
  std::vector<std::vector<std::size_t>> columns_;  ///< of each variable
  std::vector<std::size_t> coords_;
};

/// A name as a cell, in quotes where it has a separator.
std::string cell_of(const std::string& name) {
  if (name.find_first_of(",\"; \t") == name.npos) return name;
  std::string quoted = "\"";
  for (const char c : name) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

}  // namespace

std::unique_ptr<Dataset> open_csv(const std::filesystem::path& path) { return std::make_unique<CsvDataset>(path); }

void write_table(const std::filesystem::path& path, const ArrayRef<double>& table,
                 const std::vector<std::string>& names) {
  const std::size_t columns = names.size();
  if (columns == 0 || table.dimension() == 0 || table.dimension() > 2 || table.size() % columns != 0)
    throw InvalidArgument(message(path.string(),
                                  ": expected an array (rows, columns) to write as a table, got the shape ",
                                  shape_text(table.shape()), "; .npy, .npz and .h5 take any shape"));
  const char separator = ending_of(path) == ".tsv" ? '\t' : ',';
  write_file(path, [&](std::ostream& out) {
    std::string text;
    for (std::size_t column = 0; column < columns; ++column) {
      if (column > 0) text += separator;
      text += cell_of(names[column]);
    }
    for (std::size_t i = 0; i < table.size(); ++i) {
      text += i % columns == 0 ? '\n' : separator;
      text += digits(table.data()[i]);
      if (text.size() > std::size_t{1} << 16) {
        out << text;
        text.clear();
      }
    }
    out << text << '\n';
  });
}

void write_csv(const std::filesystem::path& path, const FieldSet& set) {
  const std::size_t samples = check_fields(set);
  if (set.loop_axes > 0) {
    for (std::size_t sample = 0; sample < samples; ++sample) {
      write_csv(path_of_sample(path, sample, samples), sample_of(set, sample));
      note_file_progress("writing", sample + 1, samples);
    }
    return;
  }
  const std::size_t num_pts = set.fields.front().values.size();
  const std::size_t dim = set.grid.coords ? set.grid.coords->shape().back() : 0;
  std::vector<std::string> names;
  constexpr std::array axes{"x", "y", "z"};
  if (dim > 0)
    for (const NamedField& field : set.fields)
      if (std::ranges::find(axes, field.name) != axes.end())
        throw InvalidArgument(message("field ", field.name, ": expected another name: this one is for the points"));
  for (std::size_t axis = 0; axis < dim; ++axis) names.emplace_back(dim <= 3 ? axes[axis] : message("x", axis));
  for (const NamedField& field : set.fields) names.push_back(field.name);
  auto table = xt::xarray<double>::from_shape({num_pts, names.size()});
  for (std::size_t p = 0; p < num_pts; ++p) {
    for (std::size_t axis = 0; axis < dim; ++axis) table(p, axis) = set.grid.coords->data()[p * dim + axis];
    for (std::size_t k = 0; k < set.fields.size(); ++k) table(p, dim + k) = set.fields[k].values.data()[p];
  }
  write_table(path, table, names);
}

}  // namespace fieldfold
