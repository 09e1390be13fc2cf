#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "svd.hpp"

import fieldfold;

namespace fieldfold::c {
namespace {

/// An array argument in the precision of a map: a reference to memory of the caller or, in another precision, a copy.
template <class M, class T>
auto in_precision(const T* data, const Shape& shape, std::string_view name) {
  if constexpr (std::same_as<M, T>)
    return array(data, shape, name);
  else
    return array(data, shape, name).template copy<M>();
}

template <class T>
std::span<T> results(T* memory, std::size_t rows, std::size_t cols, std::string_view name) {
  const std::size_t size = product(rows, cols, name);
  return {size == 0 ? memory : given(memory, name), size};
}

std::size_t dof_of(const auto& svd) { return svd.map().projection_matrix.shape(0); }

/// States in double precision, which a map in single precision rounds after they have been shifted and scaled.
TransposedRows<double> as_columns(const double* states, std::size_t count, std::size_t dof) {
  product(count, dof, "states");
  return TransposedRows<double>({count == 0 ? states : given(states, "states"), count, dof});
}

template <class T>
fieldfold_status compress(const fieldfold_svd* handle, const T* states, std::size_t count, T* latent) {
  return guarded([&] {
    with_svd_together(handle, [&]<class M>(const BasicSVD<M>& svd) {
      const Shape shape{count, dof_of(svd)};
      if constexpr (std::same_as<M, T>)
        svd.compress(array(states, shape, "states"), results(latent, count, svd.rank(), "latent"));
      else if constexpr (std::same_as<T, double>)
        copy_to(svd.compress(as_columns(states, count, dof_of(svd)), svd.options().field_opts.gappy_states), latent,
                "latent");
      else
        copy_to(svd.compress(in_precision<M>(states, shape, "states")), latent, "latent");
    });
  });
}

template <class T>
fieldfold_status reconstruct(const fieldfold_svd* handle, const T* latent, std::size_t count, T* states) {
  return guarded([&] {
    with_svd(handle, [&]<class M>(const BasicSVD<M>& svd) {
      const Shape shape{count, svd.rank()};
      if constexpr (std::same_as<M, T>)
        svd.reconstruct(array(latent, shape, "latent"), results(states, count, dof_of(svd), "states"));
      else
        copy_to(svd.reconstruct(in_precision<M>(latent, shape, "latent")), states, "states");
    });
  });
}

/// Fields by name as one array, `(rows, num_qoi)`.
template <class M>
void interleave(const BasicFields<M>& fields, const std::vector<std::string>& names, double* interleaved) {
  for (std::size_t field = 0; field < names.size(); ++field) {
    const auto& values = fields.find(names[field])->second;
    if (values.size() > 0) given(interleaved, "fields");
    for (std::size_t i = 0; i < values.size(); ++i)
      interleaved[i * names.size() + field] = static_cast<double>(values.data()[i]);
  }
}

/// The inverse. \param shape  of each field, `(count, num_points)`
template <class M>
BasicFields<M> separate(const double* interleaved, const Shape& shape, const std::vector<std::string>& names) {
  BasicFields<M> fields;
  const std::size_t size = product(shape[0], shape[1], "fields");
  if (product(size, names.size(), "fields") > 0) given(interleaved, "fields");
  for (std::size_t field = 0; field < names.size(); ++field) {
    auto values = xt::xarray<M>::from_shape(shape);
    for (std::size_t i = 0; i < size; ++i) values.data()[i] = static_cast<M>(interleaved[i * names.size() + field]);
    fields.emplace(names[field], std::move(values));
  }
  return fields;
}

template <class Change>
fieldfold_status change_latents(const fieldfold_svd* handle, const double* from, std::size_t count, double* to,
                                Change change) {
  return guarded([&] {
    with_svd(handle, [&]<class M>(const BasicSVD<M>& svd) {
      const Whitening<M> whitening(svd.map());
      copy_to(change(whitening, in_precision<M>(from, {count, svd.rank()}, "coefficients")), to, "results");
    });
  });
}

}  // namespace
}  // namespace fieldfold::c

using namespace fieldfold;  // NOLINT(google-build-using-namespace): the functions below have no namespace of their own
using namespace fieldfold::c;

fieldfold_status fieldfold_svd_compress(const fieldfold_svd* svd, const double* states, size_t count, double* latent) {
  return compress(svd, states, count, latent);
}

fieldfold_status fieldfold_svd_compress_f32(const fieldfold_svd* svd, const float* states, size_t count,
                                            float* latent) {
  return compress(svd, states, count, latent);
}

fieldfold_status fieldfold_svd_reconstruct(const fieldfold_svd* svd, const double* latent, size_t count,
                                           double* states) {
  return reconstruct(svd, latent, count, states);
}

fieldfold_status fieldfold_svd_reconstruct_f32(const fieldfold_svd* svd, const float* latent, size_t count,
                                               float* states) {
  return reconstruct(svd, latent, count, states);
}

fieldfold_status fieldfold_svd_assess(const fieldfold_svd* svd, const double* states, size_t count, double* latent,
                                      double* distance, double* relative_distance, double* condition) {
  return guarded([&] {
    with_svd_together(svd, [&]<class M>(const BasicSVD<M>& own) {
      const auto copy = [&](const BasicAssessment<M>& found) {
        copy_if_given(found.latent, latent);
        copy_if_given(found.distance, distance);
        copy_if_given(found.relative_distance, relative_distance);
        copy_if_given(found.condition, condition);
      };
      if constexpr (std::same_as<M, double>)
        copy(own.assess(array(states, {count, dof_of(own)}, "states")));
      else
        copy(own.assess(as_columns(states, count, dof_of(own))));
    });
  });
}

fieldfold_status fieldfold_svd_interpolate_from_grid(const fieldfold_svd* svd, const double* states, size_t count,
                                                     const double* points, size_t num_points, double* fields) {
  return guarded([&] {
    with_svd_together(svd, [&]<class M>(const BasicSVD<M>& own) {
      product(product(count, num_points, "fields"), own.num_qoi(), "fields");
      interleave(own.interpolate_from_grid(in_precision<M>(states, {count, own.dof()}, "states"),
                                           array(points, {num_points, own.dim()}, "points")),
                 own.fields(), fields);
    });
  });
}

fieldfold_status fieldfold_svd_interpolate_to_grid(const fieldfold_svd* svd, const double* points, size_t num_points,
                                                   const double* fields, size_t count, double* states) {
  return guarded([&] {
    with_svd_together(svd, [&]<class M>(const BasicSVD<M>& own) {
      product(count, own.dof(), "states");
      copy_to(own.interpolate_to_grid(array(points, {num_points, own.dim()}, "points"),
                                      separate<M>(fields, {count, num_points}, own.fields())),
              states, "states");
    });
  });
}

fieldfold_status fieldfold_svd_reconstruct_at(const fieldfold_svd* svd, const double* latent, size_t count,
                                              const double* points, size_t num_points, double* fields) {
  return guarded([&] {
    with_svd_together(svd, [&]<class M>(const BasicSVD<M>& own) {
      product(product(count, num_points, "fields"), own.num_qoi(), "fields");
      interleave(own.reconstruct_at(in_precision<M>(latent, {count, own.rank()}, "latent"),
                                    array(points, {num_points, own.dim()}, "points")),
                 own.fields(), fields);
    });
  });
}

fieldfold_status fieldfold_svd_sensors(const fieldfold_svd* svd, size_t count, size_t* locations) {
  return guarded([&] {
    with_svd_together(svd, [&](const auto& own) {
      copy_to(sensors(own.projection_matrix(), count, own.partition()), locations, "locations");
    });
  });
}

fieldfold_status fieldfold_svd_noise_amplification(const fieldfold_svd* svd, const size_t* locations, size_t count,
                                                   double* amplification) {
  return guarded([&] {
    with_svd_together(svd, [&](const auto& own) {
      const std::size_t* const first = given(locations, "locations");
      product(count, 1, "locations");
      *given(amplification, "amplification") =
          noise_amplification(own.projection_matrix(), {first, first + count}, own.partition());
    });
  });
}

fieldfold_status fieldfold_svd_whiten(const fieldfold_svd* svd, const double* latent, size_t count, double* white) {
  return change_latents(svd, latent, count, white,
                        [](const auto& whitening, const auto& from) { return whitening.apply(from); });
}

fieldfold_status fieldfold_svd_unwhiten(const fieldfold_svd* svd, const double* white, size_t count, double* latent) {
  return change_latents(svd, white, count, latent,
                        [](const auto& whitening, const auto& from) { return whitening.undo(from); });
}
