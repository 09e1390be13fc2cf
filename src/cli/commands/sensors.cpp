#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "../terminal/session.hpp"
#include "../terminal/words.hpp"

// These import fieldfold; g++ includes nothing after it.
#include "../commands.hpp"
#include "../input/files.hpp"
#include "../input/map_file.hpp"

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
    const FieldLayout layout{svd.num_qoi()};
    auto list = nlohmann::ordered_json::array();
    std::string text;
    for (const std::size_t number : chosen) {
      const std::size_t point = layout.point(number);
      const std::string& field = svd.fields()[layout.field(number)];
      nlohmann::ordered_json own{{"point", point}, {"field", field}};
      text += message("point ", point, "  field ", field);
      if (svd.has_coords()) {
        text += "  at";
        auto at = nlohmann::ordered_json::array();
        for (std::size_t axis = 0; axis < svd.dim(); ++axis) {
          text += " " + rounded(svd.coords()(point, axis));
          at.push_back(svd.coords()(point, axis));
        }
        own["at"] = std::move(at);
      }
      text += '\n';
      list.push_back(std::move(own));
    }
    const double amplification = noise_amplification(svd.projection_matrix(), chosen);
    conclude({{"sensors", std::move(list)}, {"noise_amplification", amplification}},
             message(text, "amplification of noise from these sensors to the coefficients: ", rounded(amplification)));
  });
}

}  // namespace fieldfold::cli
