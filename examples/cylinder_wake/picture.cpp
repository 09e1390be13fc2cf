#include "picture.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <vector>

#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb_image_write.h>

namespace {

using Color = std::array<unsigned char, 3>;

Color color_of(double value) {
  if (std::isnan(value)) return {90, 90, 90};
  constexpr std::array<double, 3> blue{33, 102, 172};
  constexpr std::array<double, 3> red{178, 24, 43};
  const double strength = std::min(std::abs(value), 1.0);
  Color color{};
  for (std::size_t channel = 0; channel < 3; ++channel)
    color[channel] = static_cast<unsigned char>(255.0 + strength * ((value < 0.0 ? blue : red)[channel] - 255.0));
  return color;
}

}  // namespace

void Picture::save(const std::filesystem::path& path) const {
  constexpr std::size_t gap = 4;
  const std::size_t height = panels.size() * (panel_height + gap) - gap;
  std::vector<unsigned char> pixels(3 * width * height, 255);
  for (std::size_t panel = 0; panel < panels.size(); ++panel)
    for (std::size_t i = 0; i < panels[panel].size(); ++i) {
      const Color color = color_of(panels[panel][i]);
      std::ranges::copy(color, &pixels[3 * (panel * (panel_height + gap) * width + i)]);
    }
  if (stbi_write_png(path.c_str(), static_cast<int>(width), static_cast<int>(height), 3, pixels.data(),
                     static_cast<int>(3 * width)) == 0)
    throw std::runtime_error(path.string() + ": cannot be written");
}
