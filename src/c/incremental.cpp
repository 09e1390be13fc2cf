#include <concepts>
#include <cstddef>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "communicator.hpp"
#include "svd.hpp"

import fieldfold;

namespace fieldfold::c {
namespace {

/// An incremental SVD. Calls wait for each other.
struct IncrementalObject {
  std::mutex guard;
  AnyIncrementalSVD svd;
};

Handles<fieldfold_incremental, IncrementalObject>& incrementals() {
  // Never destroyed, as in svds().
  static auto* const only = new Handles<fieldfold_incremental, IncrementalObject>("incremental");
  return *only;
}

fieldfold_incremental* new_incremental(AnyIncrementalSVD svd) {
  auto object = std::make_shared<IncrementalObject>();
  object->svd = std::move(svd);
  return incrementals().add(std::move(object));
}

template <class Action>
auto with_incremental(const fieldfold_incremental* handle, Action action) {
  const auto object = incrementals().at(handle);
  const std::scoped_lock lock(object->guard);
  return std::visit(action, object->svd);
}

/// An SVD without states, with the options of another one.
template <class T>
BasicIncrementalSVD<T> empty_like(const AnyIncrementalSVD& any) {
  return std::visit(
      [](const auto& svd) {
        return BasicIncrementalSVD<T>(svd.compression_options(), svd.incremental_options(), svd.options());
      },
      any);
}

bool is_empty(const AnyIncrementalSVD& any) {
  return std::visit([](const auto& svd) { return svd.checkpoint().dof == 0; }, any);
}

/// Changes an SVD in the precision T: its own, or that of its first states.
template <class T, class Change>
void change_in_precision(AnyIncrementalSVD& any, const Change& change) {
  if (std::holds_alternative<BasicIncrementalSVD<T>>(any) || !is_empty(any)) return std::visit(change, any);
  AnyIncrementalSVD changed = empty_like<T>(any);
  std::visit(change, changed);
  if (!is_empty(changed)) any = std::move(changed);
}

/// Changes the grid of an SVD without states. \param name  of the change in messages
template <class Change>
void change_grid(AnyIncrementalSVD& any, std::string_view name, const Change& change) {
  std::optional<AnyIncrementalSVD> changed;
  std::visit(
      [&]<class T>(const BasicIncrementalSVD<T>& svd) {
        together(svd, [&] {
          if (svd.checkpoint().dof != 0) throw InvalidArgument(message(name, ": expected before the first state"));
          CompressionOptions grid = svd.compression_options();
          change(grid);
          changed.emplace(BasicIncrementalSVD<T>(std::move(grid), svd.incremental_options(), svd.options()));
        });
      },
      any);
  any = std::move(*changed);
}

/// \param shape  `(dof,)` or `(count, dof)`
template <class T>
fieldfold_status add(fieldfold_incremental* handle, const T* states, const Shape& shape) {
  return guarded([&] {
    const auto object = incrementals().at(handle);
    const std::scoped_lock lock(object->guard);
    change_in_precision<T>(object->svd, [&]<class M>(BasicIncrementalSVD<M>& svd) {
      together(svd, [&] {
        const ArrayRef<T> given_states = array(states, shape, "states");
        if constexpr (std::same_as<M, T>)
          svd.add(given_states);
        else
          svd.add(ArrayRef<M>(given_states.template copy<M>()));
      });
    });
  });
}

template <class Figure>
std::size_t size(const fieldfold_incremental* handle, Figure figure) {
  return guarded_result(std::size_t{0}, [&] { return with_incremental(handle, figure); });
}

}  // namespace
}  // namespace fieldfold::c

using namespace fieldfold;  // NOLINT(google-build-using-namespace): the functions below have no namespace of their own
using namespace fieldfold::c;

void fieldfold_incremental_free(fieldfold_incremental* incremental) { incrementals().remove(incremental); }

fieldfold_status fieldfold_incremental_create(const char* spec, fieldfold_incremental** incremental) {
  return guarded([&] {
    given(incremental, "incremental");
    auto [grid, own, options] = incremental_spec(spec_of(spec));
    *incremental = new_incremental(IncrementalSVD(std::move(grid), own, std::move(options)));
  });
}

fieldfold_status fieldfold_incremental_set_coords(fieldfold_incremental* incremental, const double* coords,
                                                  size_t num_pts, size_t dim) {
  return guarded([&] {
    const auto object = incrementals().at(incremental);
    const std::scoped_lock lock(object->guard);
    change_grid(object->svd, "coords",
                [&](CompressionOptions& grid) { grid.coords = array(coords, {num_pts, dim}, "coords").copy(); });
  });
}

fieldfold_status fieldfold_incremental_set_communicator(fieldfold_incremental* incremental,
                                                        const fieldfold_communicator* communicator) {
  return guarded([&] {
    const auto ranks = communicators().at(communicator);
    ranks->together([&] {
      const auto object = incrementals().at(incremental);
      const std::scoped_lock lock(object->guard);
      change_grid(object->svd, "communicator", [&](CompressionOptions& grid) { grid.communicator = ranks; });
    });
  });
}

fieldfold_status fieldfold_incremental_load_on_ranks(const char* path, const fieldfold_communicator* communicator,
                                                     const size_t* num_pts, fieldfold_incremental** incremental) {
  return guarded([&] {
    const auto ranks = communicators().at(communicator);
    ranks->together([&] {
      given(incremental, "incremental");
      *incremental = new_incremental(load_incremental<double>(given(path, "path"), ranks, optional(num_pts)));
    });
  });
}

fieldfold_status fieldfold_incremental_add(fieldfold_incremental* incremental, const double* state, size_t dof) {
  return add(incremental, state, {dof});
}

fieldfold_status fieldfold_incremental_add_f32(fieldfold_incremental* incremental, const float* state, size_t dof) {
  return add(incremental, state, {dof});
}

fieldfold_status fieldfold_incremental_add_states(fieldfold_incremental* incremental, const double* states,
                                                  size_t count, size_t dof) {
  return add(incremental, states, {count, dof});
}

fieldfold_status fieldfold_incremental_add_states_f32(fieldfold_incremental* incremental, const float* states,
                                                      size_t count, size_t dof) {
  return add(incremental, states, {count, dof});
}

fieldfold_status fieldfold_incremental_merge(fieldfold_incremental* incremental, const fieldfold_incremental* other) {
  return guarded([&] {
    const auto object = incrementals().at(incremental);
    // A copy, so that two objects that are merged into each other do not wait for each other.
    const AnyIncrementalSVD added = with_incremental(other, [](const auto& svd) { return AnyIncrementalSVD(svd); });
    const std::scoped_lock lock(object->guard);
    std::visit(
        [&]<class T>(const BasicIncrementalSVD<T>& more) {
          change_in_precision<T>(object->svd, [&]<class M>(BasicIncrementalSVD<M>& svd) {
            if constexpr (std::same_as<M, T>) {
              svd.merge(more);
            } else {
              if (!is_empty(added)) throw InvalidArgument("other: expected an incremental SVD of the same precision");
              svd.merge(empty_like<M>(added));
            }
          });
        },
        added);
  });
}

fieldfold_status fieldfold_incremental_update(fieldfold_incremental* incremental) {
  return guarded([&] { with_incremental(incremental, [](auto& svd) { svd.update(); }); });
}

size_t fieldfold_incremental_num_samples(const fieldfold_incremental* incremental) {
  return size(incremental, [](const auto& svd) { return svd.num_samples(); });
}

size_t fieldfold_incremental_num_dropped(const fieldfold_incremental* incremental) {
  return size(incremental, [](const auto& svd) { return svd.num_dropped(); });
}

size_t fieldfold_incremental_rank(const fieldfold_incremental* incremental) {
  return size(incremental, [](const auto& svd) { return svd.rank(); });
}

double fieldfold_incremental_error_bound(const fieldfold_incremental* incremental) {
  return guarded_result(std::numeric_limits<double>::quiet_NaN(), [&] {
    return with_incremental(incremental, [](const auto& svd) { return svd.error_bound(); });
  });
}

fieldfold_status fieldfold_incremental_finish(fieldfold_incremental* incremental, fieldfold_svd** svd) {
  return guarded([&] {
    given(svd, "svd");
    with_incremental(incremental, [&](auto& own) { *svd = new_svd(own.finish()); });
  });
}

fieldfold_status fieldfold_incremental_save(const fieldfold_incremental* incremental, const char* path) {
  return guarded([&] {
    with_incremental(incremental, [&](const auto& svd) { together(svd, [&] { save(given(path, "path"), svd); }); });
  });
}

fieldfold_status fieldfold_incremental_load(const char* path, fieldfold_incremental** incremental) {
  return guarded([&] {
    given(incremental, "incremental");
    *incremental = new_incremental(load_any_incremental(given(path, "path")));
  });
}
