#include "commands.hpp"

#include <unistd.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

import fieldfold;

namespace fieldfold::cli {
namespace {

template <class T>
BasicFields<T> load_fields(const std::vector<FieldFile>& files) {
  BasicFields<T> fields;
  for (const FieldFile& file : files) fields.emplace(file.name, load_npy<T>(file.path));
  return fields;
}

std::optional<xt::xarray<double>> load_optional(const std::filesystem::path& path) {
  if (path.empty()) return std::nullopt;
  return load_npy(path);
}

/// None where the text is anything else.
std::optional<double> number_in(const std::string& text) {
  double number = 0.0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

xt::xarray<double> number_or_file(const std::string& text) {
  if (const auto number = number_in(text)) return *number;
  return load_npy(text);
}

RBFOptions options_of(const InterpolationArguments& arguments) {
  return {.neighbors = arguments.neighbors,
          .smoothing = number_or_file(arguments.smoothing),
          .kernel = kernel_named(arguments.kernel),
          .epsilon = arguments.epsilon,
          .degree = arguments.degree,
          .method = rbf_method_named(arguments.rbf_method),
          .cluster_size = arguments.cluster_size.value_or(RBFOptions{}.cluster_size),
          .overlap = arguments.overlap,
          .allow_lower_degree = arguments.allow_lower_degree,
          .scales = arguments.scales,
          .periods = arguments.periods,
          .power = arguments.power};
}

/// `NAME=VALUE`.
std::pair<std::string, std::string> named(const std::string& text, const char* option) {
  const std::size_t split = text.find('=');
  if (split == std::string::npos || split == 0)
    throw InvalidArgument(message(option, ": expected FIELD=VALUE, got ", text));
  return {text.substr(0, split), text.substr(split + 1)};
}

double number_of(const std::string& text, const char* option) {
  if (const auto number = number_in(text)) return *number;
  throw InvalidArgument(message(option, ": expected a number, got ", text));
}

/// The inner product that `--mass` asks for.
void add_mass(const FieldArguments& arguments, const std::optional<xt::xarray<double>>& coords, FieldOptions& options) {
  const bool is_lumped = arguments.mass == "lumped";
  if (is_lumped || arguments.mass == "consistent") {
    if (!coords || arguments.cells.empty())
      throw InvalidArgument(message("--mass ", arguments.mass, ": expected --coords and --cells"));
    const auto cells = load_npy(arguments.cells);
    if (is_lumped)
      options.point_weights = lumped_mass(*coords, cells);
    else
      options.mass = consistent_mass(*coords, cells);
    return;
  }
  const auto triplets = load_npy(arguments.mass);
  if (triplets.dimension() != 2 || triplets.shape(1) != 3 || triplets.shape(0) == 0)
    throw InvalidArgument(message(arguments.mass,
                                  ": expected triplets (row, column, value) of the shape (entries, 3), ", "got ",
                                  shape_text(ArrayRef<double>(triplets).shape())));
  const auto column = [&](std::size_t k) { return xt::view(triplets, xt::all(), k); };
  options.mass.emplace(column(0), column(1), column(2));
}

FieldOptions field_options_of(const FieldArguments& arguments, const std::optional<xt::xarray<double>>& coords) {
  FieldOptions options{.center = arguments.center,
                       .standardize = arguments.standardize,
                       .point_weights = load_optional(arguments.point_weights),
                       .sample_weights = load_optional(arguments.sample_weights),
                       .mask = mask_named(arguments.mask),
                       .gappy_snapshots = gappy_snapshots_named(arguments.gappy)};
  for (const std::string& text : arguments.normalize) {
    if (text.find('=') == std::string::npos) {
      options.normalize = normalization_from(text);
      continue;
    }
    const auto [name, method] = named(text, "--normalize");
    options.normalize_field[name] = normalization_from(method);
  }
  for (const std::string& text : arguments.field_weights) {
    const auto [name, weight] = named(text, "--field-weight");
    options.field_weights[name] = number_of(weight, "--field-weight");
  }
  if (!arguments.mass.empty()) add_mass(arguments, coords, options);
  return options;
}

volatile std::sig_atomic_t caught_signal = 0;

/// Thrown where the work is when a signal has been caught, so that what was begun is taken back.
struct Interrupted {};

/// While one exists, signals that end the program are noted instead; its end lets one that was noted have its way.
class NotedSignals {
 public:
  NotedSignals() {
    for (std::size_t i = 0; i < signals.size(); ++i) {
      before_[i] = std::signal(signals[i], [](int signal) { caught_signal = signal; });
      // As nohup wants it.
      if (before_[i] == SIG_IGN) std::signal(signals[i], SIG_IGN);
    }
  }
  NotedSignals(const NotedSignals&) = delete;
  NotedSignals& operator=(const NotedSignals&) = delete;
  ~NotedSignals() {
    for (std::size_t i = 0; i < signals.size(); ++i) std::signal(signals[i], before_[i]);
    if (caught_signal != 0) std::raise(caught_signal);
  }

 private:
  static constexpr std::array signals{SIGINT, SIGTERM, SIGHUP};
  std::array<void (*)(int), signals.size()> before_{};
};

/// Shows on a terminal how far the work is, and ends it when a signal has been caught.
class ProgressBar {
 public:
  ProgressBar() : is_terminal_(::isatty(STDERR_FILENO) == 1) {}
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar() { clear(); }

  void clear() {
    if (!std::exchange(shown_, {}).empty()) std::cerr << "\r\33[K" << std::flush;
  }

  void operator()(std::string_view phase, double share) {
    if (caught_signal != 0) throw Interrupted();
    if (!is_terminal_) return;
    constexpr int width = 40;
    const int done = static_cast<int>(width * std::clamp(share, 0.0, 1.0));
    std::ostringstream line;
    line << std::left << std::setw(8) << phase << '[' << std::string(static_cast<std::size_t>(done), '#')
         << std::string(static_cast<std::size_t>(width - done), ' ') << "] " << static_cast<int>(100.0 * share) << " %";
    if (line.str() == shown_) return;
    shown_ = line.str();
    std::cerr << '\r' << shown_ << std::flush;
  }

 private:
  bool is_terminal_;
  std::string shown_;
};

template <class T>
std::unique_ptr<RowSource<T>> snapshots_of(const FitArguments& arguments) {
  if (!arguments.data.empty()) return std::make_unique<NpyRows<T>>(arguments.data);
  std::vector<std::pair<std::string, std::filesystem::path>> files;
  files.reserve(arguments.field_files.size());
  for (const FieldFile& file : arguments.field_files) files.emplace_back(file.name, file.path);
  return std::make_unique<NpyFieldRows<T>>(files);
}

template <class T>
void fit_in(const FitArguments& arguments) {
  std::vector<std::string> names = arguments.fields;
  for (const FieldFile& file : arguments.field_files) names.push_back(file.name);
  const auto coords = load_optional(arguments.coords);
  const NotedSignals noted;
  ProgressBar bar;
  const BasicSVD<T> svd({.fields = names,
                         .coords = coords,
                         .interpolate_method = arguments.interpolation.interpolate_method,
                         .interpolate_opts = options_of(arguments.interpolation),
                         .field_opts = field_options_of(arguments.space, coords),
                         .rank = arguments.rank,
                         .energy_tol = arguments.energy_tol,
                         .reconstruction_tol = arguments.reconstruction_tol,
                         .sample_tol = arguments.sample_tol,
                         .noise = arguments.noise,
                         .optimal_threshold = arguments.optimal_threshold,
                         .validate_every = arguments.validate_every,
                         .keep_training_latents = arguments.keep_training_latents,
                         .threads = arguments.threads,
                         .progress = [&](std::string_view phase, double share) { bar(phase, share); }});
  try {
    const auto map = learn_to_file(arguments.output, svd, *snapshots_of<T>(arguments));
    bar.clear();
    if (map.num_dropped > 0) warn(message(map.num_dropped, " snapshots have NaN or infinity and are left out"));
    if (map.num_filled > 0) warn(message(map.num_filled, " numbers of the snapshots were missing and are filled"));
  } catch (const Interrupted&) {
    bar.clear();
  }
}

/// Loads a map and hands the SVD in it, of whatever precision, to the action.
template <class Action>
void with_svd(const std::filesystem::path& path, Action action) {
  const AnyCompressor compressor = load(path);
  if (const auto* svd = compressor.target<SVD>()) return action(*svd);
  if (const auto* svd = compressor.target<BasicSVD<float>>()) return action(*svd);
  throw InvalidArgument(message(path.string(), ": expected the map of an SVD"));
}

template <class T>
void save_fields(const std::filesystem::path& folder, const BasicFields<T>& fields) {
  for (const auto& [name, values] : fields)
    if (name.find('/') != std::string::npos)
      throw InvalidArgument(message("field ", name, ": expected a name that can be that of a file, without '/'"));
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) throw FileError(message(folder.string(), ": cannot be made a folder: ", failure.message()));
  for (const auto& [name, values] : fields) save_npy(folder / (name + ".npy"), values);
}

/// Numbers that JSON has no word for become null.
nlohmann::json finite_or_null(double number) {
  return std::isfinite(number) ? nlohmann::json(number) : nlohmann::json(nullptr);
}

nlohmann::json numbers(const xt::xarray<double>& array) {
  auto list = nlohmann::json::array();
  for (const double number : array) list.push_back(finite_or_null(number));
  return list;
}

void add_errors(nlohmann::ordered_json& facts, const std::string& prefix, const SnapshotErrors& errors) {
  facts[prefix + "largest_snapshot_error"] = finite_or_null(errors.largest_of_snapshots());
  facts[prefix + "largest_field_error"] = finite_or_null(errors.largest_of_fields());
  facts[prefix + "field_errors"] = numbers(errors.fields);
  facts[prefix + "snapshot_errors"] = numbers(errors.snapshots);
}

/// What the numbers go through before they are compressed.
void add_space(nlohmann::ordered_json& facts, const FieldOptions& options, const FieldSpace* space,
               const std::vector<std::string>& fields) {
  nlohmann::ordered_json normalize;
  for (const std::string& field : fields)
    normalize[field] = normalization_methods()[static_cast<std::size_t>(options.normalization_of(field).method)];
  const bool is_centered = options.center || options.standardize;
  facts["normalize"] = std::move(normalize);
  facts["centered"] = is_centered;
  facts["standardized"] = options.standardize;
  facts["energy_and_errors_count_the_mean"] = !is_centered;
  facts["point_weights"] = options.point_weights.has_value();
  facts["field_weights"] = options.field_weights;
  facts["sample_weights"] = options.sample_weights.has_value();
  facts["mass_matrix"] = !options.mass ? "none" : options.mass->sparse() != nullptr ? "sparse" : "function";
  facts["mask"] = masks()[static_cast<std::size_t>(options.mask)];
  facts["num_masked"] = space != nullptr ? space->num_absent() : 0;
  facts["gappy_snapshots"] = gappy_snapshots_policies()[static_cast<std::size_t>(options.gappy_snapshots)];
  facts["gappy_states"] = gappy_states_policies()[static_cast<std::size_t>(options.gappy_states)];
}

template <class T>
nlohmann::ordered_json facts_of(const BasicSVD<T>& svd) {
  nlohmann::ordered_json facts;
  facts["method"] = "svd";
  facts["precision"] = sizeof(T) == sizeof(double) ? "double" : "single";
  facts["fields"] = svd.fields();
  facts["dim"] = svd.has_coords() ? nlohmann::json(svd.dim()) : nlohmann::json(nullptr);
  facts["num_qoi"] = svd.num_qoi();
  facts["interpolate_method"] = svd.interpolate_method();
  const RBFOptions& options = svd.interpolate_opts();
  facts["kernel"] = traits(options.kernel).name;
  facts["rbf_method"] = rbf_methods()[static_cast<std::size_t>(options.method)];
  facts["neighbors"] = options.neighbors ? nlohmann::json(*options.neighbors) : nlohmann::json(nullptr);
  const SVDOptions all = svd.options();
  add_space(facts, all.field_opts, svd.map_exists() && svd.map().space ? &*svd.map().space : nullptr, svd.fields());
  facts["map_exists"] = svd.map_exists();
  if (!svd.map_exists()) return facts;
  facts["num_pts"] = svd.num_pts();
  facts["dof"] = svd.dof();
  facts["rank"] = svd.rank();
  facts["energy"] = finite_or_null(svd.energy());
  facts["reconstruction_error"] = finite_or_null(svd.reconstruction_error());
  facts["num_samples"] = svd.num_samples();
  facts["num_dropped"] = svd.num_dropped();
  facts["num_filled"] = svd.map().num_filled;
  if (svd.map().errors) add_errors(facts, "", svd.errors());
  if (svd.map().validation_errors) add_errors(facts, "validation_", svd.validation_errors());
  facts["singular_values"] = std::vector<double>(svd.singular_values().begin(), svd.singular_values().end());
  facts["latent_ranges"] = svd.estimate_latent_ranges();
  return facts;
}

/// A fact as a person reads it: strings without quotes, long lists cut.
std::string shown(const nlohmann::ordered_json& value) {
  constexpr std::size_t most = 6;
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) {
    std::ostringstream rounded;
    rounded << value.get<double>();
    return rounded.str();
  }
  std::vector<std::string> parts;
  if (value.is_object()) {
    for (const auto& [name, own] : value.items()) parts.push_back(name + " " + shown(own));
    return value.empty() ? "none" : listing(parts);
  }
  if (!value.is_array()) return value.dump();
  for (std::size_t i = 0; i < std::min(value.size(), most); ++i)
    parts.push_back(value[i].is_array() ? "[" + shown(value[i]) + "]" : shown(value[i]));
  if (value.size() > most) parts.push_back(message("... (", value.size(), " in all)"));
  return listing(parts);
}

}  // namespace

void fit(const FitArguments& arguments) {
  if (arguments.single_precision)
    fit_in<float>(arguments);
  else
    fit_in<double>(arguments);
}

void info(const InfoArguments& arguments) {
  with_svd(arguments.map, [&](const auto& svd) {
    const auto facts = facts_of(svd);
    if (arguments.json) {
      std::cout << facts.dump(2) << '\n';
      return;
    }
    for (const auto& [name, value] : facts.items())
      std::cout << std::left << std::setw(34) << name << shown(value) << '\n';
  });
}

void compress(const CompressArguments& arguments) {
  with_svd(arguments.map, [&]<class T>(const BasicSVD<T>& svd) {
    const auto states = [&]() -> xt::xarray<T> {
      if (!arguments.states.empty()) return load_npy<T>(arguments.states);
      const auto fields = load_fields<T>(arguments.field_files);
      if (arguments.coords.empty()) return svd.join_fields(fields);
      return svd.interpolate_to_grid(load_npy(arguments.coords), fields);
    };
    const auto given = states();
    const auto latent =
        arguments.gappy.empty() ? svd.compress(given) : svd.compress(given, gappy_states_named(arguments.gappy));
    const xt::xarray<T> result = arguments.whiten ? svd.whiten(latent) : latent;
    if (!arguments.distances.empty()) {
      const auto assessed = svd.assess(given);
      const auto worst = std::ranges::max_element(assessed.condition);
      if (worst != assessed.condition.end() && *worst > 1.0)
        warn(message("numbers are missing in states: errors of the others are magnified by up to ", *worst));
      save_npy(arguments.distances, assessed.relative_distance);
    }
    save_npy(arguments.output, result);
  });
}

void reconstruct(const ReconstructArguments& arguments) {
  with_svd(arguments.map, [&]<class T>(const BasicSVD<T>& svd) {
    const auto given = load_npy<T>(arguments.latent);
    const xt::xarray<T> latent = arguments.is_white ? svd.unwhiten(given) : given;
    if (!arguments.states.empty()) save_npy(arguments.states, svd.reconstruct(latent));
    if (!arguments.output_folder.empty())
      save_fields(arguments.output_folder, arguments.coords.empty()
                                               ? svd.split_fields(svd.reconstruct(latent))
                                               : reconstruct_fields(svd, latent, load_npy(arguments.coords)));
  });
}

void sensors(const SensorsArguments& arguments) {
  with_svd(arguments.map, [&](const auto& svd) {
    const auto chosen = svd.sensors(arguments.count.value_or(svd.rank()));
    if (!arguments.output.empty()) {
      auto numbers = xt::xarray<double>::from_shape({chosen.size()});
      std::ranges::copy(chosen, numbers.begin());
      save_npy(arguments.output, numbers);
    }
    for (const std::size_t number : chosen) {
      const std::size_t point = number / svd.num_qoi();
      std::cout << message("point ", point, "  field ", svd.fields()[number % svd.num_qoi()]);
      if (svd.has_coords()) {
        std::cout << "  at";
        for (std::size_t axis = 0; axis < svd.dim(); ++axis) std::cout << message(" ", svd.coords()(point, axis));
      }
      std::cout << '\n';
    }
  });
}

namespace {

/// Where fields come from and go to, as the files say it.
struct Grids {
  xt::xarray<double> from;  ///< `(num_pts, dim)`
  xt::xarray<double> to;    ///< `(*coord_shape, dim)`
};

Grids load_grids(const InterpolateArguments& arguments) {
  Grids grids{load_npy(arguments.from), load_npy(arguments.to)};
  if (grids.from.dimension() == 1) grids.from.reshape({grids.from.size(), std::size_t{1}});
  if (grids.from.dimension() != 2 || grids.from.size() == 0)
    throw InvalidArgument(message(arguments.from.string(), ": expected coordinates of the shape (num_pts, dim) or ",
                                  "(num_pts,), got ", shape_text(ArrayRef<double>(grids.from).shape())));
  if (grids.to.dimension() < 2)
    grids.to.reshape(grids.from.shape(1) == 1 ? Shape{grids.to.size(), 1} : Shape{1, grids.to.size()});
  return grids;
}

/// The samples of all fields as columns, `(num_pts, columns)`, so that they are interpolated at once.
xt::xarray<double> columns_of(const std::vector<LoopRows<double>>& fields, std::size_t num_pts) {
  std::size_t num_columns = 0;
  for (const auto& field : fields) num_columns += field.matrix.rows;
  auto columns = xt::xarray<double>::from_shape({num_pts, num_columns});
  std::size_t column = 0;
  for (const auto& field : fields) {
    for (std::size_t p = 0; p < num_pts; ++p)
      for (std::size_t i = 0; i < field.matrix.rows; ++i) columns(p, column + i) = field.matrix(i, p);
    column += field.matrix.rows;
  }
  return columns;
}

/// Chooses epsilon for all columns together, and shows what was looked at.
RBFOptions chosen_options(const Grids& grids, const xt::xarray<double>& columns, const RBFOptions& options) {
  const auto choice = choose_by_leave_one_out(grids.from, columns, options);
  std::cout << "epsilon  leave-one-out error\n";
  for (const auto& trial : choice.curve) std::cout << message(trial.epsilon, "  ", trial.error, "\n");
  std::cout << message("chosen: ", choice.options.epsilon.value_or(1.0), "\n");
  return choice.options;
}

}  // namespace

void interpolate(const InterpolateArguments& arguments) {
  Interpolation interpolation{arguments.interpolation.interpolate_method, options_of(arguments.interpolation)};
  interpolation.options.threads = arguments.threads;
  std::optional<InterpolationOperator> kept;
  std::optional<Grids> grids;
  if (!arguments.operator_file.empty())
    kept.emplace(load_operator(arguments.operator_file));
  else
    grids.emplace(load_grids(arguments));
  const std::size_t num_pts = kept ? kept->num_points() : grids->from.shape(0);
  const Shape coord_shape = kept ? kept->query_shape() : Shape(grids->to.shape().begin(), grids->to.shape().end() - 1);

  const Fields fields = load_fields<double>(arguments.field_files);
  std::vector<LoopRows<double>> rows;
  for (const auto& [name, values] : fields)
    rows.push_back(split_loop(ArrayRef<double>(values), {num_pts}, message("field ", name)));
  const auto columns = columns_of(rows, num_pts);
  if (arguments.choose_by_leave_one_out) interpolation.options = chosen_options(*grids, columns, interpolation.options);
  if (!arguments.save_operator_file.empty()) {
    const MatrixView<const double> judged = fields.empty() ? MatrixView<const double>{} : as_matrix(columns);
    kept.emplace(grids->from, grids->to, interpolation, judged);
    save(arguments.save_operator_file, *kept);
  }
  if (fields.empty()) return;
  const std::size_t num_queries = size_of(coord_shape);
  if (grids) grids->to.reshape({num_queries, grids->to.shape().back()});
  const xt::xarray<double> interpolated =
      kept ? (*kept)(columns, arguments.threads) : interpolation(grids->from, columns, grids->to);

  Fields results;
  std::size_t column = 0;
  auto row = rows.begin();
  for (const auto& [name, values] : fields) {
    auto result = xt::xarray<double>::from_shape(joined(row->loop_shape, coord_shape));
    const auto matrix = as_matrix(result, row->matrix.rows, num_queries);
    for (std::size_t q = 0; q < matrix.cols; ++q)
      for (std::size_t i = 0; i < matrix.rows; ++i) matrix(i, q) = interpolated(q, column + i);
    column += matrix.rows;
    results.emplace(name, std::move(result));
    ++row;
  }
  save_fields(arguments.output_folder, results);
}

}  // namespace fieldfold::cli
