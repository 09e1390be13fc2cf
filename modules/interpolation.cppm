module;

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

/// Interpolation from one set of points to another, by whatever method.
export module fieldfold.interpolation;

import fieldfold.arrays;
import fieldfold.diagnostics;
import fieldfold.rbf;

export namespace fieldfold {

/// An interpolation method: made from points `(P, dim)` and values `(P, ...)` at them, called with queries `(Q, dim)`
/// for the values `(Q, ...)` there.
template <class I>
concept Interpolator =
    std::constructible_from<I, const ArrayRef<double>&, const ArrayRef<double>&, const RBFOptions&> &&
    requires(const I& interpolator, const ArrayRef<double>& queries) {
      { interpolator(queries) } -> std::convertible_to<xt::xarray<double>>;
    };

static_assert(Interpolator<RBFInterpolator>);

/// The names of the interpolation methods.
std::vector<std::string_view> interpolation_methods();

/// An interpolation method by name, with its options.
struct Interpolation {
  std::string method = "rbf";
  RBFOptions options = {};

  /// \throws InvalidArgument  unknown method (the message lists the known ones), or bad options
  void validate() const;

  /// Interpolates values `(P, ...)` at points `(P, dim)` to queries `(Q, dim)`: `(Q, ...)`.
  /// All columns of values share one factorization.
  /// \throws InvalidArgument, NumericalError  as the method does
  xt::xarray<double> operator()(const ArrayRef<double>& points, const ArrayRef<double>& values,
                                const ArrayRef<double>& queries) const;
};

}  // namespace fieldfold
