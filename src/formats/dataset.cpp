module fieldfold.formats.dataset;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.names;
import fieldfold.fields.mesh;
import fieldfold.rows.stored;

namespace fieldfold {
namespace {

Shape shape_of(const xt::xarray<double>& array) { return {array.shape().begin(), array.shape().end()}; }

/// Stacks frames, once for all arrays that have been asked for.
class StackedFrames {
 public:
  StackedFrames(std::shared_ptr<const Frames> frames, bool is_series)
      : frames_(std::move(frames)), is_series_(is_series), variables_(frames_->variables()) {
    for (Variable& variable : variables_) {
      variable.loop_axes = is_series_ ? 1 : 0;
      if (is_series_) variable.shape.insert(variable.shape.begin(), frames_->count());
    }
  }

  const Frames& frames() const { return *frames_; }
  const std::vector<Variable>& variables() const { return variables_; }

  /// Readers are used by one thread at a time.
  Grid grid(std::string_view name) {
    const std::scoped_lock lock(guard_);
    return frames_->grid(name);
  }

  void request(const std::string& name) {
    const std::scoped_lock lock(guard_);
    if (!arrays_.contains(name)) requested_.insert(name);
  }

  std::shared_ptr<const ScratchArray> array(const std::string& name) {
    const std::scoped_lock lock(guard_);
    if (!arrays_.contains(name)) read_requested();
    return arrays_.at(name);
  }

 private:
  void read_requested() {
    const std::vector<std::string> names(requested_.begin(), requested_.end());
    std::vector<std::shared_ptr<ScratchArray>> stacks;
    std::vector<Shape> shapes;
    for (const std::string& name : names) {
      const Variable& own = *std::ranges::find(variables_, name, &Variable::name);
      stacks.push_back(make_shared<ScratchArray>(own.shape));
      shapes.emplace_back(own.shape.begin() + (is_series_ ? 1 : 0), own.shape.end());
    }
    for (std::size_t frame = 0; frame < frames_->count(); ++frame) {
      const auto values = frames_->read(frame, names);
      note_file_progress("reading", frame + 1, frames_->count());
      for (std::size_t i = 0; i < names.size(); ++i) {
        if (shape_of(values[i]) != shapes[i])
          throw FileError(message(names[i], ": expected the shape ", shape_text(shapes[i]),
                                  " of the first snapshot, got ", shape_text(shape_of(values[i])), " in snapshot ",
                                  frame));
        stacks[i]->append({values[i].data(), values[i].size()});
      }
    }
    for (std::size_t i = 0; i < names.size(); ++i) arrays_.emplace(names[i], std::move(stacks[i]));
    requested_.clear();
  }

  std::shared_ptr<const Frames> frames_;
  bool is_series_;
  std::vector<Variable> variables_;
  std::mutex guard_;
  std::set<std::string> requested_;
  std::map<std::string, std::shared_ptr<const ScratchArray>> arrays_;
};

/// One of the stacked arrays, which is read with the others.
class StackedArray final : public SequentialArray {
 public:
  StackedArray(std::shared_ptr<StackedFrames> frames, const Variable& variable)
      : SequentialArray(variable.shape), frames_(std::move(frames)), name_(variable.name) {
    frames_->request(name_);
  }
  void read_numbers(std::size_t first, std::size_t count, double* numbers) const override {
    frames_->array(name_)->read_numbers(first, count, numbers);
  }

 private:
  std::shared_ptr<StackedFrames> frames_;
  std::string name_;
};

class StackedDataset final : public Dataset {
 public:
  explicit StackedDataset(std::shared_ptr<StackedFrames> frames) : frames_(std::move(frames)) {}
  const std::vector<Variable>& variables() const override { return frames_->variables(); }
  std::shared_ptr<const StoredArray> array(std::string_view name) const override {
    return make_shared<StackedArray>(frames_, variable(name));
  }
  Grid grid(std::string_view name) const override { return frames_->grid(name); }
  std::vector<double> times(std::string_view) const override { return frames_->frames().times(); }

 private:
  std::shared_ptr<StackedFrames> frames_;
};

/// The snapshots of several files.
class FilesAsFrames final : public Frames {
 public:
  using Open = std::function<std::unique_ptr<Dataset>(const std::filesystem::path&)>;

  FilesAsFrames(std::vector<std::filesystem::path> paths, std::vector<double> times, Open open)
      : paths_(std::move(paths)), times_(std::move(times)), open_(std::move(open)), first_(open_(paths_.front())) {
    variables_ = first_->variables();
    for (Variable& variable : variables_) {
      const auto loop_axes = static_cast<std::ptrdiff_t>(variable.loop_axes.value_or(0));
      variable.shape.erase(variable.shape.begin(), variable.shape.begin() + loop_axes);
    }
    // Files with an axis of samples may have different numbers of them.
    const bool has_loops = std::ranges::any_of(
        first_->variables(), [](const Variable& variable) { return variable.loop_axes.value_or(0) > 0; });
    for (std::size_t file = 0; file < paths_.size(); ++file) {
      std::size_t samples = 1;
      if (has_loops) {
        const auto opened = file == 0 ? nullptr : open_(paths_[file]);
        const Dataset& dataset = opened ? *opened : *first_;
        samples = samples_of(dataset, paths_[file]);
        const auto own = dataset.times("");
        if (own.size() == samples) times_.insert(times_.end(), own.begin(), own.end());
      }
      for (std::size_t sample = 0; sample < samples; ++sample) places_.emplace_back(file, sample);
    }
    // Times that do not ascend count from different dates.
    if (times_.size() != places_.size() || !std::ranges::is_sorted(times_)) times_.clear();
  }

  std::size_t count() const override { return places_.size(); }
  const std::vector<Variable>& variables() const override { return variables_; }
  Grid grid(std::string_view name) const override { return first_->grid(name); }
  std::vector<double> times() const override { return times_; }

  std::vector<xt::xarray<double>> read(std::size_t frame, const std::vector<std::string>& names) const override {
    const auto [file, sample] = places_[frame];
    const std::filesystem::path& path = paths_[file];
    if (file != opened_file_) {
      arrays_.clear();
      opened_ = file == 0 ? nullptr : open_(path);
      opened_file_ = file;
    }
    const Dataset& dataset = opened_ ? *opened_ : *first_;
    for (const std::string& name : names)
      if (!arrays_.contains(name)) arrays_[name] = dataset.array(name);
    std::vector<xt::xarray<double>> values;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const Variable& expected = *std::ranges::find(variables_, names[i], &Variable::name);
      const StoredArray& array = *arrays_.at(names[i]);
      const std::size_t loop_axes = dataset.variable(names[i]).loop_axes.value_or(0);
      const std::size_t expected_axes = first_->variable(names[i]).loop_axes.value_or(0);
      const Shape& given = array.shape();
      if (loop_axes != expected_axes)
        throw FileError(message(path.string(), ": expected ", expected_axes, " axes of samples of ", names[i],
                                " as in ", paths_.front().string(), ", got ", loop_axes));
      const Shape own(given.begin() + static_cast<std::ptrdiff_t>(loop_axes), given.end());
      if (own != expected.shape)
        throw FileError(message(path.string(), ": expected the shape ", shape_text(expected.shape), " of ", names[i],
                                " in ", paths_.front().string(), ", got ", shape_text(own)));
      values.push_back(xt::xarray<double>::from_shape(own));
      array.read({loop_axes, sample, 1, 0, size_of(own)}, values.back().data());
    }
    if (sample == 0 && file > 0 && !names.empty()) compare_grids(dataset, names.front(), path);
    return values;
  }

 private:
  /// The number of samples of all fields of a file.
  static std::size_t samples_of(const Dataset& dataset, const std::filesystem::path& path) {
    std::optional<std::size_t> samples;
    for (const Variable& variable : dataset.variables()) {
      if (!variable.is_field || variable.loop_axes.value_or(0) == 0) continue;
      const std::size_t own = size_of(
          Shape(variable.shape.begin(), variable.shape.begin() + static_cast<std::ptrdiff_t>(*variable.loop_axes)));
      if (samples && *samples != own)
        throw FileError(message(path.string(), ": expected fields with the same number of samples in a series, got ",
                                *samples, " and ", own));
      samples = own;
    }
    return samples.value_or(1);
  }

  /// Warns, once, of points that are not those of the first file.
  void compare_grids(const Dataset& dataset, const std::string& name, const std::filesystem::path& path) const {
    if (!expected_coords_) expected_coords_ = first_->grid(name).coords;
    if (!expected_coords_ || has_warned_) return;
    const auto own = dataset.grid(name).coords;
    if (own && own->size() == expected_coords_->size() &&
        std::equal(own->begin(), own->end(), expected_coords_->begin()))
      return;
    has_warned_ = true;
    warn(message(path.string(), ": its points are not those of ", paths_.front().string(),
                 ", which are taken for all files"));
  }

  std::vector<std::filesystem::path> paths_;
  std::vector<double> times_;
  Open open_;
  std::unique_ptr<Dataset> first_;
  std::vector<Variable> variables_;
  std::vector<std::pair<std::size_t, std::size_t>> places_;  ///< file and sample of each frame
  // Frames are read by one thread at a time.
  mutable std::size_t opened_file_ = 0;
  mutable std::unique_ptr<Dataset> opened_;                                        ///< that file; null: the first
  mutable std::map<std::string, std::shared_ptr<const StoredArray>> arrays_ = {};  ///< of that file
  mutable std::optional<xt::xarray<double>> expected_coords_;
  mutable bool has_warned_ = false;
};

}  // namespace

Dataset::~Dataset() = default;
Frames::~Frames() = default;

Grid Dataset::grid(std::string_view) const { return {}; }

std::vector<double> Dataset::times(std::string_view) const { return {}; }

const Variable& Dataset::variable(std::string_view name) const {
  if (name.starts_with('/')) name.remove_prefix(1);
  const auto found = std::ranges::find(variables(), name, &Variable::name);
  if (found != variables().end()) return *found;
  std::vector<std::string> known;
  for (const Variable& variable : variables())
    if (variable.is_field) known.push_back(variable.name);
  if (known.empty()) throw FileError(message(name, " is not a field of the file: it has none"));
  throw FileError(unknown_name(name, "a field of the file", known));
}

std::unique_ptr<Dataset> stacked(std::shared_ptr<const Frames> frames, bool is_series) {
  return std::make_unique<StackedDataset>(make_shared<StackedFrames>(std::move(frames), is_series));
}

std::shared_ptr<const Frames> frames_of_files(
    std::vector<std::filesystem::path> paths, std::vector<double> times,
    std::function<std::unique_ptr<Dataset>(const std::filesystem::path&)> open) {
  return make_shared<FilesAsFrames>(std::move(paths), std::move(times), std::move(open));
}

std::size_t check_fields(const FieldSet& set) {
  if (set.fields.empty()) throw InvalidArgument("fields: expected at least one to write, got none");
  const Shape first = shape_of(set.fields.front().values);
  std::set<std::string> names;
  for (const auto& [name, values, units] : set.fields) {
    if (name.find('/') != name.npos)
      throw InvalidArgument(
          message("field ", name, ": expected a name without '/', for a file or an array of that name"));
    if (name.empty() || !names.insert(name).second)
      throw InvalidArgument(message("fields: expected different names that are not empty, got '", name, "'"));
    if (shape_of(values) != first)
      throw InvalidArgument(message("field ", name, ": expected the shape ", shape_text(first), " of the field ",
                                    set.fields.front().name, ", got ", shape_text(shape_of(values))));
  }
  if (set.loop_axes > first.size())
    throw InvalidArgument(message("fields: expected at least ", set.loop_axes, " axes, got ", shape_text(first)));
  const auto split = first.begin() + static_cast<std::ptrdiff_t>(set.loop_axes);
  const std::size_t num_pts = size_of(Shape(split, first.end()));
  if (set.grid.mesh && set.grid.mesh->num_pts() != num_pts)
    throw InvalidArgument(
        message("mesh: expected ", num_pts, " points as in the fields, got ", set.grid.mesh->num_pts()));
  if (set.grid.coords &&
      (set.grid.coords->dimension() < 2 || set.grid.coords->size() != num_pts * set.grid.coords->shape().back()))
    throw InvalidArgument(message("coords: expected ", num_pts, " points as in the fields, got the shape ",
                                  shape_text(shape_of(*set.grid.coords))));
  return size_of(Shape(first.begin(), split));
}

FieldSet sample_of(const FieldSet& set, std::size_t sample) {
  FieldSet result{
      .fields = {}, .loop_axes = 0, .grid = set.grid, .times = {}, .single_precision = set.single_precision};
  if (sample < set.times.size()) result.times = {set.times[sample]};
  for (const auto& [name, values, units] : set.fields) {
    const Shape own(values.shape().begin() + static_cast<std::ptrdiff_t>(set.loop_axes), values.shape().end());
    auto part = xt::xarray<double>::from_shape(own);
    std::copy_n(values.data() + sample * part.size(), part.size(), part.data());
    result.fields.push_back({name, std::move(part), units});
  }
  return result;
}

FieldLocation location_of(const std::vector<Variable>& variables, std::string_view name) {
  const auto found = std::ranges::find(variables, name, &Variable::name);
  return found == variables.end() ? FieldLocation::points : found->location;
}

std::string ending_of(const std::filesystem::path& path) {
  std::string ending = path.extension().string();
  for (char& c : ending)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return ending;
}

std::filesystem::path path_of_sample(const std::filesystem::path& path, std::size_t sample, std::size_t count) {
  const std::size_t width = std::max<std::size_t>(4, std::to_string(count - 1).size());
  const std::string number = std::to_string(sample);
  return path.parent_path() /
         (path.stem().string() + "_" + std::string(width - number.size(), '0') + number + path.extension().string());
}

std::vector<FieldGroup> groups_of(const FieldSet& set) {
  std::vector<FieldGroup> groups;
  for (std::size_t i = 0; i < set.fields.size(); ++i) {
    const std::string& name = set.fields[i].name;
    if (name.ends_with("_x") && i + 2 < set.fields.size()) {
      const std::string vector = name.substr(0, name.size() - 2);
      const bool is_taken = std::ranges::find(set.fields, vector, &NamedField::name) != set.fields.end();
      if (!is_taken && set.fields[i + 1].name == vector + "_y" && set.fields[i + 2].name == vector + "_z") {
        groups.push_back({vector, {&set.fields[i], &set.fields[i + 1], &set.fields[i + 2]}});
        i += 2;
        continue;
      }
    }
    groups.push_back({name, {&set.fields[i]}});
  }
  return groups;
}

std::string escaped_xml(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '&')
      result += "&amp;";
    else if (c == '"')
      result += "&quot;";
    else if (c == '<')
      result += "&lt;";
    else
      result += c;
  }
  return result;
}

std::recursive_mutex& hdf5_guard() {
  static std::recursive_mutex guard;
  return guard;
}

std::vector<double> times_of(const FieldSet& set, std::size_t samples) {
  if (set.times.size() == samples) return set.times;
  std::vector<double> times;
  for (std::size_t sample = 0; sample < samples; ++sample) times.push_back(static_cast<double>(sample));
  return times;
}

std::shared_ptr<const Mesh> mesh_to_write(const FieldSet& set) {
  if (set.grid.mesh) return set.grid.mesh;
  if (!set.grid.coords)
    throw InvalidArgument("coords: expected the points of the fields, got none; VTK files need them");
  const std::size_t dim = set.grid.coords->shape().back();
  if (dim > 3) throw InvalidArgument(message("coords: expected at most 3 dimensions, got ", dim));
  const std::size_t num_pts = set.grid.coords->size() / dim;
  auto mesh = make_shared<Mesh>();
  mesh->points = zeros<double>({num_pts, 3});
  for (std::size_t p = 0; p < num_pts; ++p) {
    std::copy_n(set.grid.coords->data() + p * dim, dim, mesh->points.data() + 3 * p);
    mesh->nodes.push_back(p);
    mesh->offsets.push_back(p + 1);
  }
  mesh->types.assign(num_pts, static_cast<std::uint8_t>(CellType::vertex));
  return mesh;
}

void expect_valid(const Mesh& mesh, const std::filesystem::path& path) try {
  validate(mesh);
} catch (const InvalidArgument& error) {
  throw FileError(message(path.string(), ": ", error.what()));
}

std::vector<double> array_of_times(const Dataset& dataset) {
  const auto found = std::ranges::find(dataset.variables(), "time", &Variable::name);
  if (found == dataset.variables().end() || found->shape.size() != 1) return {};
  const auto values = load_array(*dataset.array("time"));
  return {values.begin(), values.end()};
}

bool is_openfoam_case(const std::filesystem::path& folder) {
  std::error_code failure;
  return std::filesystem::exists(std::filesystem::status(folder / "system" / "controlDict", failure));
}

xt::xarray<double> coords_of(const Mesh& mesh) {
  return mesh.location == FieldLocation::cells ? cell_geometry(mesh).centers : mesh.points;
}

}  // namespace fieldfold
