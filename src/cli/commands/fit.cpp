#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../commands.hpp"
#include "../options.hpp"
#include "../progress.hpp"

import fieldfold;

namespace fieldfold::cli {
namespace {

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
                         .interpolate_opts = options_of(arguments.interpolation)},
                        {.field_opts = options_of(arguments.space, coords),
                         .rule = {.rank = arguments.rank,
                                  .energy_tol = arguments.energy_tol,
                                  .reconstruction_tol = arguments.reconstruction_tol,
                                  .sample_tol = arguments.sample_tol,
                                  .noise = arguments.noise,
                                  .optimal_threshold = arguments.optimal_threshold},
                         .validate_every = arguments.validate_every,
                         .keep_training_latents = arguments.keep_training_latents,
                         .threads = arguments.threads,
                         .progress = [&](std::string_view phase, double share) { bar(phase, share); }});
  try {
    const auto map = learn_to_file(arguments.output, svd, *snapshots_of<T>(arguments));
    bar.clear();
    if (map.num_dropped > 0) warn(message(map.num_dropped, " snapshots dropped because of NaN or infinity"));
    if (map.num_filled > 0) warn(message(map.num_filled, " missing numbers filled in snapshots"));
  } catch (const Interrupted&) {
    bar.clear();
  }
}

}  // namespace

void fit(const FitArguments& arguments) {
  if (arguments.single_precision)
    fit_in<float>(arguments);
  else
    fit_in<double>(arguments);
}

}  // namespace fieldfold::cli
