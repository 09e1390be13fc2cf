#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "../terminal/progress.hpp"
#include "../terminal/session.hpp"

// These import fieldfold; g++ includes nothing after it.
#include "../commands.hpp"
#include "../input/field_files.hpp"
#include "../input/files.hpp"
#include "../input/map_file.hpp"
#include "../input/options.hpp"

import fieldfold;
import fieldfold.formats;

namespace fieldfold::cli {
namespace {

/// Reconstructs states, one block of them after the other.
template <class T>
xt::xarray<T> states_of(const BasicSVD<T>& svd, const xt::xarray<T>& latent) {
  const Shape shape(latent.shape().begin(), latent.shape().end());
  if (shape.empty() || shape.back() != svd.rank()) return svd.reconstruct(latent);
  const std::size_t count = latent.size() / svd.rank();
  auto states = xt::xarray<T>::from_shape(joined(Shape(shape.begin(), shape.end() - 1), {svd.dof()}));
  const std::size_t block = std::max<std::size_t>(16, (std::size_t{1} << 23) / svd.dof());
  ProgressBar bar(static_cast<double>(states.size() * sizeof(T)) / 1e6);
  for (std::size_t first = 0; first < count; first += block) {
    const std::size_t own = std::min(block, count - first);
    svd.reconstruct(ArrayRef<T>(latent.data() + first * svd.rank(), {own, svd.rank()}),
                    {states.data() + first * svd.dof(), own * svd.dof()});
    bar("states", static_cast<double>(first + own) / static_cast<double>(count));
  }
  return states;
}

template <class T>
BasicFields<T> fields_at(const BasicSVD<T>& svd, const xt::xarray<T>& latent, const std::optional<Grid>& target,
                         const ReconstructArguments& arguments) {
  if (!target) return svd.split_fields(states_of(svd, latent));
  if (arguments.interpolation.given.empty()) return reconstruct_fields(svd, latent, *target->coords);
  const BasicCompression<T> grid(with_overrides(svd.compression_options(), arguments.interpolation));
  return grid.interpolate_from_grid(svd.reconstruct(latent), *target->coords);
}

}  // namespace

void reconstruct(const ReconstructArguments& arguments) {
  const Ticker ticker("reconstructing");
  with_svd(arguments.map, [&]<class T>(const BasicSVD<T>& svd) {
    const xt::xarray<T> given = array_cast<T>(load_input(arguments.latent));
    const xt::xarray<T> latent = arguments.is_white ? Whitening(svd.map()).undo(given) : given;
    if (!arguments.states.empty()) save_output<T>(arguments.states, states_of(svd, latent), "states");
    if (arguments.output.empty()) {
      conclude({{"states", arguments.states}, {"num_samples", latent.size() / svd.rank()}},
               message(escaped_name(arguments.states), ": ", latent.size() / svd.rank(), " states"));
      return;
    }
    std::optional<Grid> target;
    if (!arguments.coords.empty()) target = load_input_grid(arguments.coords);
    const auto fields = fields_at(svd, latent, target, arguments);
    const std::size_t loop_axes = std::max<std::size_t>(1, latent.dimension()) - 1;
    const auto set =
        field_set(svd.fields(), fields, loop_axes, svd.compression_options().units, target ? *target : grid_of(svd));
    write_output(arguments.output, set);
    conclude(facts_of(arguments.output, set), line_of(arguments.output, set));
  });
}

}  // namespace fieldfold::cli
