#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.decomposition.gram_sketch;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.pod.incremental;
import fieldfold.pod.svd;

namespace {

/// The number of allocations until one fails; negative: none fails.
long allocations_left = -1;

void* allocate(std::size_t size) {
  if (allocations_left == 0) throw std::bad_alloc();
  if (allocations_left > 0) --allocations_left;
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using fieldfold::IncrementalOptions;
using fieldfold::IncrementalSVD;
using fieldfold::SVD;

constexpr std::size_t dof = 30;

/// Positive snapshots of waves, `(count, dof)`.
xt::xarray<double> waves(std::size_t count, double start) {
  auto states = xt::xarray<double>::from_shape({count, dof});
  for (std::size_t j = 0; j < count; ++j)
    for (std::size_t i = 0; i < dof; ++i) {
      const double x = static_cast<double>(i) / dof;
      const double t = start + 0.3 * static_cast<double>(j);
      states(j, i) = 4.0 + std::sin(6.0 * x + t) + 0.5 * std::cos(15.0 * x - 2.0 * t) + 0.1 * std::sin(40.0 * x * t);
    }
  return states;
}

bool equal(const xt::xarray<double>& a, const xt::xarray<double>& b) { return a.shape() == b.shape() && a == b; }

bool equal(const IncrementalSVD& a, const IncrementalSVD& b) {
  return equal(a.basis(), b.basis()) && equal(a.singular_values(), b.singular_values()) &&
         a.num_samples() == b.num_samples() && a.num_dropped() == b.num_dropped() && a.rank() == b.rank() &&
         a.error_bound() == b.error_bound();
}

/// Whether the finished maps, which include incomplete blocks, are equal to the last bit.
bool finishes_equal(IncrementalSVD a, IncrementalSVD b) {
  const SVD first = a.finish();
  const SVD second = b.finish();
  return equal(first.projection_matrix(), second.projection_matrix()) &&
         equal(first.training_latents(), second.training_latents()) && first.num_samples() == second.num_samples();
}

/// Makes the k-th allocation of an action on an object fail, for k = 1, 2, ... until the action succeeds.
/// \param is_unchanged  whether the object is as before the action
/// \returns  the number of failures
template <class Object>
std::size_t fail_each_allocation(const Object& original, const std::function<void(Object&)>& action,
                                 const std::function<bool(const Object&)>& is_unchanged) {
  for (std::size_t failures = 0;; ++failures) {
    Object object = original;
    bool failed = false;
    allocations_left = static_cast<long>(failures);
    try {
      action(object);
    } catch (const std::bad_alloc&) {
      failed = true;
    }
    allocations_left = -1;
    if (!failed) return failures;
    if (!is_unchanged(object)) throw std::runtime_error("changed by failure " + std::to_string(failures));
  }
}

/// Two complete blocks and three snapshots of an incomplete one.
IncrementalSVD with_incomplete_block(const fieldfold::FieldOptions& field_opts = {}) {
  IncrementalSVD svd({.fields = {"u", "v"}}, {.max_rank = 6, .tolerance = 1e-3, .block = 4},
                     {.field_opts = field_opts, .keep_training_latents = true});
  svd.add(waves(11, 0.0));
  return svd;
}

const fieldfold::FieldOptions weighted{.normalize = {.method = fieldfold::NormalizationMethod::log10, .offset = 1.0},
                                       .field_weights = {{"v", 3.0}}};

}  // namespace

BOOST_AUTO_TEST_CASE(a_failed_allocation_in_add_update_merge_or_finish_changes_nothing) {
  for (const auto& field_opts : {fieldfold::FieldOptions{}, weighted}) {
    const IncrementalSVD original = with_incomplete_block(field_opts);
    const auto is_unchanged = [&](const IncrementalSVD& svd) {
      return equal(svd, original) && finishes_equal(svd, original);
    };
    const auto more = waves(10, 2.0);
    // One snapshot completes a block; ten complete three.
    const auto one = waves(1, 2.0);
    IncrementalSVD other = with_incomplete_block(field_opts);
    other.add(more);
    BOOST_TEST(fail_each_allocation<IncrementalSVD>(original, [&](auto& svd) { svd.add(more); }, is_unchanged) > 50U);
    BOOST_TEST(fail_each_allocation<IncrementalSVD>(original, [&](auto& svd) { svd.add(one); }, is_unchanged) > 1U);
    BOOST_TEST(fail_each_allocation<IncrementalSVD>(original, [&](auto& svd) { svd.update(); }, is_unchanged) > 50U);
    BOOST_TEST(
        fail_each_allocation<IncrementalSVD>(original, [&](auto& svd) { svd.merge(other); }, is_unchanged) > 50U);
    // A failed finish may have processed the incomplete block, as update does.
    BOOST_TEST(fail_each_allocation<IncrementalSVD>(
                   original, [&](auto& svd) { svd.finish(); },
                   [&](const IncrementalSVD& svd) { return finishes_equal(svd, original); }) > 50U);
  }
}

BOOST_AUTO_TEST_CASE(a_failed_allocation_in_the_first_add_leaves_the_object_empty) {
  for (const auto& field_opts : {fieldfold::FieldOptions{}, weighted}) {
    const IncrementalSVD original({.fields = {"u", "v"}}, {.block = 4}, {.field_opts = field_opts});
    const auto takes_any_length = [](const IncrementalSVD& svd) {
      IncrementalSVD copy = svd;
      copy.add(xt::xarray<double>(xt::ones<double>({std::size_t{3}, std::size_t{8}})));
      return svd.num_samples() == 0 && svd.rank() == 0;
    };
    BOOST_TEST(fail_each_allocation<IncrementalSVD>(
                   original, [&](auto& svd) { svd.add(waves(5, 0.0)); }, takes_any_length) > 20U);
  }
}

BOOST_AUTO_TEST_CASE(a_rejected_first_state_does_not_set_the_length) {
  IncrementalSVD svd({.fields = {"u", "v"}}, {.block = 4}, {.field_opts = {.point_weights = xt::ones<double>({15})}});
  // Weights of another number of points; then the logarithm of a negative number.
  BOOST_CHECK_THROW(svd.add(xt::xarray<double>(xt::ones<double>({12}))), fieldfold::InvalidArgument);
  svd.add(waves(6, 0.0));
  BOOST_TEST(svd.num_samples() == 4U);
  IncrementalSVD logarithmic({}, {.block = 4}, {.field_opts = {.normalize = weighted.normalize}});
  xt::xarray<double> negative = xt::ones<double>({std::size_t{3}, std::size_t{5}});
  negative(2, 4) = -1.0;
  BOOST_CHECK_THROW(logarithmic.add(negative), fieldfold::InvalidArgument);
  logarithmic.add(waves(6, 0.0));
  BOOST_TEST(logarithmic.num_samples() == 4U);
}

BOOST_AUTO_TEST_CASE(states_are_added_all_or_none) {
  const IncrementalSVD original = with_incomplete_block();
  auto states = waves(10, 2.0);
  states(8, 3) = 1e200;
  for (const double large : {1e200, 1e160}) {
    IncrementalSVD svd = original;
    states(8, 3) = large;
    BOOST_CHECK_THROW(svd.add(states), fieldfold::NumericalError);
    BOOST_TEST((equal(svd, original) && finishes_equal(svd, original)));
  }
  // NaN drops only its own snapshot.
  IncrementalSVD svd = original;
  states(8, 3) = std::numeric_limits<double>::quiet_NaN();
  svd.add(states);
  BOOST_TEST(svd.num_dropped() == 1U);
}

BOOST_AUTO_TEST_CASE(a_failed_allocation_in_compute_map_keeps_the_map) {
  for (const auto& field_opts : {fieldfold::FieldOptions{}, weighted, {.center = true}}) {
    SVD original({.fields = {"u", "v"}}, {.field_opts = field_opts});
    original.compute_map(fieldfold::Fields{{"u", waves(7, 0.0)}, {"v", waves(7, 1.0)}}, {.rank = 3});
    const auto is_unchanged = [&](const SVD& svd) {
      return equal(svd.projection_matrix(), original.projection_matrix()) && svd.dof() == 2 * dof &&
             svd.num_samples() == 7U && equal(svd.singular_values(), original.singular_values());
    };
    const auto other = waves(9, 3.0);
    xt::xarray<double> snapshots = xt::transpose(other);
    BOOST_TEST(fail_each_allocation<SVD>(
                   original, [&](SVD& svd) { svd.compute_map(snapshots, {.rank = 2}); }, is_unchanged) > 50U);
  }
}
