#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "communicator.hpp"
#include "svd.hpp"

import fieldfold;

namespace fieldfold::c {

Handles<fieldfold_svd, SVDObject>& svds() {
  // Never destroyed: other objects may use handles while the program ends.
  static auto* const only = new Handles<fieldfold_svd, SVDObject>("svd");
  return *only;
}

namespace {

/// Snapshots in memory of the caller, with any strides.
template <class T>
class StridedRows final : public RowSource<T> {
 public:
  StridedRows(const T* snapshots, Shape shape, std::size_t dof_stride, std::size_t sample_stride)
      : snapshots_(snapshots), shape_(std::move(shape)), dof_stride_(dof_stride), sample_stride_(sample_stride) {}
  std::size_t rows() const override { return shape_[0]; }
  std::size_t cols() const override { return shape_[1]; }
  MatrixView<const T> read(std::size_t first, std::size_t count, std::vector<T>& buffer) const override {
    buffer.resize(count * cols());
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t j = 0; j < cols(); ++j)
        buffer[i * cols() + j] = snapshots_[(first + i) * dof_stride_ + j * sample_stride_];
    return {buffer.data(), count, cols()};
  }
  MatrixView<const T> read_columns(std::size_t first, std::size_t count, std::vector<T>& buffer) const override {
    buffer.resize(count * rows());
    for (std::size_t j = 0; j < count; ++j)
      for (std::size_t i = 0; i < rows(); ++i)
        buffer[j * rows() + i] = snapshots_[i * dof_stride_ + (first + j) * sample_stride_];
    return {buffer.data(), count, rows()};
  }
  bool reads_columns() const override { return true; }
  bool has_fast_rows() const override { return true; }

 private:
  const T* snapshots_;
  Shape shape_;
  std::size_t dof_stride_;
  std::size_t sample_stride_;
};

/// Calls `action` with the rows of snapshots, as they lie if the numbers of a row or of a state are adjacent.
template <class T, class Action>
void with_rows(const T* snapshots, std::size_t dof, std::size_t samples, std::size_t dof_stride,
               std::size_t sample_stride, Action action) {
  if (dof > 0 && samples > 0) {
    given(snapshots, "snapshots");
    if ((dof_stride == 0 && dof > 1) || (sample_stride == 0 && samples > 1))
      throw InvalidArgument(message("strides: expected at least 1, got ", dof_stride, " and ", sample_stride));
    product(product(dof - 1, dof_stride, "snapshots") + product(samples - 1, sample_stride, "snapshots"), 1,
            "snapshots");
  }
  if (sample_stride == 1 && dof_stride >= samples)
    action(MatrixRows<T>({snapshots, dof, samples, dof_stride}));
  else if (dof_stride == 1 && sample_stride >= dof)
    action(TransposedRows<T>({snapshots, samples, dof, sample_stride}));
  else
    action(StridedRows<T>(snapshots, {dof, samples}, dof_stride, sample_stride));
}

/// Replaces the options of an SVD; its map stays.
template <class Change>
void change_options(fieldfold_svd* handle, Change change) {
  const auto object = svds().at(handle);
  const std::scoped_lock lock(object->changing);
  const auto old = object->get();
  std::shared_ptr<const AnySVD> changed;
  std::visit(
      [&]<class T>(const BasicSVD<T>& svd) {
        together(svd, [&] {
          CompressionOptions grid = svd.compression_options();
          SVDOptions options = svd.options();
          std::optional<BasicSVDMap<T>> map;
          if (svd.map_exists()) map = svd.map();
          change(grid, options, map);
          changed =
              std::make_shared<const AnySVD>(map ? BasicSVD<T>(std::move(grid), std::move(options), std::move(*map))
                                                 : BasicSVD<T>(std::move(grid), std::move(options)));
        });
      },
      *old);
  object->set(std::move(changed));
}

/// Renames the keys of options by field.
template <class Value>
void rename_keys(std::map<std::string, Value>& values, const std::vector<std::string>& from,
                 const std::vector<std::string>& to) {
  std::map<std::string, Value> renamed;
  for (std::size_t field = 0; field < from.size(); ++field)
    if (const auto found = values.find(from[field]); found != values.end()) renamed.emplace(to[field], found->second);
  values = std::move(renamed);
}

template <class T>
void rename_fields(const std::vector<std::string>& names, CompressionOptions& grid, SVDOptions& options,
                   std::optional<BasicSVDMap<T>>& map) {
  if (names.size() != grid.fields.size()) {
    if (map)
      throw InvalidArgument(
          message("fields: expected ", grid.fields.size(), " names, as the map has fields, got ", names.size()));
  } else {
    rename_keys(options.field_opts.normalize_field, grid.fields, names);
    rename_keys(options.field_opts.field_weights, grid.fields, names);
  }
  if (map && map->space) {
    FieldSpaceParts parts = map->space->parts();
    parts.fields = names;
    map->space.emplace(std::move(parts), map->projection_matrix.shape(0) / names.size());
  }
  grid.fields = names;
}

template <class T>
fieldfold_status fit(fieldfold_svd* handle, const T* snapshots, std::size_t dof, std::size_t samples,
                     std::size_t dof_stride, std::size_t sample_stride) {
  return guarded([&] {
    const auto object = svds().at(handle);
    const std::scoped_lock lock(object->changing);
    const auto old = object->get();
    auto learned =
        std::visit([](const auto& svd) { return BasicSVD<T>(svd.compression_options(), svd.options()); }, *old);
    together(learned, [&] {
      with_rows(snapshots, dof, samples, dof_stride, sample_stride,
                [&](const RowSource<T>& rows) { learned.compute_map(rows); });
    });
    object->set(std::make_shared<const AnySVD>(std::move(learned)));
  });
}

fieldfold_svd* new_loaded_svd(AnyCompressor loaded) {
  if (auto* const own = loaded.target<SVD>()) return new_svd(std::move(*own));
  return new_svd(std::move(*loaded.target<BasicSVD<float>>()));
}

xt::xarray<double> copied(const double* numbers, Shape shape, std::string_view name) {
  return array(numbers, std::move(shape), name).copy();
}

xt::xarray<double> as_numbers(const std::size_t* whole, std::size_t count, std::string_view name) {
  if (count > 0) given(whole, name);
  auto numbers = xt::xarray<double>::from_shape({count});
  std::transform(whole, whole + count, numbers.begin(), [](std::size_t number) { return static_cast<double>(number); });
  return numbers;
}

}  // namespace
}  // namespace fieldfold::c

using namespace fieldfold;  // NOLINT(google-build-using-namespace): the functions below have no namespace of their own
using namespace fieldfold::c;

void fieldfold_svd_free(fieldfold_svd* svd) { svds().remove(svd); }

fieldfold_status fieldfold_svd_create(const char* spec, fieldfold_svd** svd) {
  return guarded([&] {
    given(svd, "svd");
    auto [grid, options, matrix, fields] = svd_spec(spec_of(spec));
    if (matrix)
      *svd = new_svd(SVD(std::move(grid), std::move(options), *matrix));
    else if (!fields.empty())
      *svd = new_svd(SVD(std::move(grid), std::move(options), fields));
    else
      *svd = new_svd(SVD(std::move(grid), std::move(options)));
  });
}

fieldfold_status fieldfold_svd_copy(const fieldfold_svd* svd, fieldfold_svd** copy) {
  return guarded([&] {
    given(copy, "copy");
    // Both share the SVD until one of them is changed.
    *copy = svds().add(std::make_shared<SVDObject>(svds().at(svd)->get()));
  });
}

fieldfold_status fieldfold_svd_set_coords(fieldfold_svd* svd, const double* coords, size_t num_pts, size_t dim) {
  return guarded([&] {
    change_options(svd, [&](CompressionOptions& grid, SVDOptions&, auto&) {
      grid.coords = copied(coords, {num_pts, dim}, "coords");
    });
  });
}

fieldfold_status fieldfold_svd_set_fields(fieldfold_svd* svd, const char* const* fields, size_t num_qoi) {
  return guarded([&] {
    change_options(svd, [&](CompressionOptions& grid, SVDOptions& options, auto& map) {
      std::vector<std::string> names;
      names.reserve(product(num_qoi, 1, "fields"));
      for (std::size_t field = 0; field < num_qoi; ++field)
        names.emplace_back(given(given(fields, "fields")[field], "fields"));
      rename_fields(names, grid, options, map);
    });
  });
}

fieldfold_status fieldfold_svd_set_point_weights(fieldfold_svd* svd, const double* weights, size_t num_pts) {
  return guarded([&] {
    change_options(svd, [&](CompressionOptions&, SVDOptions& options, auto&) {
      options.field_opts.point_weights = copied(weights, {num_pts}, "weights");
    });
  });
}

fieldfold_status fieldfold_svd_set_sample_weights(fieldfold_svd* svd, const double* weights, size_t num_samples) {
  return guarded([&] {
    change_options(svd, [&](CompressionOptions&, SVDOptions& options, auto&) {
      options.field_opts.sample_weights = copied(weights, {num_samples}, "weights");
    });
  });
}

fieldfold_status fieldfold_svd_set_mass_matrix(fieldfold_svd* svd, size_t num_pts, size_t num_entries,
                                               const size_t* rows, const size_t* columns, const double* values) {
  return guarded([&] {
    change_options(svd, [&](CompressionOptions& grid, SVDOptions& options, auto&) {
      const auto row_numbers = as_numbers(rows, num_entries, "rows");
      const auto column_numbers = as_numbers(columns, num_entries, "columns");
      const auto entries = array(values, {num_entries}, "values");
      if (grid.communicator)
        options.field_opts.mass.emplace(grid.communicator, num_pts, row_numbers, column_numbers, entries);
      else
        options.field_opts.mass.emplace(num_pts, row_numbers, column_numbers, entries);
    });
  });
}

fieldfold_status fieldfold_svd_set_progress(fieldfold_svd* svd, fieldfold_progress progress, void* data) {
  return guarded([&] {
    change_options(svd, [&](CompressionOptions&, SVDOptions& options, auto&) {
      options.progress = nullptr;
      if (progress == nullptr) return;
      options.progress = [progress, data](std::string_view phase, double share) {
        if (progress(std::string(phase).c_str(), share, data) != 0) throw Interrupted();
      };
    });
  });
}

fieldfold_status fieldfold_svd_fit(fieldfold_svd* svd, const double* snapshots, size_t dof, size_t num_samples,
                                   size_t dof_stride, size_t sample_stride) {
  return fit(svd, snapshots, dof, num_samples, dof_stride, sample_stride);
}

fieldfold_status fieldfold_svd_fit_f32(fieldfold_svd* svd, const float* snapshots, size_t dof, size_t num_samples,
                                       size_t dof_stride, size_t sample_stride) {
  return fit(svd, snapshots, dof, num_samples, dof_stride, sample_stride);
}

fieldfold_status fieldfold_svd_save(const fieldfold_svd* svd, const char* path) {
  return guarded([&] { with_svd_together(svd, [&](const auto& own) { save(given(path, "path"), own); }); });
}

fieldfold_status fieldfold_svd_load(const char* path, fieldfold_svd** svd) {
  return guarded([&] {
    given(svd, "svd");
    *svd = new_loaded_svd(load(given(path, "path")));
  });
}

fieldfold_status fieldfold_svd_set_communicator(fieldfold_svd* svd, const fieldfold_communicator* communicator) {
  return guarded([&] {
    const auto ranks = communicators().at(communicator);
    ranks->together([&] {
      change_options(svd, [&](CompressionOptions& grid, SVDOptions&, auto& map) {
        if (map) throw InvalidArgument("svd: expected one without a map, because a map has the points that it learned");
        grid.communicator = ranks;
      });
    });
  });
}

fieldfold_status fieldfold_svd_load_on_ranks(const char* path, const fieldfold_communicator* communicator,
                                             const size_t* num_pts, fieldfold_svd** svd) {
  return guarded([&] {
    const auto ranks = communicators().at(communicator);
    ranks->together([&] {
      given(svd, "svd");
      *svd = new_loaded_svd(load(given(path, "path"), ranks, optional(num_pts)));
    });
  });
}

fieldfold_status fieldfold_svd_fit_samples(fieldfold_svd* svd, const double* states, size_t count, size_t dof) {
  return guarded([&] {
    const auto object = svds().at(svd);
    const std::scoped_lock lock(object->changing);
    const auto old = object->get();
    auto learned = std::visit([](const auto& own) { return SVD(own.compression_options(), own.options()); }, *old);
    const auto ranks = learned.compression_options().communicator;
    if (!ranks) throw InvalidArgument("svd: expected one with a communicator");
    ranks->together([&] {
      learned.compute_map(
          distributed_by_points(*ranks, array(states, {count, dof}, "states"), learned.fields().size()));
    });
    object->set(std::make_shared<const AnySVD>(std::move(learned)));
  });
}

fieldfold_status fieldfold_svd_merge_ranks(const fieldfold_svd* svd, const fieldfold_communicator* communicator,
                                           const char* rule, fieldfold_svd** merged) {
  return guarded([&] {
    const auto ranks = communicators().at(communicator);
    ranks->together([&] {
      given(merged, "merged");
      const RankRule own_rule = svd_spec(spec_of(rule)).options.rule;
      with_svd(svd, [&](const auto& own) { *merged = new_svd(fieldfold::merged(*ranks, own, own_rule)); });
    });
  });
}

fieldfold_status fieldfold_svd_refuse(const fieldfold_svd* svd, const char* sentence) {
  return guarded(
      [&] { with_svd_together(svd, [&](const auto&) { throw InvalidArgument(given(sentence, "sentence")); }); });
}
