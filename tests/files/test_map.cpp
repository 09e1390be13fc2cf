#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "support/closeness.hpp"
#include "support/fold_file.hpp"
#include "support/temporary_folder.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.npy;
import fieldfold.compression.any;
import fieldfold.compression.compressor;
import fieldfold.compression.grid;
import fieldfold.fields.mass_matrix;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.files.map;
import fieldfold.pod.incremental;
import fieldfold.pod.svd;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;
import fieldfold.rows.npy;
import fieldfold.rows.source;

#include "support/block_means.hpp"
#include "support/data/maps.hpp"
#include "support/data/waves.hpp"

namespace {

using fieldfold::BasicSVD;
using fieldfold::SVD;

template <class T>
void check_round_trip(const Files& files, const BasicSVD<T>& svd) {
  fieldfold::save(files.path, svd);
  const auto any = fieldfold::load(files.path);
  const auto* loaded = any.template target<BasicSVD<T>>();
  BOOST_TEST_REQUIRE((loaded != nullptr));
  BOOST_TEST((loaded->fields() == svd.fields()));
  BOOST_TEST((loaded->coords() == svd.coords()));
  BOOST_TEST((loaded->projection_matrix() == svd.projection_matrix()));
  BOOST_TEST((loaded->singular_values() == svd.singular_values()));
  BOOST_TEST((loaded->estimate_latent_ranges() == svd.estimate_latent_ranges()));
  BOOST_TEST((loaded->training_latents() == svd.training_latents()));
  BOOST_TEST(loaded->num_samples() == 4U);
  BOOST_TEST(loaded->num_dropped() == 1U);
  const auto& options = loaded->interpolate_opts();
  BOOST_TEST((options.neighbors == 5U && options.epsilon == 0.5 && options.degree == -1));
  BOOST_TEST((options.kernel == fieldfold::Kernel::gaussian && options.smoothing == svd.interpolate_opts().smoothing));
  const auto& rule = loaded->options().rule;
  BOOST_TEST((rule.rank == 3U && rule.sample_tol == 0.25 && rule.noise == 0.5));
  BOOST_TEST((rule.optimal_threshold && loaded->options().validate_every == 6));
  BOOST_TEST((loaded->errors().snapshots == svd.errors().snapshots && loaded->errors().snapshots.size() == 4));
  BOOST_TEST((loaded->errors().fields == svd.errors().fields && loaded->errors().fields.size() == 2));
  BOOST_TEST((loaded->errors().snapshot_fields == svd.errors().snapshot_fields));
  BOOST_TEST((loaded->validation_errors().snapshots == svd.validation_errors().snapshots));
  BOOST_TEST(loaded->validation_errors().snapshots.size() == 1U);
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(saving_and_loading_preserves_a_map_and_its_options, Files) {
  check_round_trip(*this, learned<double>());
  check_round_trip(*this, learned<float>());
}

BOOST_FIXTURE_TEST_CASE(files_of_earlier_formats_load, Files) {
  // The files hold maps of rank 2 of cos(0.37 (i + 1) (j + 1)), 6 x 4, each saved by a version that writes this format.
  auto snapshots = xt::xarray<double>::from_shape({6, 4});
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = 0; j < 4; ++j) snapshots(i, j) = std::cos(0.37 * static_cast<double>((i + 1) * (j + 1)));
  SVD svd({.fields = {"ux", "uy"}}, {.rule = {.rank = 2}});
  svd.compute_map(snapshots);
  for (const int format : {1, 2, 3, 4}) {
    const auto any = fieldfold::load(FIGURES "/format_" + std::to_string(format) + ".fold");
    const auto* loaded = any.target<SVD>();
    BOOST_TEST_REQUIRE((loaded != nullptr));
    BOOST_TEST((loaded->fields() == svd.fields() && loaded->num_pts() == 3U && loaded->dim() == 1U));
    BOOST_TEST(std::abs(loaded->reconstruction_error() - svd.reconstruction_error()) < 1e-14);
    for (std::size_t i = 0; i < 12; ++i)
      BOOST_TEST(std::abs(loaded->projection_matrix().flat(i) - svd.projection_matrix().flat(i)) < 1e-13);
    BOOST_TEST(loaded->training_latents().size() == 8U);
    BOOST_TEST((loaded->interpolate_opts().method == fieldfold::RBFMethod::direct));
    if (format == 1) {
      BOOST_CHECK_THROW(loaded->errors(), fieldfold::NotReady);
    } else {
      BOOST_TEST(loaded->errors().snapshots.size() == 4U);
      BOOST_TEST((loaded->interpolate_opts().kernel == fieldfold::Kernel::cubic));
      BOOST_TEST(loaded->interpolate_opts().neighbors.value() == 3U);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(an_incremental_svd_continues_bit_for_bit, Files) {
  auto snapshots = xt::xarray<double>::from_shape({30, 12});
  for (std::size_t j = 0; j < 30; ++j)
    for (std::size_t i = 0; i < 12; ++i) snapshots(j, i) = std::cos(0.37 * static_cast<double>((i + 1) * (j + 1)));
  for (const bool center : {false, true}) {
    fieldfold::IncrementalSVD whole({.fields = {"ux", "uy"}}, {.max_rank = 5, .forgetting = 0.99, .block = 4},
                                    {.field_opts = {.center = center}});
    // Interrupted within a block.
    whole.add(xt::view(snapshots, xt::range(0, 18)));
    fieldfold::save(path, whole);
    auto continued = fieldfold::load_incremental(path);
    for (auto* svd : {&whole, &continued}) svd->add(xt::view(snapshots, xt::range(18, 30)));
    const auto expected = whole.finish();
    const auto found = continued.finish();
    BOOST_TEST((found.projection_matrix() == expected.projection_matrix()));
    BOOST_TEST((found.singular_values() == expected.singular_values()));
    BOOST_TEST((found.map().latent_covariance == expected.map().latent_covariance));
    BOOST_TEST(whole.error_bound() == continued.error_bound());
    BOOST_TEST((found.fields() == expected.fields()));
  }
  BOOST_CHECK_THROW(fieldfold::load(path), fieldfold::FileError);
  BOOST_CHECK_THROW(fieldfold::load_incremental<float>(path), fieldfold::FileError);
  fieldfold::save(path, SVD());
  BOOST_CHECK_THROW(fieldfold::load_incremental(path), fieldfold::FileError);
}

namespace {

template <class T>
void check_space_round_trip(Files& files, const BasicSVD<T>& svd, bool keeps_mass) {
  fieldfold::save(files.path, svd);
  const auto any = fieldfold::load(files.path);
  const auto* loaded = any.target<BasicSVD<T>>();
  BOOST_TEST_REQUIRE((loaded != nullptr));
  const auto given = svd.options().field_opts;
  const auto found = loaded->options().field_opts;
  BOOST_TEST((found.normalize == given.normalize && found.normalize_field == given.normalize_field));
  BOOST_TEST((found.center && found.field_weights == given.field_weights));
  BOOST_TEST((found.point_weights == given.point_weights && found.sample_weights == given.sample_weights));
  BOOST_TEST((found.mask == given.mask && found.gappy_snapshots == given.gappy_snapshots &&
              found.gappy_states == given.gappy_states));
  BOOST_TEST(loaded->map().num_filled == 1U);
  BOOST_TEST((loaded->mean().size() == 18U && std::isnan(loaded->mean()(5))));
  BOOST_TEST((loaded->map().latent_mean == svd.map().latent_mean &&
              loaded->map().latent_covariance == svd.map().latent_covariance));
  xt::xarray<T> state = xt::linspace<T>(T{2}, T{4}, 18);
  BOOST_TEST((loaded->compress(state) == svd.compress(state)));
  BOOST_TEST((loaded->compress(state) != xt::xarray<T>(xt::zeros<T>({2}))));
  const auto expected = svd.reconstruct(svd.compress(state));
  const auto reconstructed = loaded->reconstruct(loaded->compress(state));
  for (std::size_t i = 0; i < 18; ++i) BOOST_TEST((reconstructed(i) == expected(i) || i == 5));
  if (keeps_mass)
    BOOST_TEST((loaded->assess(state).distance == svd.assess(state).distance));
  else
    BOOST_CHECK_THROW(loaded->assess(state), fieldfold::NotReady);
  // Saving the loaded map gives the same file.
  const std::string first = files.content();
  fieldfold::save(files.path, *loaded);
  BOOST_TEST((files.content() == first));
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(saving_and_loading_preserves_the_field_space, Files) {
  check_space_round_trip(*this, learned_in_space<double>(std::nullopt), true);
  check_space_round_trip(*this, learned_in_space<float>(std::nullopt), true);
  check_space_round_trip(*this, learned_in_space<double>(small_mass()), true);
  const fieldfold::MassMatrix function(9, [mass = small_mass()](std::span<const double> x, std::span<double> y) {
    mass.multiply({x.data(), 9, 1}, {y.data(), 9, 1});
  });
  check_space_round_trip(*this, learned_in_space<double>(function), false);
  // Learning to a file rejects a mass matrix that is a function.
  const auto svd = learned_in_space<double>(small_mass());
  const xt::xarray<double> snapshots = xt::ones<double>({18, 3});
  BOOST_CHECK_THROW(fieldfold::learn_to_file<double>(path, learned_in_space<double>(function),
                                                     fieldfold::MatrixRows<double>(fieldfold::as_matrix(snapshots))),
                    fieldfold::InvalidArgument);
}

BOOST_FIXTURE_TEST_CASE(saving_and_loading_preserves_interpolation_options, Files) {
  const fieldfold::RBFOptions given{.method = fieldfold::RBFMethod::partition_of_unity,
                                    .cluster_size = 77,
                                    .overlap = 0.3,
                                    .allow_lower_degree = true,
                                    .scales = {1.0, 2.0},
                                    .periods = {0.0, 360.0},
                                    .power = 3.0};
  fieldfold::save(path, SVD({.interpolate_method = "inverse_distance", .interpolate_opts = given}));
  const auto any = fieldfold::load(path);
  const auto& found = any.target<SVD>()->interpolate_opts();
  BOOST_TEST((found.method == given.method && found.cluster_size == 77U && found.overlap == 0.3));
  BOOST_TEST((found.allow_lower_degree && found.scales == given.scales && found.periods == given.periods));
  BOOST_TEST((found.power == 3.0 && any.target<SVD>()->interpolate_method() == "inverse_distance"));
}

BOOST_FIXTURE_TEST_CASE(absent_parts_are_absent_after_loading, Files) {
  fieldfold::save(path, SVD({}, {.rule = {.energy_tol = 0.5}}));
  const auto any = fieldfold::load(path);
  const auto& bare = *any.target<SVD>();
  BOOST_TEST(!bare.map_exists());
  BOOST_TEST(!bare.has_coords());
  BOOST_TEST((bare.options().rule.energy_tol == 0.5 && !bare.options().rule.rank));
  fieldfold::save(path, learned<double>(false));
  BOOST_CHECK_THROW(fieldfold::load(path).target<SVD>()->training_latents(), fieldfold::NotReady);
}

BOOST_FIXTURE_TEST_CASE(identical_maps_give_identical_bytes, Files) {
  fieldfold::save(path, learned<double>());
  const std::string first = content();
  fieldfold::save(path, fieldfold::AnyCompressor(learned<double>()));
  BOOST_TEST((content() == first));
  fieldfold::save(path, fieldfold::load(path));
  BOOST_TEST((content() == first));
}

BOOST_FIXTURE_TEST_CASE(compressors_without_a_file_format_are_rejected, Files) {
  const BlockMeans means({.coords = xt::xarray<double>{0.0, 1.0}});
  BOOST_CHECK_THROW(fieldfold::save(path, fieldfold::AnyCompressor(means)), fieldfold::InvalidArgument);
  BOOST_TEST(!std::filesystem::exists(path));
}

BOOST_AUTO_TEST_CASE(learning_to_a_file_equals_learning_in_memory) {
  const TemporaryFolder folder;
  const auto matrix = waves(3000, 12);
  fieldfold::save_npy(folder.path / "a.npy", matrix);
  fieldfold::SVD svd({.fields = {"p", "T"}}, {.rule = {.rank = 5}, .validate_every = 4, .keep_training_latents = true});
  const auto learned =
      fieldfold::learn_to_file(folder.path / "map.fold", svd, fieldfold::NpyRows<double>(folder.path / "a.npy"));
  BOOST_TEST(learned.num_samples == 9U);
  BOOST_TEST(!svd.map_exists());
  const auto any = fieldfold::load(folder.path / "map.fold");
  const auto& loaded = *any.target<fieldfold::SVD>();
  svd.compute_map(matrix);
  BOOST_TEST(relative_difference(loaded.projection_matrix(), svd.projection_matrix()) < 1e-14);
  BOOST_TEST(relative_difference(loaded.singular_values(), svd.singular_values()) < 1e-14);
  BOOST_TEST(relative_difference(loaded.training_latents(), svd.training_latents()) < 1e-14);
  BOOST_TEST(relative_difference(loaded.errors().snapshots, svd.errors().snapshots) < 1e-12);
  BOOST_TEST(loaded.validation_errors().snapshots.size() == 3U);
}
