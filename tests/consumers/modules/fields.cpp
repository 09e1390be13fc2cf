// Prints coefficients of fields with units, a mean, weights and holes, which are the same with and without OpenMP.

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <limits>

#include <fieldfold/xtensor.hpp>
import fieldfold;

int main() {
  xt::xarray<double> p = xt::zeros<double>({20, 900});
  xt::xarray<double> u = xt::zeros<double>({20, 900});
  for (std::size_t j = 0; j < 20; ++j)
    for (std::size_t i = 0; i < 900; ++i) {
      const double x = static_cast<double>(i) / 900.0;
      const double t = static_cast<double>(j);
      p(j, i) = i % 50 == 7 ? std::numeric_limits<double>::quiet_NaN() : 1e5 + 50.0 * std::cos(9.0 * x + t);
      u(j, i) = 3.0 + std::sin(4.0 * x * t);
    }
  for (const bool weighted : {false, true}) {
    fieldfold::FieldOptions options{.normalize = {.method = fieldfold::NormalizationMethod::zscore},
                                    .normalize_field = {{"u", {.method = fieldfold::NormalizationMethod::log10}}},
                                    .center = true,
                                    .field_weights = {{"u", 2.0}},
                                    .mask = fieldfold::Mask::automatic,
                                    .gappy_states = fieldfold::GappyStates::fill};
    if (weighted) options.point_weights = xt::xarray<double>(xt::ones<double>({900}) * 0.5);
    fieldfold::SVD svd({.fields = {"p", "u"}}, {.field_opts = options});
    svd.compute_map({{"p", p}, {"u", u}}, {.rank = 4});
    auto states = svd.join_fields({{"p", p}, {"u", u}});
    states(3, 100) = std::numeric_limits<double>::quiet_NaN();
    const auto assessed = svd.assess(states);
    // Nine decimals, which rounding errors do not reach.
    for (std::size_t j = 0; j < 4; ++j)
      std::printf("%.9e %.9e %.9e\n", assessed.latent(j, 0), assessed.latent(j, 3), assessed.relative_distance(j));
  }
}
