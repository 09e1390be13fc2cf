#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../terminal/progress.hpp"
#include "../terminal/session.hpp"

// These import fieldfold; g++ includes nothing after it.
#include "../commands.hpp"
#include "../input/field_files.hpp"
#include "../input/files.hpp"
#include "../input/map_file.hpp"
#include "../input/watched.hpp"

import fieldfold;
import fieldfold.formats;

namespace fieldfold::cli {
namespace {

/// Adds the fields of one state, `(dof,)`, with a prefix to their names.
template <class T>
void add_state(const BasicSVD<T>& svd, const xt::xarray<T>& state, const std::string& prefix, FieldSet& set) {
  const auto fields = svd.split_fields(state);
  for (const std::string& name : svd.fields()) {
    const auto unit = svd.compression_options().units.find(name);
    const bool has_unit = prefix.starts_with("mean") || prefix.starts_with("error");
    set.fields.push_back({prefix + "_" + name, array_cast<double>(fields.at(name)),
                          has_unit && unit != svd.compression_options().units.end() ? unit->second : std::string()});
  }
}

/// The root mean square over the states of the error of each number, `(dof,)`. NaN: a number of no state is known.
template <class T>
xt::xarray<T> errors_of(const BasicSVD<T>& svd, const FieldFiles& files) {
  const GivenFields given = open_fields(files, svd.fields());
  const auto stored = rows_of_map(svd, given);
  const WatchedRows watched(*stored, "errors");
  const auto rows = std::make_unique<RowsWithMissingValues<double>>(watched, svd.options().field_opts.missing_values);
  std::vector<double> sums(svd.dof(), 0.0);
  std::vector<std::size_t> counts(svd.dof(), 0);
  std::vector<double> buffer;
  for (std::size_t first = 0; first < rows->cols(); first += rows->block_columns()) {
    const std::size_t count = std::min(rows->block_columns(), rows->cols() - first);
    const auto block = rows->read_columns(first, count, buffer);
    const xt::xarray<T> states = array_cast<T>(ArrayRef<double>(block.data, {count, svd.dof()}).copy());
    const xt::xarray<T> again = svd.reconstruct(svd.assess(states).latent);
    for (std::size_t j = 0; j < count; ++j)
      for (std::size_t i = 0; i < svd.dof(); ++i) {
        const double error = static_cast<double>(states(j, i)) - static_cast<double>(again(j, i));
        if (!std::isfinite(error)) continue;
        sums[i] += error * error;
        ++counts[i];
      }
  }
  auto errors = xt::xarray<T>::from_shape({svd.dof()});
  for (std::size_t i = 0; i < svd.dof(); ++i)
    errors(i) = counts[i] == 0 ? std::numeric_limits<T>::quiet_NaN()
                               : static_cast<T>(std::sqrt(sums[i] / static_cast<double>(counts[i])));
  return errors;
}

template <class T>
void export_fields(const BasicSVD<T>& svd, const ExportArguments& arguments) {
  FieldSet set{.fields = {}, .grid = grid_of(svd), .single_precision = sizeof(T) == 4};
  if (svd.map().is_centered()) add_state(svd, svd.mean(), "mean", set);
  const std::size_t count = std::min(arguments.modes.value_or(svd.rank()), svd.rank());
  for (std::size_t mode = 0; mode < count; ++mode) add_state(svd, mode_of(svd, mode), message("mode_", mode + 1), set);
  if (!arguments.field_files.empty()) add_state(svd, errors_of(svd, arguments.field_files), "error", set);
  write_output(arguments.output, set);
  conclude(facts_of(arguments.output, set), line_of(arguments.output, set));
}

}  // namespace

void export_map(const ExportArguments& arguments) {
  const Ticker ticker("exporting");
  with_svd(arguments.map, [&]<class T>(const BasicSVD<T>& svd) {
    if (!arguments.spectrum.empty()) save_output<T>(arguments.spectrum, svd.singular_values(), "singular_value");
    if (!arguments.coefficients.empty()) save_output<T>(arguments.coefficients, svd.training_latents(), "coefficient");
    if (!arguments.output.empty()) return export_fields(svd, arguments);
    conclude({{"spectrum", arguments.spectrum}, {"coefficients", arguments.coefficients}},
             arguments.spectrum + (arguments.spectrum.empty() || arguments.coefficients.empty() ? "" : ", ") +
                 arguments.coefficients);
  });
}

}  // namespace fieldfold::cli
