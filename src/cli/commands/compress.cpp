#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "../commands.hpp"
#include "../field_files.hpp"
#include "../map_file.hpp"
#include "../options.hpp"
#include "../progress.hpp"
#include "../words.hpp"

import fieldfold;

namespace fieldfold::cli {
namespace {

/// The states to compress, in double precision whatever the precision of the map.
template <class T>
xt::xarray<double> states_of(const BasicSVD<T>& svd, const CompressArguments& arguments) {
  if (!arguments.states.empty()) return load_npy(arguments.states);
  CompressionOptions options = with_overrides(svd.compression_options(), arguments.interpolation, arguments.overrides);
  options.grid_shape = svd.grid_shape();
  const Compression grid(std::move(options));
  const auto fields = load_fields<double>(arguments.field_files);
  for (const auto& [name, values] : fields)
    if (std::ranges::find(svd.fields(), name) == svd.fields().end())
      throw InvalidArgument(unknown_name("--field: " + name, "a field of the map", svd.fields()));
  if (arguments.coords.empty()) return grid.join_fields(fields);
  const Holes holes = arguments.gappy.empty()                                    ? grid.compression_options().holes
                      : gappy_states_named(arguments.gappy) == GappyStates::fill ? Holes::skip
                                                                                 : Holes::propagate;
  return grid.interpolate_to_grid(load_npy(arguments.coords), fields, holes);
}

}  // namespace

void compress(const CompressArguments& arguments) {
  const Ticker ticker("compressing");
  with_svd(arguments.map, [&]<class T>(const BasicSVD<T>& svd) {
    const auto policy =
        arguments.gappy.empty() ? svd.options().field_opts.gappy_states : gappy_states_named(arguments.gappy);
    const auto states = states_of(svd, arguments);
    xt::xarray<T> latent = svd.compress(states, policy);
    if (arguments.whiten) latent = Whitening(svd.map()).apply(latent);
    if (!arguments.distances.empty()) {
      const auto assessed = svd.assess(states);
      double worst = 1.0;
      for (const double condition : assessed.condition)
        if (std::isfinite(condition)) worst = std::max(worst, condition);
      if (worst > 1.0)
        warn(
            message("states have missing numbers: distances are those of the numbers present, and errors in these are ",
                    "amplified by up to ", worst));
      save_npy(arguments.distances, assessed.relative_distance);
    }
    save_npy(arguments.output, latent);
  });
}

}  // namespace fieldfold::cli
