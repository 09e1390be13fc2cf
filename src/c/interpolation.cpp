#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

#include "communicator.hpp"
#include "svd.hpp"

import fieldfold;

namespace fieldfold::c {
namespace {

/// An operator, and the threads that apply it; 0: as many as the machine has.
struct OperatorObject {
  InterpolationOperator matrix;
  std::size_t threads;
};

Handles<fieldfold_operator, const OperatorObject>& operators() {
  // Never destroyed, as in svds().
  static auto* const only = new Handles<fieldfold_operator, const OperatorObject>("op");
  return *only;
}

/// An interpolant of values, `(num_points, columns)`.
struct InterpolatorObject {
  RBFInterpolator interpolator;
  std::size_t dim;
  std::size_t columns;
};

Handles<fieldfold_interpolator, const InterpolatorObject>& interpolators() {
  static auto* const only = new Handles<fieldfold_interpolator, const InterpolatorObject>("interpolator");
  return *only;
}

fieldfold_operator* new_operator(InterpolationOperator matrix, std::size_t threads) {
  return operators().add(std::make_shared<const OperatorObject>(OperatorObject{std::move(matrix), threads}));
}

}  // namespace
}  // namespace fieldfold::c

using namespace fieldfold;  // NOLINT(google-build-using-namespace): the functions below have no namespace of their own
using namespace fieldfold::c;

void fieldfold_operator_free(fieldfold_operator* op) { operators().remove(op); }

void fieldfold_interpolator_free(fieldfold_interpolator* interpolator) { interpolators().remove(interpolator); }

fieldfold_status fieldfold_operator_create(const double* points, size_t num_points, const double* queries,
                                           size_t num_queries, size_t dim, const char* options,
                                           fieldfold_operator** op) {
  return guarded([&] {
    given(op, "op");
    const Interpolation interpolation = interpolation_spec(spec_of(options));
    *op = new_operator(InterpolationOperator(array(points, {num_points, dim}, "points"),
                                             array(queries, {num_queries, dim}, "queries"), interpolation),
                       interpolation.options.threads);
  });
}

fieldfold_status fieldfold_operator_create_on_ranks(const fieldfold_communicator* communicator, const double* points,
                                                    size_t num_points, const double* queries, size_t num_queries,
                                                    size_t dim, const char* options, fieldfold_operator** op) {
  return guarded([&] {
    const auto ranks = communicators().at(communicator);
    ranks->together([&] {
      given(op, "op");
      const Interpolation interpolation = interpolation_spec(spec_of(options));
      *op = new_operator(InterpolationOperator(ranks, array(points, {num_points, dim}, "points"),
                                               array(queries, {num_queries, dim}, "queries"), interpolation),
                         interpolation.options.threads);
    });
  });
}

size_t fieldfold_operator_num_points(const fieldfold_operator* op) {
  return guarded_result(std::size_t{0}, [&] { return operators().at(op)->matrix.num_points(); });
}

size_t fieldfold_operator_num_queries(const fieldfold_operator* op) {
  return guarded_result(std::size_t{0}, [&] { return operators().at(op)->matrix.num_queries(); });
}

fieldfold_status fieldfold_operator_apply(const fieldfold_operator* op, const double* values, size_t columns,
                                          double* results) {
  return guarded([&] {
    const auto object = operators().at(op);
    const InterpolationOperator& own = object->matrix;
    own.together([&] {
      const auto from = array(values, {own.num_points(), columns}, "values");
      if (product(own.num_queries(), columns, "results") > 0) given(results, "results");
      own.multiply({from.data(), own.num_points(), columns}, {results, own.num_queries(), columns}, object->threads);
    });
  });
}

fieldfold_status fieldfold_operator_apply_transposed(const fieldfold_operator* op, const double* values, size_t columns,
                                                     double* results) {
  return guarded([&] {
    const auto object = operators().at(op);
    const InterpolationOperator& own = object->matrix;
    own.together([&] {
      product(own.num_points(), columns, "results");
      copy_to(own.transposed(array(values, {own.num_queries(), columns}, "values"), object->threads), results,
              "results");
    });
  });
}

fieldfold_status fieldfold_operator_refuse(const fieldfold_operator* op, const char* sentence) {
  return guarded([&] {
    const auto object = operators().at(op);
    object->matrix.together([&] { throw InvalidArgument(given(sentence, "sentence")); });
  });
}

fieldfold_status fieldfold_operator_save(const fieldfold_operator* op, const char* path) {
  return guarded([&] { save(given(path, "path"), operators().at(op)->matrix); });
}

fieldfold_status fieldfold_operator_load(const char* path, fieldfold_operator** op) {
  return guarded([&] {
    given(op, "op");
    *op = new_operator(load_operator(given(path, "path")), 0);
  });
}

fieldfold_status fieldfold_interpolator_create(const double* points, size_t num_points, size_t dim,
                                               const double* values, size_t columns, const char* options,
                                               fieldfold_interpolator** interpolator) {
  return guarded([&] {
    given(interpolator, "interpolator");
    const Interpolation interpolation = interpolation_spec(spec_of(options));
    if (interpolation.method != "rbf")
      throw InvalidArgument(message("interpolate_method: expected rbf, got ", interpolation.method));
    *interpolator = interpolators().add(std::make_shared<const InterpolatorObject>(
        InterpolatorObject{RBFInterpolator(array(points, {num_points, dim}, "points"),
                                           array(values, {num_points, columns}, "values"), interpolation.options),
                           dim, columns}));
  });
}

fieldfold_status fieldfold_interpolator_evaluate(const fieldfold_interpolator* interpolator, const double* queries,
                                                 size_t num_queries, double* results) {
  return guarded([&] {
    const auto own = interpolators().at(interpolator);
    product(num_queries, own->columns, "results");
    copy_to(own->interpolator(array(queries, {num_queries, own->dim}, "queries")), results, "results");
  });
}

fieldfold_status fieldfold_interpolator_gradient(const fieldfold_interpolator* interpolator, const double* queries,
                                                 size_t num_queries, double* results) {
  return guarded([&] {
    const auto own = interpolators().at(interpolator);
    product(product(num_queries, own->columns, "results"), own->dim, "results");
    copy_to(own->interpolator.gradient(array(queries, {num_queries, own->dim}, "queries")), results, "results");
  });
}
