#include <utility>

#include "../progress.hpp"

// These import fieldfold; g++ includes nothing after it.
#include "../commands.hpp"
#include "../field_files.hpp"
#include "../map_file.hpp"
#include "../options.hpp"

import fieldfold;

namespace fieldfold::cli {
namespace {

template <class T>
BasicFields<T> fields_at(const BasicSVD<T>& svd, const xt::xarray<T>& latent, const ReconstructArguments& arguments) {
  if (arguments.coords.empty()) return svd.split_fields(svd.reconstruct(latent));
  const auto coords = load_npy(arguments.coords);
  if (arguments.interpolation.given.empty()) return reconstruct_fields(svd, latent, coords);
  const BasicCompression<T> grid(with_overrides(svd.compression_options(), arguments.interpolation));
  return grid.interpolate_from_grid(svd.reconstruct(latent), coords);
}

}  // namespace

void reconstruct(const ReconstructArguments& arguments) {
  const Ticker ticker("reconstructing");
  with_svd(arguments.map, [&]<class T>(const BasicSVD<T>& svd) {
    const auto given = load_npy<T>(arguments.latent);
    const xt::xarray<T> latent = arguments.is_white ? Whitening(svd.map()).undo(given) : given;
    if (!arguments.states.empty()) save_npy(arguments.states, svd.reconstruct(latent));
    if (!arguments.output_folder.empty()) save_fields(arguments.output_folder, fields_at(svd, latent, arguments));
  });
}

}  // namespace fieldfold::cli
