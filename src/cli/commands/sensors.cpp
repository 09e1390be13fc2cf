#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iostream>

#include "../commands.hpp"
#include "../files.hpp"
#include "../map_file.hpp"

import fieldfold;
import fieldfold.formats;

namespace fieldfold::cli {

void sensors(const SensorsArguments& arguments) {
  with_svd(arguments.map, [&](const auto& svd) {
    const auto chosen = fieldfold::sensors(svd.projection_matrix(), arguments.count.value_or(svd.rank()));
    if (!arguments.output.empty()) {
      auto numbers = xt::xarray<std::int64_t>::from_shape({chosen.size()});
      std::ranges::transform(chosen, numbers.begin(), [](std::size_t i) { return static_cast<std::int64_t>(i); });
      if (arguments.output.ends_with(".npy")) {
        note_output(arguments.output);
        save_npy(arguments.output, numbers);
      } else {
        save_output<double>(arguments.output, xt::xarray<double>(numbers), "sensor");
      }
    }
    for (const std::size_t number : chosen) {
      const FieldLayout layout{svd.num_qoi()};
      const std::size_t point = layout.point(number);
      std::cout << message("point ", point, "  field ", svd.fields()[layout.field(number)]);
      if (svd.has_coords()) {
        std::cout << "  at";
        for (std::size_t axis = 0; axis < svd.dim(); ++axis) std::cout << message(" ", svd.coords()(point, axis));
      }
      std::cout << '\n';
    }
    std::cout << message("amplification of noise from these sensors to the coefficients: ",
                         noise_amplification(svd.projection_matrix(), chosen), "\n");
  });
}

}  // namespace fieldfold::cli
