module;

#include <string>
#include <string_view>
#include <vector>

module fieldfold.interpolation;

import fieldfold.arrays;
import fieldfold.diagnostics;
import fieldfold.rbf;

namespace fieldfold {

std::vector<std::string_view> interpolation_methods() { return {"rbf"}; }

void Interpolation::validate() const {
  if (method != "rbf")
    throw InvalidArgument(
        message("interpolate_method: expected one of ", listing(interpolation_methods()), "; got ", method));
  fieldfold::validate(options);
}

xt::xarray<double> Interpolation::operator()(const ArrayRef<double>& points, const ArrayRef<double>& values,
                                             const ArrayRef<double>& queries) const {
  validate();
  return RBFInterpolator(points, values, options)(queries);
}

}  // namespace fieldfold
