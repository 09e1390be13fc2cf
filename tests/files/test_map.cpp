#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <xxhash.h>

#include "support/temporary_folder.hpp"

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.compression.any;
import fieldfold.compression.compressor;
import fieldfold.compression.grid;
import fieldfold.fields.mass_matrix;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.files.map;
import fieldfold.files.operators;
import fieldfold.interpolation.method;
import fieldfold.interpolation.operators;
import fieldfold.pod.svd;
import fieldfold.rbf.interpolator;
import fieldfold.rbf.kernel;
import fieldfold.rows.source;

#include "support/block_means.hpp"

namespace {

using fieldfold::BasicSVD;
using fieldfold::FileError;
using fieldfold::SVD;

template <class T>
BasicSVD<T> learned(bool keep_latents = true) {
  auto snapshots = xt::xarray<T>::from_shape({12, 6});
  for (std::size_t i = 0; i < 12; ++i)
    for (std::size_t j = 0; j < 6; ++j)
      snapshots(i, j) = static_cast<T>(std::cos(static_cast<double>(1 + i * (j + 2))));
  snapshots(3, 4) = std::numeric_limits<T>::quiet_NaN();
  auto coords = xt::xarray<double>::from_shape({6, 2});
  for (std::size_t i = 0; i < 6; ++i) {
    coords(i, 0) = static_cast<double>(i);
    coords(i, 1) = static_cast<double>(i * i % 5);
  }
  BasicSVD<T> svd({.fields = {"ux", "uy"},
                   .coords = coords,
                   .interpolate_opts = {.neighbors = 5,
                                        .smoothing = xt::xarray<double>{1., 2., 3., 4., 5., 6.},
                                        .kernel = fieldfold::Kernel::gaussian,
                                        .epsilon = 0.5,
                                        .degree = -1},
                   .rank = 3,
                   .sample_tol = 0.25,
                   .noise = 0.5,
                   .optimal_threshold = true,
                   .validate_every = 6,
                   .keep_training_latents = keep_latents});
  svd.compute_map(snapshots);
  return svd;
}

struct Files {
  TemporaryFolder folder;
  std::filesystem::path path = folder.path / "map.fold";

  std::string content() const {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& bytes) const { std::ofstream(path, std::ios::binary) << bytes; }

  /// Whether the file is refused; any other outcome than an error of the file or a sound map fails the test.
  bool is_refused() const {
    try {
      const auto any = fieldfold::load(path);
      // What is taken has to be a map that works.
      const auto* svd = any.target<SVD>();
      if (svd != nullptr && svd->map_exists()) BOOST_TEST((std::isfinite(svd->energy()) && svd->rank() > 0));
    } catch (const FileError&) {
      return true;
    }
    return false;
  }
};

/// Makes length and checksum fit whatever comes before them.
void seal(std::string& bytes) {
  const std::uint64_t length = bytes.size() - 16;
  std::memcpy(bytes.data() + length, &length, 8);
  const std::uint64_t sum = XXH64(bytes.data(), bytes.size() - 8, 0);
  std::memcpy(bytes.data() + length + 8, &sum, 8);
}

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
  BOOST_TEST((loaded->options().rank == 3U && loaded->options().sample_tol == 0.25 && loaded->options().noise == 0.5));
  BOOST_TEST((loaded->options().optimal_threshold && loaded->options().validate_every == 6));
  BOOST_TEST((loaded->errors().snapshots == svd.errors().snapshots && loaded->errors().snapshots.size() == 4));
  BOOST_TEST((loaded->errors().fields == svd.errors().fields && loaded->errors().fields.size() == 2));
  BOOST_TEST((loaded->errors().snapshot_fields == svd.errors().snapshot_fields));
  BOOST_TEST((loaded->validation_errors().snapshots == svd.validation_errors().snapshots));
  BOOST_TEST(loaded->validation_errors().snapshots.size() == 1U);
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(everything_comes_back, Files) {
  check_round_trip(*this, learned<double>());
  check_round_trip(*this, learned<float>());
}

BOOST_FIXTURE_TEST_CASE(files_of_earlier_formats_still_load, Files) {
  // cos(0.37 (i + 1) (j + 1)), 6 x 4, of rank 2, saved by the programs of their time.
  auto snapshots = xt::xarray<double>::from_shape({6, 4});
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t j = 0; j < 4; ++j) snapshots(i, j) = std::cos(0.37 * static_cast<double>((i + 1) * (j + 1)));
  SVD svd({.fields = {"ux", "uy"}, .rank = 2});
  svd.compute_map(snapshots);
  for (const int format : {1, 2, 3}) {
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

namespace {

/// All that field options can be, and holes.
template <class T>
BasicSVD<T> learned_in_space(std::optional<fieldfold::MassMatrix> mass) {
  constexpr std::size_t points = 9;
  constexpr std::size_t samples = 7;
  xt::xarray<T> snapshots = xt::zeros<T>({2 * points, samples});
  for (std::size_t i = 0; i < 2 * points; ++i)
    for (std::size_t j = 0; j < samples; ++j)
      snapshots(i, j) = static_cast<T>(3.0 + std::cos(0.37 * static_cast<double>((i + 1) * (j + 1))));
  for (std::size_t j = 0; j < samples; ++j) snapshots(5, j) = std::numeric_limits<T>::quiet_NaN();
  snapshots(8, 2) = std::numeric_limits<T>::quiet_NaN();
  fieldfold::FieldOptions options{
      .normalize = {.method = fieldfold::NormalizationMethod::zscore},
      .normalize_field = {{"uy", {.method = fieldfold::NormalizationMethod::log10, .offset = 0.5}}},
      .center = true,
      .field_weights = {{"uy", 2.5}},
      .sample_weights = xt::linspace<double>(1.0, 2.0, samples),
      .mass = std::move(mass),
      .mask = fieldfold::Mask::automatic,
      .gappy_snapshots = fieldfold::GappySnapshots::fill,
      .gappy_states = fieldfold::GappyStates::fill};
  if (!options.mass) options.point_weights = xt::linspace<double>(1.0, 3.0, points);
  BasicSVD<T> svd({.fields = {"ux", "uy"}, .field_opts = std::move(options), .rank = 2});
  svd.compute_map(snapshots);
  return svd;
}

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
  BOOST_TEST((loaded->latent_mean() == svd.latent_mean() && loaded->latent_covariance() == svd.latent_covariance()));
  xt::xarray<T> state = xt::linspace<T>(T{2}, T{4}, 18);
  BOOST_TEST((loaded->compress(state) == svd.compress(state)));
  BOOST_TEST((loaded->compress(state) != xt::xarray<T>(xt::zeros<T>({2}))));
  const auto once = svd.reconstruct(svd.compress(state));
  const auto again = loaded->reconstruct(loaded->compress(state));
  for (std::size_t i = 0; i < 18; ++i) BOOST_TEST((again(i) == once(i) || i == 5));
  if (keeps_mass)
    BOOST_TEST((loaded->assess(state).distance == svd.assess(state).distance));
  else
    BOOST_CHECK_THROW(loaded->assess(state), fieldfold::NotReady);
  // Saved again, it is the same file.
  const std::string first = files.content();
  fieldfold::save(files.path, *loaded);
  BOOST_TEST((files.content() == first));
}

fieldfold::MassMatrix small_mass() {
  std::vector<double> rows;
  std::vector<double> columns;
  std::vector<double> values;
  for (std::size_t i = 0; i < 9; ++i)
    for (std::size_t j = i == 0 ? 0 : i - 1; j <= std::min<std::size_t>(i + 1, 8); ++j) {
      rows.push_back(static_cast<double>(i));
      columns.push_back(static_cast<double>(j));
      values.push_back(i == j ? 4.0 : 1.0);
    }
  const fieldfold::Shape shape{rows.size()};
  return {9, xt::adapt(rows, shape), xt::adapt(columns, shape), xt::adapt(values, shape)};
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(the_space_of_fields_comes_back, Files) {
  check_space_round_trip(*this, learned_in_space<double>(std::nullopt), true);
  check_space_round_trip(*this, learned_in_space<float>(std::nullopt), true);
  check_space_round_trip(*this, learned_in_space<double>(small_mass()), true);
  const fieldfold::MassMatrix function(9, [mass = small_mass()](std::span<const double> x, std::span<double> y) {
    mass.multiply({x.data(), 9, 1}, {y.data(), 9, 1});
  });
  check_space_round_trip(*this, learned_in_space<double>(function), false);
  // A map that is written as it comes is the same.
  const auto svd = learned_in_space<double>(small_mass());
  const xt::xarray<double> snapshots = xt::ones<double>({18, 3});
  BOOST_CHECK_THROW(fieldfold::learn_to_file<double>(path, learned_in_space<double>(function),
                                                     fieldfold::MatrixRows<double>(fieldfold::as_matrix(snapshots))),
                    fieldfold::InvalidArgument);
}

BOOST_FIXTURE_TEST_CASE(damage_of_a_space_is_noticed_too, Files) {
  fieldfold::save(path, learned_in_space<float>(small_mass()));
  const std::string good = content();
  for (std::size_t length = 0; length < good.size(); length += 3) {
    write(good.substr(0, length));
    BOOST_TEST_REQUIRE(is_refused(), "cut to " << length);
  }
  // With a checksum that fits, what is read must be refused or make sense.
  for (std::size_t i = 9; i < good.size() - 16; ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    seal(bad);
    write(bad);
    is_refused();
  }
}

BOOST_FIXTURE_TEST_CASE(options_of_interpolation_come_back, Files) {
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

BOOST_FIXTURE_TEST_CASE(operators_come_back_or_are_refused, Files) {
  auto points = xt::xarray<double>::from_shape({30, 1});
  for (std::size_t i = 0; i < 30; ++i) points(i, 0) = std::sqrt(static_cast<double>(i));
  xt::xarray<double> queries{0.3, 1.7, 2.2, 4.0, 5.1, 0.0};
  queries.reshape({3, 2, 1});
  const xt::xarray<double> values = xt::sin(xt::view(points, xt::all(), 0));
  for (const bool sparse : {false, true}) {
    fieldfold::Interpolation interpolation;
    if (sparse) interpolation.options.neighbors = 6;
    const fieldfold::InterpolationOperator made(points, queries, interpolation);
    fieldfold::save(path, made);
    const auto loaded = fieldfold::load_operator(path);
    BOOST_TEST((loaded.query_shape() == fieldfold::Shape{3, 2} && loaded.num_points() == 30U));
    const auto expected = made(values);
    const auto found = loaded(values);
    for (std::size_t q = 0; q < 6; ++q) BOOST_TEST(found(q) == expected(q));
    BOOST_CHECK_THROW(fieldfold::load(path), FileError);
    // Every byte counts, also where the checksum has been made to fit.
    const std::string sound = content();
    for (std::size_t i = 8; i < sound.size() - 16; ++i) {
      std::string bad = sound;
      bad[i] = static_cast<char>(bad[i] ^ 0x5a);
      write(bad);
      BOOST_CHECK_THROW(fieldfold::load_operator(path), FileError);
      seal(bad);
      write(bad);
      try {
        fieldfold::load_operator(path)(values);  // other weights, or other points: nothing out of bounds
      } catch (const FileError&) {
      } catch (const fieldfold::InvalidArgument&) {
      }
    }
  }
  fieldfold::save(path, SVD());
  BOOST_CHECK_THROW(fieldfold::load_operator(path), FileError);
}

BOOST_FIXTURE_TEST_CASE(what_is_not_there_stays_away, Files) {
  fieldfold::save(path, SVD({.energy_tol = 0.5}));
  const auto any = fieldfold::load(path);
  const auto& bare = *any.target<SVD>();
  BOOST_TEST(!bare.map_exists());
  BOOST_TEST(!bare.has_coords());
  BOOST_TEST((bare.options().energy_tol == 0.5 && !bare.options().rank));
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

BOOST_FIXTURE_TEST_CASE(a_compressor_without_a_format_is_refused, Files) {
  const BlockMeans means({.coords = xt::xarray<double>{0.0, 1.0}});
  BOOST_CHECK_THROW(fieldfold::save(path, fieldfold::AnyCompressor(means)), fieldfold::InvalidArgument);
  BOOST_TEST(!std::filesystem::exists(path));
}

BOOST_FIXTURE_TEST_CASE(every_single_damage_is_noticed, Files) {
  fieldfold::save(path, learned<float>());
  const std::string good = content();
  for (std::size_t length = 0; length < good.size(); ++length) {
    write(good.substr(0, length));
    BOOST_TEST_REQUIRE(is_refused(), "cut to " << length);
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    write(bad);
    BOOST_TEST_REQUIRE(is_refused(), "flipped a bit of byte " << i);
  }
  write(good + "x");
  BOOST_TEST(is_refused());
  write(good + good);
  BOOST_TEST(is_refused());
  write(good);
  BOOST_TEST(!is_refused());
}

BOOST_FIXTURE_TEST_CASE(lies_under_a_right_checksum_do_no_harm, Files) {
  fieldfold::save(path, learned<double>());
  const std::string good = content();
  // What a number of the payload may become: small, huge, negative.
  const unsigned char values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
  std::size_t refused = 0;
  for (std::size_t i = 8; i + 16 < good.size(); ++i)
    for (const unsigned char value : values) {
      std::string bad = good;
      bad[i] = static_cast<char>(value);
      seal(bad);
      write(bad);
      refused += is_refused();
    }
  BOOST_TEST(refused > 100U);
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string bad = good;
    for (int change = 0; change < 4; ++change) bad[8 + random() % (bad.size() - 24)] = static_cast<char>(random());
    if (round % 2 == 0) bad.erase(8 + random() % (bad.size() - 40), 1 + random() % 16);
    seal(bad);
    write(bad);
    is_refused();
  }
}

BOOST_FIXTURE_TEST_CASE(other_versions_and_files_are_named, Files) {
  const auto error = [&] {
    try {
      fieldfold::load(path);
    } catch (const FileError& failure) {
      return std::string(failure.what());
    }
    return std::string("no error");
  };
  BOOST_TEST(error().find("cannot be read") != std::string::npos);
  write("this is a text file and longer than the shortest map could be");
  BOOST_TEST(error() == path.string() + ": it is not a fieldfold file");
  fieldfold::save(path, SVD());
  std::string next = content();
  next[9] = 5;  // after the magic and the archive's mark of byte order
  seal(next);
  write(next);
  BOOST_TEST(error() == path.string() + ": its format version is 5; this library reads 1 to 4");
  BOOST_CHECK_THROW(fieldfold::load(folder.path), FileError);
  BOOST_CHECK_THROW(fieldfold::save(folder.path / "no" / "map.fold", SVD()), FileError);
}
