module;

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>
#include <string>
#include <string_view>
#include <vector>

module fieldfold.rbf.kernel;

import fieldfold.diagnostics;

namespace fieldfold {
namespace {

constexpr std::array table{
    KernelTraits{Kernel::linear, "linear", 0, true},
    KernelTraits{Kernel::thin_plate_spline, "thin_plate_spline", 1, true},
    KernelTraits{Kernel::cubic, "cubic", 1, true},
    KernelTraits{Kernel::quintic, "quintic", 2, true},
    KernelTraits{Kernel::multiquadric, "multiquadric", 0, false},
    KernelTraits{Kernel::inverse_multiquadric, "inverse_multiquadric", -1, false},
    KernelTraits{Kernel::inverse_quadratic, "inverse_quadratic", -1, false},
    KernelTraits{Kernel::gaussian, "gaussian", -1, false},
    KernelTraits{Kernel::matern1_2, "matern1_2", -1, false},
    KernelTraits{Kernel::matern3_2, "matern3_2", -1, false},
    KernelTraits{Kernel::matern5_2, "matern5_2", -1, false},
};

template <class Formula>
void apply(std::span<double> values, Formula formula) {
  for (double& value : values) value = formula(value);
}

}  // namespace

std::span<const KernelTraits> kernels() { return table; }

const KernelTraits& traits(Kernel kernel) { return table[static_cast<std::size_t>(kernel)]; }

Kernel kernel_named(std::string_view name) {
  const auto found = std::ranges::find(table, name, &KernelTraits::name);
  if (found != table.end()) return found->kernel;
  std::vector<std::string_view> known;
  known.reserve(table.size());
  for (const KernelTraits& entry : table) known.push_back(entry.name);
  throw InvalidArgument(message("kernel: expected one of ", listing(known), "; got ", name));
}

void evaluate_kernel(Kernel kernel, std::span<double> squared_distances) {
  constexpr double sqrt3 = std::numbers::sqrt3;
  const double sqrt5 = std::sqrt(5.0);
  // Where the exponential is 0 the polynomial before it may be infinite.
  const auto decayed = [](double s) { return s > 1000.0; };
  switch (kernel) {
    case Kernel::linear:
      return apply(squared_distances, [](double q) { return -std::sqrt(q); });
    case Kernel::thin_plate_spline:
      return apply(squared_distances, [](double q) { return q == 0.0 ? 0.0 : 0.5 * q * std::log(q); });
    case Kernel::cubic:
      return apply(squared_distances, [](double q) { return q * std::sqrt(q); });
    case Kernel::quintic:
      return apply(squared_distances, [](double q) { return -q * q * std::sqrt(q); });
    case Kernel::multiquadric:
      return apply(squared_distances, [](double q) { return -std::sqrt(1.0 + q); });
    case Kernel::inverse_multiquadric:
      return apply(squared_distances, [](double q) { return 1.0 / std::sqrt(1.0 + q); });
    case Kernel::inverse_quadratic:
      return apply(squared_distances, [](double q) { return 1.0 / (1.0 + q); });
    case Kernel::gaussian:
      return apply(squared_distances, [](double q) { return std::exp(-q); });
    case Kernel::matern1_2:
      return apply(squared_distances, [](double q) { return std::exp(-std::sqrt(q)); });
    case Kernel::matern3_2:
      return apply(squared_distances, [=](double q) {
        const double s = sqrt3 * std::sqrt(q);
        return decayed(s) ? 0.0 : (1.0 + s) * std::exp(-s);
      });
    case Kernel::matern5_2:
      return apply(squared_distances, [=](double q) {
        const double s = sqrt5 * std::sqrt(q);
        return decayed(s) ? 0.0 : (1.0 + s + s * s / 3.0) * std::exp(-s);
      });
  }
}

}  // namespace fieldfold
