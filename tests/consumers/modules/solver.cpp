// User code with the library as a subproject, which must compile unchanged.

#include <cmath>
#include <cstddef>

#if __has_include(<xtensor/xarray.hpp>)
#include <xtensor/xarray.hpp>
#else
#include <fieldfold/xtensor.hpp>
#endif
import fieldfold;

int main() {
  xt::xarray<double> coords = xt::zeros<double>({100, 2});  // (num_pts, dim); (num_pts,) means dim = 1
  for (std::size_t p = 0; p < 100; ++p) {
    coords(p, 0) = static_cast<double>(p / 10);
    coords(p, 1) = static_cast<double>(p % 10) + 0.01 * static_cast<double>(p % 7);
  }
  xt::xarray<double> snapshots = xt::zeros<double>({200, 12});  // (dof, num_samples), dof = num_pts * num_qoi
  for (std::size_t i = 0; i < 200; ++i)
    for (std::size_t j = 0; j < 12; ++j) snapshots(i, j) = std::sin(0.01 * static_cast<double>(i * (j + 1)));
  xt::xarray<double> ux = xt::ones<double>({12, 100});
  xt::xarray<double> uy = xt::zeros<double>({12, 100});
  for (std::size_t j = 0; j < 12; ++j)
    for (std::size_t p = 0; p < 100; ++p) uy(j, p) = std::cos(coords(p, 0) * static_cast<double>(j) + coords(p, 1));
  xt::xarray<double> states = xt::transpose(snapshots);
  xt::xarray<double> new_coords = 0.5 * coords;
  xt::xarray<double> points = coords;
  xt::xarray<double> values = xt::ones<double>({100, 3});
  xt::xarray<double> queries = new_coords;

  fieldfold::SVD svd({.fields = {"ux", "uy"},
                      .coords = coords,
                      .interpolate_opts = {.neighbors = 32, .kernel = fieldfold::Kernel::cubic}});
  svd.compute_map(snapshots, {.energy_tol = 0.99});  // or {.rank = 4}, or {.reconstruction_tol = 1e-3}
  svd.compute_map(snapshots, {.reconstruction_tol = 1e-3});
  svd.compute_map(fieldfold::Fields{{"ux", ux}, {"uy", uy}}, {.rank = 4});  // each (num_samples, num_pts)

  svd.map_exists();
  svd.dim();
  svd.num_pts();
  svd.num_qoi();
  svd.dof();
  svd.latent_size();
  svd.rank();
  svd.energy();
  svd.reconstruction_error();
  svd.singular_values();
  svd.projection_matrix();  // (dof, rank)

  xt::xarray<double> latent = svd.compress(states);    // (..., dof)  -> (..., rank)
  xt::xarray<double> again = svd.reconstruct(latent);  // (..., rank) -> (..., dof)
  auto ranges = svd.estimate_latent_ranges();          // rank pairs (low, high)

  fieldfold::Fields out = svd.interpolate_from_grid(again, new_coords);  // each (*loop_shape, *coord_shape)
  xt::xarray<double> in = svd.interpolate_to_grid(new_coords, out);      // (*loop_shape, dof)

  fieldfold::RBFInterpolator rbf(points, values, {.smoothing = 0.0});  // (P, N), (P, ...)
  xt::xarray<double> y = rbf(queries);                                 // (Q, N) -> (Q, ...)

  fieldfold::save("map.fold", svd);
  fieldfold::AnyCompressor any = fieldfold::load("map.fold");
  fieldfold::AnyCompressor made = fieldfold::from_spec(R"({"method": "svd", "fields": ["ux", "uy"], "rank": 4})");

  static_assert(fieldfold::Compressor<fieldfold::SVD> && fieldfold::Compressor<fieldfold::AnyCompressor>);
  xt::xarray<double> z = fieldfold::compress_fields(svd, new_coords, out);  // any Compressor, also user-defined
  fieldfold::Fields f = fieldfold::reconstruct_fields(svd, z, new_coords);

  const bool as_expected = latent.dimension() == 2 && latent.shape(1) == 4 && again.shape(1) == 200 &&
                           ranges.size() == 4 && out.at("ux").shape(1) == 100 && in.shape(1) == 200 &&
                           y.shape(1) == 3 && std::abs(y(7, 2) - 1.0) < 1e-12 && any.latent_size() == 4 &&
                           any.compress(states) == latent && !made.map_exists() && z.shape(1) == 4 && f.size() == 2;
  return as_expected ? 0 : 1;
}
