#include "../commands.hpp"
#include "../field_files.hpp"
#include "../map_file.hpp"

import fieldfold;

namespace fieldfold::cli {

void reconstruct(const ReconstructArguments& arguments) {
  with_svd(arguments.map, [&]<class T>(const BasicSVD<T>& svd) {
    const auto given = load_npy<T>(arguments.latent);
    const xt::xarray<T> latent = arguments.is_white ? Whitening(svd.map()).undo(given) : given;
    if (!arguments.states.empty()) save_npy(arguments.states, svd.reconstruct(latent));
    if (!arguments.output_folder.empty())
      save_fields(arguments.output_folder, arguments.coords.empty()
                                               ? svd.split_fields(svd.reconstruct(latent))
                                               : reconstruct_fields(svd, latent, load_npy(arguments.coords)));
  });
}

}  // namespace fieldfold::cli
