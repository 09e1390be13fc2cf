// Each public call while memory runs out: allocation K fails, or all from K on, for many K. A call throws
// std::bad_alloc, or FileError where a file cannot be opened, or gives the right result; it leaks nothing, and never
// crashes.

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "support/temporary_folder.hpp"

#include "faults/failing_allocations.hpp"

import fieldfold;

namespace {

using Array = xt::xarray<double>;
using fieldfold::Fields;
using fieldfold::IncrementalSVD;
using fieldfold::InterpolationOperator;
using fieldfold::RBFInterpolator;
using fieldfold::SVD;

using Numbers = std::vector<double>;

template <class T>
Numbers numbers_of(const xt::xarray<T>& array) {
  return Numbers(array.begin(), array.end());
}

Numbers numbers_of(const Fields& fields) {
  Numbers all;
  for (const auto& [name, values] : fields) all.insert(all.end(), values.begin(), values.end());
  return all;
}

Numbers numbers_of(const SVD& svd) {
  Numbers all = numbers_of(svd.projection_matrix());
  all.insert(all.end(), svd.singular_values().begin(), svd.singular_values().end());
  return all;
}

bool are_close(const Numbers& a, const Numbers& b) {
  double size = 0.0;
  for (const double x : b)
    if (std::isfinite(x)) size = std::max(size, std::abs(x));
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    const bool equal = a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i])) || std::abs(a[i] - b[i]) <= 1e-9 * size;
    if (!equal) return false;
  }
  return a.size() == b.size();
}

struct Counts {
  std::size_t thrown = 0;
  std::size_t endured = 0;
};

/// Runs a call while allocation k fails, or all from k on.
/// \param most_leaks  allocations that may leak
/// \returns  what went wrong, or nothing
std::string try_with_failure(const std::function<Numbers()>& call, const Numbers& expected, Failing mode, long k,
                             long most_leaks, Counts& counts) {
  const long before = living;
  std::string unexpected;
  bool has_thrown = false;
  bool is_right = true;
  {
    Numbers found;
    allocations_left = k;
    has_failed = false;
    failing = mode;
    try {
      found = call();
      failing = Failing::none;
    } catch (const std::bad_alloc&) {
      failing = Failing::none;
      has_thrown = true;
    } catch (const fieldfold::FileError&) {
      failing = Failing::none;
      has_thrown = true;
    } catch (const std::exception& error) {
      failing = Failing::none;
      unexpected = std::string("throws: ") + error.what();
    }
    if (!has_thrown && unexpected.empty()) is_right = are_close(found, expected);
  }
  if (!unexpected.empty()) return unexpected;
  if (!is_right) return "gives another result";
  if (living < before || living > before + most_leaks)
    return "leaks " + std::to_string(living - before) + " allocations";
  if (has_failed) ++(has_thrown ? counts.thrown : counts.endured);
  return {};
}

/// Fails allocations until the call needs none of them: each of the first hundred, then one in a hundred more.
void fail_allocations_of(const std::string& name, const std::function<Numbers()>& call, long most_leaks = 0) {
  // The first calls fill caches that live as long as the program.
  const Numbers expected = call();
  call();
  Counts counts;
  for (const Failing mode : {Failing::one, Failing::all_from})
    for (long k = 0; k == 0 || has_failed; k += 1 + k / 100) {
      const std::string problem = try_with_failure(call, expected, mode, k, most_leaks, counts);
      if (!problem.empty()) {
        BOOST_ERROR(name << (mode == Failing::one ? ", allocation " : ", allocations from ") << k
                         << " on: " << problem);
        break;
      }
    }
  BOOST_TEST_MESSAGE(name << ": " << counts.thrown << " thrown, " << counts.endured << " endured");
  BOOST_TEST(counts.thrown > 0U, name);
}

struct Inputs {
  static constexpr std::size_t points = 40;
  static constexpr std::size_t samples = 12;

  Inputs() {
    for (std::size_t p = 0; p < points; ++p) {
      const double t = static_cast<double>(p);
      coords(p, 0) = std::fmod(0.618034 * t, 1.0);
      coords(p, 1) = std::fmod(0.754878 * t, 1.0);
      for (std::size_t j = 0; j < samples; ++j)
        for (std::size_t f = 0; f < 2; ++f)
          snapshots(2 * p + f, j) = 2.0 + std::sin(0.3 * t + 0.7 * static_cast<double>(j * (f + 1))) +
                                    std::cos(static_cast<double>((j + 2) * (p + f)));
    }
    for (std::size_t q = 0; q < 9; ++q) {
      queries(q, 0) = 0.2 + 0.06 * static_cast<double>(q);
      queries(q, 1) = 0.7 - 0.05 * static_cast<double>(q);
    }
    states = xt::transpose(snapshots);
    gappy = states;
    gappy(3, 7) = std::numeric_limits<double>::quiet_NaN();
    for (std::size_t p = 0; p < points; ++p) wave(p) = states(0, 2 * p);
    for (const auto* name : {"u", "v"}) {
      Array field = xt::zeros<double>({samples, points});
      for (std::size_t j = 0; j < samples; ++j)
        for (std::size_t p = 0; p < points; ++p) field(j, p) = states(j, 2 * p + (*name == 'v' ? 1 : 0));
      fields.emplace(name, field);
    }
    fieldfold::save_npy(folder.path / "snapshots.npy", snapshots);
  }

  TemporaryFolder folder;
  Array coords = xt::zeros<double>({points, std::size_t{2}});
  Array queries = xt::zeros<double>({std::size_t{9}, std::size_t{2}});
  Array wave = xt::zeros<double>({points});
  Array snapshots = xt::zeros<double>({2 * points, samples});
  Array states;
  Array gappy;
  Fields fields;
  const Array latents = xt::ones<double>({std::size_t{2}, std::size_t{3}});
};

SVD learned(const Inputs& in, const fieldfold::FieldOptions& field_opts = {}) {
  return SVD({.fields = {"u", "v"}, .coords = in.coords},
             {.field_opts = field_opts, .rule = {.rank = 3}, .keep_training_latents = true, .threads = 2},
             in.snapshots);
}

const fieldfold::FieldOptions weighted{.normalize = {.method = fieldfold::NormalizationMethod::zscore},
                                       .center = true,
                                       .field_weights = {{"v", 3.0}},
                                       .gappy_states = fieldfold::GappyStates::fill};

struct Quiet {
  Quiet() {
    fieldfold::set_warning_handler([](std::string_view) {});
  }
  ~Quiet() { fieldfold::set_warning_handler({}); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(calls, Quiet)

BOOST_AUTO_TEST_CASE(learning) {
  const Inputs in;
  const auto learn = [&](fieldfold::FieldOptions options) { return numbers_of(learned(in, std::move(options))); };
  fail_allocations_of("compute_map", [&] { return learn({}); });
  fail_allocations_of("compute_map in a space", [&] { return learn(weighted); });
  const Array indices = xt::arange<double>(0.0, static_cast<double>(Inputs::points));
  const Array values = xt::linspace<double>(1.0, 2.0, Inputs::points);
  fail_allocations_of("compute_map with a mass matrix",
                      [&] { return learn({.mass = fieldfold::MassMatrix(indices, indices, values)}); });
  fail_allocations_of("compute_map with gaps", [&] {
    Array snapshots = in.snapshots;
    snapshots(5, 6) = std::numeric_limits<double>::quiet_NaN();
    return numbers_of(SVD({.fields = {"u", "v"}},
                          {.field_opts = {.gappy_snapshots = fieldfold::GappySnapshots::fill}, .rule = {.rank = 2}},
                          snapshots));
  });
  for (const auto method : {fieldfold::DecompositionMethod::gram, fieldfold::DecompositionMethod::sketch,
                            fieldfold::DecompositionMethod::transpose})
    fail_allocations_of("compute_map by " + std::string(name_of(method)), [&] {
      return numbers_of(
          SVD({.fields = {"u", "v"}}, {.rule = {.rank = 2}, .validate_every = 4, .method = method}, in.fields));
    });
  fail_allocations_of("compute_map by randomized", [&] {
    Array many = xt::zeros<double>({std::size_t{200}, std::size_t{60}});
    for (std::size_t i = 0; i < 200; ++i)
      for (std::size_t j = 0; j < 60; ++j) many(i, j) = std::cos(0.01 * static_cast<double>(i * (j + 1)));
    return numbers_of(SVD({}, {.rule = {.rank = 2}, .method = fieldfold::DecompositionMethod::randomized}, many));
  });
  fail_allocations_of("BasicSVD<float>", [&] {
    const xt::xarray<float> snapshots = xt::cast<float>(in.snapshots);
    return numbers_of(fieldfold::BasicSVD<float>({}, {.rule = {.rank = 2}}, snapshots).projection_matrix());
  });
  fail_allocations_of("IncrementalSVD", [&] {
    IncrementalSVD svd({.fields = {"u", "v"}}, {.max_rank = 4, .block = 5}, {.field_opts = {.center = true}});
    IncrementalSVD other = svd;
    svd.add(in.fields);
    other.add(in.states);
    svd.merge(other);
    return numbers_of(svd.finish());
  });
}

BOOST_AUTO_TEST_CASE(states_and_fields) {
  const Inputs in;
  for (const auto& options : {fieldfold::FieldOptions{}, weighted}) {
    const SVD svd = learned(in, options);
    const std::string space = options.center ? " in a space" : "";
    fail_allocations_of("compress" + space, [&] { return numbers_of(svd.compress(in.states)); });
    fail_allocations_of("compress states with gaps" + space,
                        [&] { return numbers_of(svd.compress(in.gappy, fieldfold::GappyStates::fill)); });
    fail_allocations_of("assess" + space, [&] {
      const auto found = svd.assess(in.gappy);
      Numbers all = numbers_of(found.latent);
      all.insert(all.end(), found.relative_distance.begin(), found.relative_distance.end());
      return all;
    });
    fail_allocations_of("reconstruct" + space, [&] { return numbers_of(svd.reconstruct(in.latents)); });
    fail_allocations_of("reconstruct_at" + space,
                        [&] { return numbers_of(svd.reconstruct_at(in.latents, in.queries)); });
    fail_allocations_of("Whitening" + space, [&] {
      const fieldfold::Whitening whitening(svd.map());
      return numbers_of(whitening.undo(whitening.apply(in.latents)));
    });
    fail_allocations_of("copies" + space, [&] {
      fieldfold::AnyCompressor any = svd;
      const fieldfold::AnyCompressor copy = any;
      return numbers_of(copy.compress(in.states));
    });
  }
  const SVD svd = learned(in);
  fail_allocations_of("sensors", [&] {
    const auto found = fieldfold::sensors(svd.projection_matrix(), 5);
    return Numbers(found.begin(), found.end());
  });
  fail_allocations_of("split_fields", [&] { return numbers_of(svd.split_fields(in.states)); });
  fail_allocations_of("interpolate_from_grid",
                      [&] { return numbers_of(svd.interpolate_from_grid(in.states, in.queries)); });
  fail_allocations_of("interpolate_to_grid", [&] {
    Array half = in.coords;
    half *= 0.999;
    return numbers_of(svd.interpolate_to_grid(half, in.fields));
  });
  fail_allocations_of("compress_fields",
                      [&] { return numbers_of(fieldfold::compress_fields(svd, in.coords, in.fields)); });
  fail_allocations_of("reconstruct_fields at points of each sample", [&] {
    const auto found = fieldfold::reconstruct_fields(svd, in.latents, {in.queries, in.coords});
    return numbers_of(found.back());
  });
}

BOOST_AUTO_TEST_CASE(files) {
  const Inputs in;
  const auto path = in.folder.path / "map.fold";
  for (const auto& options : {fieldfold::FieldOptions{}, weighted}) {
    const SVD svd = learned(in, options);
    fieldfold::save(path, svd);
    fail_allocations_of("save", [&] {
      fieldfold::save(in.folder.path / "other.fold", svd);
      return Numbers{};
    });
    fail_allocations_of("load", [&] { return numbers_of(*fieldfold::load(path).target<SVD>()); });
    fail_allocations_of("load_outline",
                        [&] { return numbers_of(std::get<0>(fieldfold::load_outline(path)).map->singular_values); });
    fail_allocations_of("BasisRows", [&] {
      const fieldfold::BasisRows<double> basis(path);
      Numbers buffer;
      basis.read(3, 5, buffer);
      return buffer;
    });
  }
  fail_allocations_of("learn_to_file", [&] {
    const fieldfold::NpyRows<double> rows(in.folder.path / "snapshots.npy");
    return numbers_of(fieldfold::learn_to_file(in.folder.path / "learned.fold", SVD({}, {.rule = {.rank = 3}}), rows)
                          .singular_values);
  });
  IncrementalSVD incremental({}, {.block = 5});
  incremental.add(in.states);
  fail_allocations_of("save and load_incremental", [&] {
    fieldfold::save(in.folder.path / "progress.fold", incremental);
    return numbers_of(fieldfold::load_incremental<double>(in.folder.path / "progress.fold").basis());
  });
  fail_allocations_of("load_npy and save_npy", [&] {
    const Array array = fieldfold::load_npy(in.folder.path / "snapshots.npy");
    fieldfold::save_npy(in.folder.path / "copy.npy", array);
    return numbers_of(array);
  });
}

BOOST_AUTO_TEST_CASE(interpolation) {
  const Inputs in;
  using fieldfold::RBFOptions;
  const std::map<std::string, RBFOptions> all{
      {"all points", {}},
      {"neighbors", {.neighbors = 9}},
      {"compact", {.kernel = fieldfold::Kernel::wendland_c2, .epsilon = 4.0}},
      {"partition of unity", {.method = fieldfold::RBFMethod::partition_of_unity, .cluster_size = 15}},
      {"periods", {.periods = {1.5, 0.0}}}};
  for (const auto& [name, options] : all) {
    fail_allocations_of("RBFInterpolator, " + name,
                        [&] { return numbers_of(RBFInterpolator(in.coords, in.wave, options)(in.queries)); });
    const RBFInterpolator interpolator(in.coords, in.wave, options);
    fail_allocations_of("gradient, " + name, [&] { return numbers_of(interpolator.gradient(in.queries)); });
    fail_allocations_of("with_values, " + name,
                        [&] { return numbers_of(interpolator.with_values(in.wave)(in.queries)); });
  }
  fail_allocations_of("choose_by_leave_one_out", [&] {
    return Numbers{
        fieldfold::choose_by_leave_one_out(in.coords, in.wave, {.kernel = fieldfold::Kernel::gaussian}, {1.0, 2.0, 4.0})
            .error};
  });
  for (const auto method : fieldfold::interpolation_methods()) {
    const fieldfold::Interpolation interpolation{.method = std::string(method)};
    // Qhull leaks what it has when it fails.
    const long most_leaks = method == "linear" ? 50 : 0;
    const auto apply = [&] { return numbers_of(interpolation(in.coords, in.wave, in.queries)); };
    fail_allocations_of("Interpolation, " + interpolation.method, apply, most_leaks);
    const auto save_and_load = [&] {
      const InterpolationOperator op(in.coords, in.queries, interpolation);
      fieldfold::save(in.folder.path / "map.foldop", op);
      const auto loaded = fieldfold::load_operator(in.folder.path / "map.foldop");
      return numbers_of(loaded.transposed(loaded(in.wave)));
    };
    fail_allocations_of("InterpolationOperator, " + interpolation.method, save_and_load, most_leaks);
  }
  const Array corners{{0.0, 0.0}, {1.0, 0.0}, {0.0, 1.0}, {1.0, 1.0}};
  const Array cells{{0.0, 1.0, 2.0}, {1.0, 3.0, 2.0}};
  fail_allocations_of("lumped_mass", [&] { return numbers_of(fieldfold::lumped_mass(corners, cells)); });
  fail_allocations_of("consistent_mass",
                      [&] { return numbers_of(fieldfold::consistent_mass(corners, cells).row_sums()); });
}

BOOST_AUTO_TEST_SUITE_END()
