module fieldfold.rbf.kernel;

import fieldfold.base.diagnostics;

namespace fieldfold {
namespace {

constexpr std::array table{
    KernelTraits{Kernel::linear, "linear", 0, true, false, false},
    KernelTraits{Kernel::thin_plate_spline, "thin_plate_spline", 1, true, true, false},
    KernelTraits{Kernel::cubic, "cubic", 1, true, true, false},
    KernelTraits{Kernel::quintic, "quintic", 2, true, true, false},
    KernelTraits{Kernel::multiquadric, "multiquadric", 0, false, true, false},
    KernelTraits{Kernel::inverse_multiquadric, "inverse_multiquadric", -1, false, true, false},
    KernelTraits{Kernel::inverse_quadratic, "inverse_quadratic", -1, false, true, false},
    KernelTraits{Kernel::gaussian, "gaussian", -1, false, true, false},
    KernelTraits{Kernel::matern1_2, "matern1_2", -1, false, false, false},
    KernelTraits{Kernel::matern3_2, "matern3_2", -1, false, true, false},
    KernelTraits{Kernel::matern5_2, "matern5_2", -1, false, true, false},
    KernelTraits{Kernel::wendland_c0, "wendland_c0", -1, false, false, true},
    KernelTraits{Kernel::wendland_c2, "wendland_c2", -1, false, true, true},
    KernelTraits{Kernel::wendland_c4, "wendland_c4", -1, false, true, true},
    KernelTraits{Kernel::wendland_c6, "wendland_c6", -1, false, true, true},
    KernelTraits{Kernel::wendland_c8, "wendland_c8", -1, false, true, true},
};

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

void expect_finite(std::span<const double> values, Kernel kernel) {
  if (!std::ranges::all_of(values, [](double value) { return std::isfinite(value); }))
    throw NumericalError(
        message("the kernel ", traits(kernel).name,
                " overflows on these coordinates; a smaller epsilon or a larger unit of length helps"));
}

}  // namespace fieldfold
