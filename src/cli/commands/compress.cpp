#include <algorithm>

#include "../commands.hpp"
#include "../field_files.hpp"
#include "../map_file.hpp"

import fieldfold;

namespace fieldfold::cli {

void compress(const CompressArguments& arguments) {
  with_svd(arguments.map, [&]<class T>(const BasicSVD<T>& svd) {
    const auto states = [&]() -> xt::xarray<T> {
      if (!arguments.states.empty()) return load_npy<T>(arguments.states);
      const auto fields = load_fields<T>(arguments.field_files);
      if (arguments.coords.empty()) return svd.join_fields(fields);
      const bool fills = arguments.gappy == "fill" ||
                         (arguments.gappy.empty() && svd.options().field_opts.gappy_states == GappyStates::fill);
      return svd.interpolate_to_grid(load_npy(arguments.coords), fields,
                                     fills ? MissingValues::skip : MissingValues::propagate);
    };
    const auto given = states();
    const auto latent =
        arguments.gappy.empty() ? svd.compress(given) : svd.compress(given, gappy_states_named(arguments.gappy));
    const xt::xarray<T> result = arguments.whiten ? Whitening(svd.map()).apply(latent) : latent;
    if (!arguments.distances.empty()) {
      const auto assessed = svd.assess(given);
      const auto worst = std::ranges::max_element(assessed.condition);
      if (worst != assessed.condition.end() && *worst > 1.0)
        warn(message("states have missing numbers: errors in known entries are amplified by up to ", *worst));
      save_npy(arguments.distances, assessed.relative_distance);
    }
    save_npy(arguments.output, result);
  });
}

}  // namespace fieldfold::cli
