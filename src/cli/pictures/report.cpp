#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "../terminal/session.hpp"

// These import fieldfold; g++ includes nothing after it.
#include "../commands.hpp"
#include "../input/field_files.hpp"
#include "../input/files.hpp"
#include "../input/map_file.hpp"
#include "../input/watched.hpp"
#include "../terminal/map_facts.hpp"
#include "page.hpp"
#include "view.hpp"

import fieldfold;
import fieldfold.formats;

namespace fieldfold::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_bytes = std::size_t{32} << 20;  ///< of pictures, before they are compressed
constexpr std::size_t most_modes = 20;
constexpr std::size_t most_samples = 2000;  ///< of a chart
constexpr std::size_t most_listed = 10;

/// Snapshots of the command line, and how well the map represents them.
template <class T>
struct GivenSnapshots {
  std::unique_ptr<StoredFieldRows> stored;
  std::unique_ptr<RowsWithMissingValues<double>> rows;
  std::vector<double> times;
  SnapshotErrors errors;
  xt::xarray<T> latent;
};

template <class T>
std::optional<GivenSnapshots<T>> open_snapshots(const BasicSVD<T>& svd, const FieldFiles& files) {
  if (files.empty()) return std::nullopt;
  const GivenFields given = open_fields(files, svd.fields());
  GivenSnapshots<T> snapshots{
      .stored = rows_of_map(svd, given), .rows = nullptr, .times = given.times, .errors = {}, .latent = {}};
  snapshots.rows =
      std::make_unique<RowsWithMissingValues<double>>(*snapshots.stored, svd.options().field_opts.missing_values);
  snapshots.errors = projection_errors(svd, WatchedRows(*snapshots.rows, "errors"));
  snapshots.latent = svd.assess(WatchedRows(*snapshots.rows, "coefficients")).latent;
  return snapshots;
}

/// Errors of snapshots for a chart, and the largest of them for a table.
/// \param numbers  of the snapshots; empty: those from 0 on
Json series_of(const SnapshotErrors& errors, const std::vector<std::string>& fields, const std::string& name,
               const std::vector<std::size_t>& numbers, const std::vector<double>& times) {
  const std::size_t count = errors.snapshots.size();
  const auto number_of = [&](std::size_t j) { return j < numbers.size() ? numbers[j] : j; };
  // Of each group of snapshots the largest error shows.
  const std::size_t group = (count + most_samples - 1) / most_samples;
  Json points = Json::array();
  for (std::size_t first = 0; first < count; first += group) {
    std::size_t worst = first;
    for (std::size_t j = first; j < std::min(first + group, count); ++j)
      if (!(errors.snapshots(j) <= errors.snapshots(worst))) worst = j;
    points.push_back({number_of(worst), finite_or_null(errors.snapshots(worst))});
  }
  std::vector<std::size_t> order = worst_first(errors.snapshots);
  std::erase_if(order, [&](std::size_t j) { return !std::isfinite(errors.snapshots(j)); });
  Json worst = Json::array();
  for (std::size_t i = 0; i < std::min(order.size(), most_listed); ++i) {
    Json row{{"snapshot", number_of(order[i])}, {"error", errors.snapshots(order[i])}};
    if (order[i] < times.size()) row["time"] = times[order[i]];
    for (std::size_t field = 0; field < fields.size() && errors.snapshot_fields.size() > 0; ++field)
      row["fields"].push_back(finite_or_null(errors.snapshot_fields(order[i], field)));
    worst.push_back(std::move(row));
  }
  Json by_field = Json::array();
  for (const double error : errors.fields) by_field.push_back(finite_or_null(error));
  return {{"name", name},
          {"count", count},
          {"unknown", count - order.size()},
          {"points", std::move(points)},
          {"worst", std::move(worst)},
          {"fields", std::move(by_field)}};
}

/// The numbers of the snapshots that were held out, which are those between the training snapshots; none: they are
/// unknown, because snapshots were dropped.
template <class T>
std::optional<std::vector<std::size_t>> held_out_numbers(const BasicSVDMap<T>& map) {
  const std::size_t count = map.validation_errors->snapshots.size();
  std::vector<std::size_t> numbers;
  for (std::size_t j = 0; j < map.num_samples + count; ++j)
    if (!std::ranges::binary_search(map.snapshot_numbers, j)) numbers.push_back(j);
  if (numbers.size() != count) return std::nullopt;
  return numbers;
}

/// Coefficients of samples for a chart.
template <class T>
Json coefficients_of(const xt::xarray<T>& latent, const std::string& name, const std::vector<double>& times,
                     std::size_t modes) {
  Json series{{"name", name}, {"count", latent.shape(0)}, {"numbers", Json::array()}, {"rows", Json::array()}};
  for (const std::size_t j : evenly(latent.shape(0), most_samples)) {
    series["numbers"].push_back(j);
    if (j < times.size()) series["times"].push_back(times[j]);
    Json row = Json::array();
    for (std::size_t mode = 0; mode < modes; ++mode)
      row.push_back(finite_or_null(static_cast<double>(latent(j, mode))));
    series["rows"].push_back(std::move(row));
  }
  return series;
}

/// Pictures of the fields of one state, by name.
template <class T>
Json pictures_of(const BasicSVD<T>& svd, const View& view, Pictures& pictures, const xt::xarray<T>& state,
                 ColorRange (*range)(const std::vector<double>&)) {
  const auto fields = svd.split_fields(state);
  Json result = Json::object();
  for (const std::string& name : svd.fields()) {
    const auto values = view.of(fields.at(name));
    result[name] = pictures.add(values, range(values));
  }
  return result;
}

/// The snapshots to show: all, or the worst ones and others in even steps.
std::vector<std::size_t> shown_snapshots(const SnapshotErrors& errors, std::size_t most) {
  const std::size_t count = errors.snapshots.size();
  const std::vector<std::size_t> order = worst_first(errors.snapshots);
  most = std::min(most, count);
  std::set<std::size_t> shown(order.begin(), order.begin() + static_cast<std::ptrdiff_t>((most + 3) / 4));
  for (const std::size_t j : evenly(count, most))
    if (shown.size() < most) shown.insert(j);
  return {shown.begin(), shown.end()};
}

/// A snapshot, what the map makes of it, and the difference.
template <class T>
std::map<std::string, BasicFields<T>> fields_of_snapshot(const BasicSVD<T>& svd, const GivenSnapshots<T>& snapshots,
                                                         std::size_t sample) {
  std::vector<double> buffer;
  const auto column = snapshots.rows->read_columns(sample, 1, buffer);
  const xt::xarray<T> state = array_cast<T>(ArrayRef<double>(column.data, {svd.dof()}).copy());
  auto latent = xt::xarray<T>::from_shape({svd.rank()});
  for (std::size_t mode = 0; mode < svd.rank(); ++mode) latent(mode) = snapshots.latent(sample, mode);
  const xt::xarray<T> again = svd.reconstruct(latent);
  xt::xarray<T> difference = state;
  for (std::size_t i = 0; i < difference.size(); ++i) difference(i) -= again(i);
  return {{"original", svd.split_fields(state)},
          {"reconstruction", svd.split_fields(again)},
          {"difference", svd.split_fields(difference)}};
}

/// Pictures of snapshots; colors mean the same in all of them, and in a snapshot and its reconstruction.
template <class T>
Json snapshots_of(const BasicSVD<T>& svd, const GivenSnapshots<T>& snapshots, const std::vector<std::size_t>& shown,
                  const View& view, Pictures& pictures) {
  // All snapshots are read twice: first for the ranges.
  std::map<std::string, ColorRange> ranges;
  std::map<std::string, ColorRange> differences;
  for (const std::size_t sample : shown)
    for (const auto& [kind, fields] : fields_of_snapshot(svd, snapshots, sample))
      for (const auto& [name, field] : fields) {
        const auto values = view.of(field);
        const bool is_difference = kind == "difference";
        const ColorRange range = is_difference ? symmetric_range_of(values) : range_of(values);
        (is_difference ? differences : ranges).try_emplace(name, range).first->second.include(range);
      }
  Json result = Json::array();
  for (const std::size_t sample : shown) {
    Json own{{"snapshot", sample}, {"error", finite_or_null(snapshots.errors.snapshots(sample))}};
    if (sample < snapshots.times.size()) own["time"] = snapshots.times[sample];
    for (const auto& [kind, fields] : fields_of_snapshot(svd, snapshots, sample))
      for (const auto& [name, field] : fields)
        own["fields"][name][kind] =
            pictures.add(view.of(field), (kind == "difference" ? differences : ranges).at(name));
    result.push_back(std::move(own));
  }
  return result;
}

/// The facts of a map for its page: those of `info`, with series in place of long lists.
template <class T>
Json page_facts(const std::filesystem::path& path, const BasicSVD<T>& svd,
                const std::optional<GivenSnapshots<T>>& snapshots, std::size_t modes) {
  const MapOutline outline = load_outline(path);
  Json facts = facts_of(outline, false);
  for (const char* name : {"snapshot_errors", "validation_snapshot_errors", "cumulative_energy", "singular_values"})
    facts.erase(name);
  const auto& map = svd.map();
  facts["file"] = path.filename().string();
  facts["file_bytes"] = static_cast<std::size_t>(std::filesystem::file_size(path));
  std::vector<double> values(map.singular_values.begin(), map.singular_values.end());
  std::vector<double> errors = fieldfold::tail_shares(map.singular_values, map.unresolved_squares);
  for (double& error : errors) error = std::sqrt(error);
  values.resize(std::min(values.size(), most_samples));
  errors.resize(std::min(errors.size(), most_samples + 1));
  facts["singular_values"] = std::move(values);
  facts["errors_of_ranks"] = std::move(errors);
  facts["errors"] = Json::array();
  if (map.errors) facts["errors"].push_back(series_of(*map.errors, svd.fields(), "training", map.snapshot_numbers, {}));
  if (map.validation_errors) {
    const auto numbers = held_out_numbers(map);
    facts["errors"].push_back(series_of(*map.validation_errors, svd.fields(),
                                        numbers ? "held out" : "held out, numbered among themselves",
                                        numbers.value_or(std::vector<std::size_t>{}), {}));
  }
  if (snapshots) {
    facts["errors"].push_back(series_of(snapshots->errors, svd.fields(), "data", {}, snapshots->times));
    facts["coefficients"] = coefficients_of(snapshots->latent, "data", snapshots->times, modes);
  } else if (map.training_latents) {
    facts["coefficients"] = coefficients_of(*map.training_latents, "training", {}, modes);
  }
  return facts;
}

Json view_facts(const View& view) {
  const auto axis = [](const ViewAxis& own) {
    return Json{{"name", own.name}, {"lower", own.lower}, {"upper", own.upper}};
  };
  Json facts{{"width", view.width()},
             {"height", view.height()},
             {"part", view.part()},
             {"horizontal", axis(view.horizontal())}};
  if (view.is_line())
    facts["positions"] = view.positions();
  else
    facts["vertical"] = axis(view.vertical());
  return facts;
}

template <class T>
void write_report(const BasicSVD<T>& svd, const ReportArguments& arguments) {
  const View view(grid_of(svd), svd.grid_shape(), arguments.view);
  Pictures pictures(view);
  // Half of the page for the modes, as many again for the snapshots.
  const std::size_t fitting = most_bytes / 2 / (svd.num_qoi() * pictures.bytes_of_one());
  const std::size_t modes =
      std::min(arguments.modes.value_or(std::clamp<std::size_t>(fitting, 1, most_modes)), svd.rank());
  const auto snapshots = open_snapshots(svd, arguments.field_files);
  Json facts = page_facts(arguments.map, svd, snapshots, modes);
  facts["view"] = view_facts(view);
  if (svd.map().is_centered()) facts["mean"] = pictures_of(svd, view, pictures, svd.mean(), range_of);
  facts["modes"] = Json::array();
  for (std::size_t mode = 0; mode < modes; ++mode)
    facts["modes"].push_back(pictures_of(svd, view, pictures, mode_of(svd, mode), symmetric_range_of));
  if (snapshots) {
    const auto shown =
        shown_snapshots(snapshots->errors, arguments.snapshots.value_or(std::max<std::size_t>(4, fitting / 3)));
    facts["snapshots"] = snapshots_of(svd, *snapshots, shown, view, pictures);
  }
  const std::string page = page_of(arguments.map.filename().string(), facts, pictures.text());
  write_output(arguments.output, page);
  conclude({{"output", arguments.output.string()}, {"bytes", page.size()}, {"modes", modes}},
           message(arguments.output.string(), ": a page of ", modes, modes == 1 ? " mode, " : " modes, ",
                   (page.size() + 99999) / 100000 / 10.0, " MB"));
}

}  // namespace

void report(const ReportArguments& arguments) {
  with_svd(arguments.map, [&](const auto& svd) { write_report(svd, arguments); });
}

}  // namespace fieldfold::cli
