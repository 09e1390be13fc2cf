#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "svd.hpp"

import fieldfold;

namespace fieldfold::c {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

/// A size of an SVD; 0 on failure.
template <class Figure>
std::size_t size(const fieldfold_svd* svd, Figure figure) {
  return guarded_result(std::size_t{0}, [&] { return with_svd(svd, figure); });
}

void copy_errors(const SnapshotErrors& errors, double* snapshots, double* fields, double* snapshot_fields,
                 double* rms) {
  if (rms != nullptr && errors.rms.empty())
    throw NotReady("the root mean square errors are unknown: the map is from a file of an earlier version");
  copy_if_given(errors.snapshots, snapshots);
  copy_if_given(errors.fields, fields);
  copy_if_given(errors.snapshot_fields, snapshot_fields);
  copy_if_given(errors.rms, rms);
}

template <class T>
fieldfold_status copy_basis(const fieldfold_svd* svd, T* basis) {
  return guarded([&] { with_svd(svd, [&](const auto& own) { copy_to(own.projection_matrix(), basis, "basis"); }); });
}

}  // namespace
}  // namespace fieldfold::c

using namespace fieldfold;  // NOLINT(google-build-using-namespace): the functions below have no namespace of their own
using namespace fieldfold::c;

int fieldfold_svd_map_exists(const fieldfold_svd* svd) {
  return guarded_result(0, [&] { return with_svd(svd, [](const auto& own) { return own.map_exists() ? 1 : 0; }); });
}

int fieldfold_svd_is_single(const fieldfold_svd* svd) {
  return guarded_result(
      0, [&] { return with_svd(svd, []<class T>(const BasicSVD<T>&) { return sizeof(T) == sizeof(float) ? 1 : 0; }); });
}

size_t fieldfold_svd_dof(const fieldfold_svd* svd) {
  return size(svd, [](const auto& own) { return own.map().projection_matrix.shape(0); });
}

size_t fieldfold_svd_rank(const fieldfold_svd* svd) {
  return size(svd, [](const auto& own) { return own.rank(); });
}

size_t fieldfold_svd_num_pts(const fieldfold_svd* svd) {
  return size(svd, [](const auto& own) { return own.num_pts(); });
}

size_t fieldfold_svd_num_qoi(const fieldfold_svd* svd) {
  return size(svd, [](const auto& own) { return own.num_qoi(); });
}

size_t fieldfold_svd_dim(const fieldfold_svd* svd) {
  return size(svd, [](const auto& own) { return own.has_coords() ? own.dim() : 0; });
}

size_t fieldfold_svd_num_samples(const fieldfold_svd* svd) {
  return size(svd, [](const auto& own) { return own.num_samples(); });
}

size_t fieldfold_svd_num_dropped(const fieldfold_svd* svd) {
  return size(svd, [](const auto& own) { return own.num_dropped(); });
}

size_t fieldfold_svd_num_singular_values(const fieldfold_svd* svd) {
  return size(svd, [](const auto& own) { return own.singular_values().size(); });
}

size_t fieldfold_svd_num_validation_samples(const fieldfold_svd* svd) {
  return size(svd, [](const auto& own) {
    const auto& errors = own.map().validation_errors;
    return errors ? errors->snapshots.size() : 0;
  });
}

double fieldfold_svd_energy(const fieldfold_svd* svd) {
  return guarded_result(unknown, [&] { return with_svd(svd, [](const auto& own) { return own.energy(); }); });
}

double fieldfold_svd_reconstruction_error(const fieldfold_svd* svd) {
  return guarded_result(unknown,
                        [&] { return with_svd(svd, [](const auto& own) { return own.reconstruction_error(); }); });
}

fieldfold_status fieldfold_svd_field(const fieldfold_svd* svd, size_t index, char* name, size_t capacity) {
  return guarded([&] {
    with_svd(svd, [&](const auto& own) {
      if (index >= own.num_qoi())
        throw InvalidArgument(message("index: expected less than ", own.num_qoi(), ", got ", index));
      const std::string& field = own.fields()[index];
      if (capacity <= field.size())
        throw InvalidArgument(message("capacity: expected at least ", field.size() + 1, ", got ", capacity));
      *std::ranges::copy(field, given(name, "name")).out = '\0';
    });
  });
}

fieldfold_status fieldfold_svd_coords(const fieldfold_svd* svd, double* coords) {
  return guarded([&] { with_svd(svd, [&](const auto& own) { copy_to(own.coords(), coords, "coords"); }); });
}

fieldfold_status fieldfold_svd_singular_values(const fieldfold_svd* svd, double* values) {
  return guarded([&] { with_svd(svd, [&](const auto& own) { copy_to(own.singular_values(), values, "values"); }); });
}

fieldfold_status fieldfold_svd_basis(const fieldfold_svd* svd, double* basis) { return copy_basis(svd, basis); }

fieldfold_status fieldfold_svd_basis_f32(const fieldfold_svd* svd, float* basis) { return copy_basis(svd, basis); }

fieldfold_status fieldfold_svd_mean(const fieldfold_svd* svd, double* mean) {
  return guarded([&] { with_svd(svd, [&](const auto& own) { copy_to(own.mean(), mean, "mean"); }); });
}

fieldfold_status fieldfold_svd_latent_ranges(const fieldfold_svd* svd, double margin, double* ranges) {
  return guarded([&] {
    with_svd(svd, [&](const auto& own) {
      std::vector<double> both;
      for (const auto& [low, high] : own.estimate_latent_ranges(margin)) both.insert(both.end(), {low, high});
      copy_to(both, ranges, "ranges");
    });
  });
}

fieldfold_status fieldfold_svd_latent_statistics(const fieldfold_svd* svd, double* mean, double* covariance) {
  return guarded([&] {
    with_svd(svd, [&](const auto& own) {
      if (own.map().latent_mean.size() == 0)
        throw NotReady(
            "the statistics of the coefficients are unknown: they overflow, or the map is from a file of an "
            "earlier version");
      copy_if_given(own.map().latent_mean, mean);
      copy_if_given(own.map().latent_covariance, covariance);
    });
  });
}

fieldfold_status fieldfold_svd_training_latents(const fieldfold_svd* svd, double* latents) {
  return guarded([&] { with_svd(svd, [&](const auto& own) { copy_to(own.training_latents(), latents, "latents"); }); });
}

fieldfold_status fieldfold_svd_errors(const fieldfold_svd* svd, double* snapshots, double* fields,
                                      double* snapshot_fields, double* rms) {
  return guarded([&] {
    with_svd(svd, [&](const auto& own) { copy_errors(own.errors(), snapshots, fields, snapshot_fields, rms); });
  });
}

fieldfold_status fieldfold_svd_validation_errors(const fieldfold_svd* svd, double* snapshots, double* fields,
                                                 double* snapshot_fields, double* rms) {
  return guarded([&] {
    with_svd(svd,
             [&](const auto& own) { copy_errors(own.validation_errors(), snapshots, fields, snapshot_fields, rms); });
  });
}
