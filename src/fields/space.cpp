module;

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

module fieldfold.fields.space;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.decomposition.inner_product;
import fieldfold.fields.normalization;
import fieldfold.fields.statistics;
import fieldfold.linalg.vector;
import fieldfold.rows.source;

namespace fieldfold {
namespace {

template <class Value>
void check_names(const std::map<std::string, Value>& by_name, const std::vector<std::string>& fields,
                 std::string_view what) {
  for (const auto& [name, value] : by_name)
    if (std::ranges::find(fields, name) == fields.end())
      throw InvalidArgument(message(what, ": expected names among ", listing(fields), "; got ", name));
}

void check_weights(const xt::xarray<double>& weights, std::string_view what) {
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (!(weights.data()[i] > 0.0) || !std::isfinite(weights.data()[i]))
      throw InvalidArgument(
          message(what, ": expected finite numbers above 0, got ", weights.data()[i], " at place ", i));
}

void check_length(const xt::xarray<double>& weights, std::size_t length, std::string_view what,
                  std::string_view of_what) {
  if (weights.size() != length)
    throw InvalidArgument(message(what, ": expected one for each of the ", length, " ", of_what, ", got ",
                                  shape_text(ArrayRef<double>(weights).shape())));
}

xt::xarray<double> flattened(const xt::xarray<double>& array) {
  xt::xarray<double> result = array;
  result.reshape({array.size()});
  return result;
}

std::vector<Normalization> normalizations_of(const FieldOptions& options, const std::vector<std::string>& fields) {
  std::vector<Normalization> result;
  result.reserve(fields.size());
  for (const std::string& field : fields) result.push_back(options.normalization_of(field));
  return result;
}

/// The weights of points in statistics: those given, or what the shape functions stand for.
xt::xarray<double> statistical_weights(const FieldOptions& options) {
  if (options.point_weights) return flattened(*options.point_weights);
  if (!options.mass) return xt::zeros<double>({0});
  xt::xarray<double> sums = options.mass->row_sums();
  // Of a matrix that is no mass matrix they need not be weights.
  if (std::ranges::all_of(sums, [](double sum) { return sum > 0.0; })) return sums;
  return xt::zeros<double>({0});
}

}  // namespace

const std::vector<std::string_view>& masks() {
  static const std::vector<std::string_view> names{"none", "auto"};
  return names;
}

const std::vector<std::string_view>& gappy_snapshots_policies() {
  static const std::vector<std::string_view> names{"drop", "fill"};
  return names;
}

const std::vector<std::string_view>& gappy_states_policies() {
  static const std::vector<std::string_view> names{"nan", "fill", "error"};
  return names;
}

Mask mask_named(std::string_view name) { return choice_named<Mask>(name, masks(), "mask"); }

GappySnapshots gappy_snapshots_named(std::string_view name) {
  return choice_named<GappySnapshots>(name, gappy_snapshots_policies(), "gappy_snapshots");
}

GappyStates gappy_states_named(std::string_view name) {
  return choice_named<GappyStates>(name, gappy_states_policies(), "gappy_states");
}

void validate(const FieldOptions& options, const std::vector<std::string>& fields) {
  check_names(options.normalize_field, fields, "normalize_field");
  check_names(options.field_weights, fields, "field_weights");
  const auto normalizations = normalizations_of(options, fields);
  for (std::size_t field = 0; field < fields.size(); ++field)
    transform_of(normalizations[field], {.deviation = 1.0, .low = 0.0, .high = 1.0}, fields[field]);
  if (options.point_weights) check_weights(*options.point_weights, "point_weights");
  if (options.sample_weights) check_weights(*options.sample_weights, "sample_weights");
  for (const auto& [name, weight] : options.field_weights) check_weights({weight}, message("field_weights of ", name));
  if (options.point_weights && options.mass)
    throw InvalidArgument("point_weights: expected none where there is a mass matrix, which weighs points itself");
}

bool is_plain(const FieldOptions& options) {
  const auto none = [](const Normalization& normalization) {
    return normalization.method == NormalizationMethod::none;
  };
  return none(options.normalize) &&
         std::ranges::all_of(options.normalize_field, [&](const auto& entry) { return none(entry.second); }) &&
         !options.center && !options.standardize && !options.point_weights && options.field_weights.empty() &&
         !options.sample_weights && !options.mass && options.mask == Mask::none &&
         options.gappy_snapshots == GappySnapshots::drop;
}

FieldSpace::FieldSpace(FieldSpaceParts parts, std::size_t num_pts) : parts_(std::move(parts)) {
  for (auto* array : {&parts_.mean, &parts_.deviation, &parts_.point_weights}) array->reshape({array->size()});
  const std::size_t qoi = parts_.fields.size();
  const std::size_t dof = num_pts * qoi;
  const auto require = [](bool holds, const char* expected) {
    if (!holds) throw InvalidArgument(message("space: expected ", expected));
  };
  const auto fits = [](const xt::xarray<double>& array, std::size_t length) {
    return array.size() == 0 ||
           (array.size() == length && std::ranges::all_of(array, [](double x) { return std::isfinite(x); }));
  };
  require(qoi > 0 && parts_.transforms.size() == qoi && parts_.field_weights.size() == qoi,
          "a transform and a weight for each field");
  require(fits(parts_.mean, dof) && fits(parts_.deviation, dof) && parts_.is_centered == (parts_.mean.size() > 0),
          "finite means and deviations, one for each number");
  require(fits(parts_.point_weights, num_pts), "a finite weight for each point");
  require(parts_.absent.empty() || parts_.absent.size() == dof, "a mark for each number");
  require(!parts_.mass || parts_.mass->num_pts() == num_pts, "a mass matrix of all points");
  for (const double weight : parts_.point_weights) require(weight > 0.0, "weights above 0");
  for (const double weight : parts_.field_weights) require(weight > 0.0 && std::isfinite(weight), "weights above 0");
  for (const FieldTransform& transform : parts_.transforms)
    require(std::isfinite(transform.offset) && std::isfinite(transform.shift) && std::isfinite(transform.factor) &&
                transform.factor != 0.0,
            "finite transforms that can be undone");
  shift_.resize(dof);
  factor_.resize(dof);
  for (std::size_t i = 0; i < dof; ++i) {
    const FieldTransform& transform = parts_.transforms[i % qoi];
    shift_[i] = parts_.is_centered ? parts_.mean(i) : transform.shift;
    const double deviation = parts_.deviation.size() > 0 ? parts_.deviation(i) : 0.0;
    require(deviation >= 0.0, "deviations of 0 or more");
    factor_[i] = is_absent(i) ? 0.0 : deviation > 0.0 ? 1.0 / deviation : transform.factor;
  }
}

std::size_t FieldSpace::num_absent() const {
  return static_cast<std::size_t>(std::ranges::count(parts_.absent, std::uint8_t{1}));
}

bool FieldSpace::is_logarithmic() const {
  return std::ranges::any_of(parts_.transforms, &FieldTransform::is_logarithmic);
}

bool FieldSpace::is_unweighted() const {
  return !parts_.mass && parts_.point_weights.size() == 0 &&
         std::ranges::all_of(parts_.field_weights, [](double weight) { return weight == 1.0; });
}

double FieldSpace::transformed(std::size_t i, double x) const {
  const FieldTransform& transform = parts_.transforms[i % num_qoi()];
  return transform.is_logarithmic ? logarithm_of(x, transform.offset, parts_.fields[i % num_qoi()]) : x;
}

void FieldSpace::set_mean(std::size_t i, double mean) {
  parts_.mean(i) = mean;
  shift_[i] = mean;
}

template <class T>
void FieldSpace::enter(MatrixView<const T> states, std::size_t first, MatrixView<T> result) const {
  const bool logarithmic = is_logarithmic();
  const double* const shift = shift_.data() + first;
  const double* const factor = factor_.data() + first;
  for (std::size_t k = 0; k < states.rows; ++k) {
    const T* const x = states.row(k).data();
    T* const y = result.row(k).data();
    if (logarithmic)
      for (std::size_t i = 0; i < states.cols; ++i)
        y[i] = is_absent(first + i)
                   ? T{0}
                   : static_cast<T>((transformed(first + i, static_cast<double>(x[i])) - shift[i]) * factor[i]);
    else
      for (std::size_t i = 0; i < states.cols; ++i)
        y[i] = static_cast<T>((static_cast<double>(x[i]) - shift[i]) * factor[i]);
    for (std::size_t i = 0; i < states.cols && !parts_.absent.empty(); ++i)
      if (is_absent(first + i)) y[i] = T{0};
  }
}

template <class T>
void FieldSpace::leave(MatrixView<T> states) const {
  const std::size_t qoi = num_qoi();
  const bool logarithmic = is_logarithmic();
  for (std::size_t k = 0; k < states.rows; ++k) {
    T* const x = states.row(k).data();
    const auto linear = [&](std::size_t i) { return static_cast<double>(x[i]) / factor_[i] + shift_[i]; };
    for (std::size_t i = 0; i < states.cols; ++i) {
      const bool is_power = logarithmic && parts_.transforms[i % qoi].is_logarithmic;
      x[i] = static_cast<T>(is_power ? std::pow(10.0, linear(i)) - parts_.transforms[i % qoi].offset : linear(i));
    }
    for (std::size_t i = 0; i < states.cols && !parts_.absent.empty(); ++i)
      if (is_absent(i)) x[i] = std::numeric_limits<T>::quiet_NaN();
  }
}

template <class T>
void FieldSpace::leave_difference(MatrixView<T> changes) const {
  for (std::size_t k = 0; k < changes.rows; ++k)
    for (std::size_t i = 0; i < changes.cols; ++i)
      changes(k, i) = is_absent(i) ? std::numeric_limits<T>::quiet_NaN()
                                   : static_cast<T>(static_cast<double>(changes(k, i)) / factor_[i]);
}

void FieldSpace::weigh(MatrixView<const double> y, MatrixView<double> result, std::size_t threads) const {
  const std::size_t qoi = num_qoi();
  if (parts_.mass) {
    // All fields of a point are seen as one row.
    parts_.mass->multiply({y.data, y.rows / qoi, y.cols * qoi}, {result.data, y.rows / qoi, y.cols * qoi}, threads);
  } else {
    for (std::size_t i = 0; i < y.rows; ++i) std::ranges::copy(y.row(i), result.row(i).begin());
  }
  for (std::size_t i = 0; i < y.rows; ++i)
    if (const double own = weight(i); own != 1.0)
      for (double& entry : result.row(i)) entry *= own;
}

std::vector<double> FieldSpace::row_scales() const {
  std::vector<double> scales(dof());
  const std::vector<double> of_mass = parts_.mass ? parts_.mass->scales() : std::vector<double>();
  for (std::size_t i = 0; i < dof(); ++i)
    scales[i] = is_absent(i) ? 0.0 : std::sqrt(weight(i)) * (of_mass.empty() ? 1.0 : of_mass[i / num_qoi()]);
  return scales;
}

template <class T>
std::unique_ptr<Metric<T>> FieldSpace::metric() const {
  return parts_.mass ? parts_.mass->scaled_metric<T>(num_qoi()) : nullptr;
}

namespace {

void check_points(const FieldOptions& options, std::size_t num_pts) {
  if (options.point_weights) check_length(*options.point_weights, num_pts, "point_weights", "points");
  if (options.mass && options.mass->num_pts() != num_pts)
    throw InvalidArgument(
        message("mass: expected a matrix for ", num_pts, " points, got one for ", options.mass->num_pts()));
}

/// What does not come from snapshots, or from their statistics alone.
FieldSpaceParts parts_of(const FieldOptions& options, const std::vector<std::string>& fields,
                         const std::vector<FieldStatistics>& statistics) {
  FieldSpaceParts parts{.fields = fields,
                        .transforms = {},
                        .field_weights = std::vector<double>(fields.size(), 1.0),
                        .mass = options.mass,
                        .absent = {}};
  const auto normalizations = normalizations_of(options, fields);
  for (std::size_t field = 0; field < fields.size(); ++field) {
    parts.transforms.push_back(transform_of(normalizations[field], statistics[field], fields[field]));
    const auto weight = options.field_weights.find(fields[field]);
    if (weight != options.field_weights.end()) parts.field_weights[field] = weight->second;
  }
  if (options.point_weights) parts.point_weights = flattened(*options.point_weights);
  return parts;
}

}  // namespace

FieldSpace fixed_space(const FieldOptions& options, const std::vector<std::string>& fields, std::size_t num_pts) {
  const auto normalizations = normalizations_of(options, fields);
  const bool learns =
      std::ranges::any_of(normalizations, [](const Normalization& field) { return needs_statistics(field.method); });
  if (learns || options.center || options.standardize || options.sample_weights || options.mass ||
      options.mask != Mask::none || options.gappy_snapshots != GappySnapshots::drop)
    throw InvalidArgument(
        "field_opts: expected none of center, standardize, minmax, zscore, sample_weights, mass, mask "
        "and gappy_snapshots, because snapshots that come one by one are not kept");
  check_points(options, num_pts);
  return {parts_of(options, fields, std::vector<FieldStatistics>(fields.size())), num_pts};
}

template <class T>
LearnedSpace learn_space(const RowSource<T>& snapshots, const FieldOptions& options,
                         const std::vector<std::string>& fields, std::size_t leave_out_every, std::size_t threads,
                         const std::function<void(double share)>& progress) {
  const std::size_t qoi = fields.size();
  const std::size_t num_pts = snapshots.rows() / qoi;
  check_points(options, num_pts);
  if (options.sample_weights) check_length(*options.sample_weights, snapshots.cols(), "sample_weights", "snapshots");
  SurveyRequest request{.fields = fields,
                        .normalizations = normalizations_of(options, fields),
                        .wants_means = options.center || options.standardize,
                        .wants_deviations = options.standardize,
                        .finds_absent_rows = options.mask == Mask::automatic,
                        .keeps_gappy_columns = options.gappy_snapshots == GappySnapshots::fill,
                        .column_weights = std::vector<double>(snapshots.cols(), 1.0),
                        .point_weights = statistical_weights(options),
                        .threads = threads_for(threads, static_cast<double>(snapshots.rows() * snapshots.cols())),
                        .progress = progress};
  for (std::size_t j = 0; j < snapshots.cols(); ++j) {
    if (options.sample_weights) request.column_weights[j] = options.sample_weights->data()[j];
    if (leave_out_every > 0 && (j + 1) % leave_out_every == 0) request.column_weights[j] = 0.0;
  }
  const bool learns = request.wants_means || request.finds_absent_rows || request.keeps_gappy_columns ||
                      std::ranges::any_of(request.normalizations, [](const Normalization& field) {
                        return needs_statistics(field.method) || field.method == NormalizationMethod::log10;
                      });
  Survey found = learns ? survey(snapshots, request) : Survey{.statistics = std::vector<FieldStatistics>(qoi)};
  FieldSpaceParts parts = parts_of(options, fields, found.statistics);
  parts.is_centered = request.wants_means;
  if (request.wants_means) parts.mean = found.means;
  parts.deviation = std::move(found.deviations);
  parts.absent = found.absent;
  return {FieldSpace(std::move(parts), num_pts), std::move(found)};
}

template <class T>
MatrixView<const T> SpaceRows<T>::read(std::size_t first, std::size_t count, std::vector<T>& buffer) const {
  const auto from = source_.read(first, count, buffer);
  const bool in_place = !buffer.empty() && from.data >= buffer.data() && from.data < buffer.data() + buffer.size();
  if (!in_place) buffer.resize(count * from.cols);
  const MatrixView<T> to =
      in_place ? MatrixView<T>{buffer.data() + (from.data - buffer.data()), from.rows, from.cols, from.stride}
               : MatrixView<T>{buffer.data(), count, from.cols};
  constexpr std::size_t block = 256;
  double logarithms[block];
  auto gap = std::ranges::lower_bound(gaps_, first, {}, &Gap::row);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t row = first + i;
    const T* const x = from.row(i).data();
    T* const y = to.row(i).data();
    const T scale = static_cast<T>(space_.factor(row) * row_scales_[row]);
    if (space_.is_absent(row)) {
      std::fill_n(y, from.cols, T{0});
      continue;
    }
    const FieldTransform& transform = space_.parts().transforms[row % space_.num_qoi()];
    const double shift = space_.shift(row);
    if (transform.is_logarithmic)
      for (std::size_t j = 0; j < from.cols; j += block) {
        const std::size_t part = std::min(block, from.cols - j);
        for (std::size_t k = 0; k < part; ++k) logarithms[k] = static_cast<double>(x[j + k]) + transform.offset;
        vector_loops().decimal_logarithms(logarithms, part);
        for (std::size_t k = 0; k < part; ++k) y[j + k] = static_cast<T>(logarithms[k] - shift) * scale;
      }
    else if (sample_roots_.empty())
      for (std::size_t j = 0; j < from.cols; ++j) y[j] = static_cast<T>(static_cast<double>(x[j]) - shift) * scale;
    else
      for (std::size_t j = 0; j < from.cols; ++j)
        y[j] = static_cast<T>(static_cast<double>(x[j]) - shift) * (scale * sample_roots_[j]);
    for (std::size_t j = 0; j < sample_roots_.size() && transform.is_logarithmic; ++j) y[j] *= sample_roots_[j];
    for (; gap != gaps_.end() && gap->row == row; ++gap)
      y[gap->column] =
          static_cast<T>(gap->value - shift) * scale * (sample_roots_.empty() ? T{1} : sample_roots_[gap->column]);
  }
  return readable(to);
}

template void FieldSpace::enter(MatrixView<const double>, std::size_t, MatrixView<double>) const;
template void FieldSpace::enter(MatrixView<const float>, std::size_t, MatrixView<float>) const;
template void FieldSpace::leave(MatrixView<double>) const;
template void FieldSpace::leave(MatrixView<float>) const;
template void FieldSpace::leave_difference(MatrixView<double>) const;
template void FieldSpace::leave_difference(MatrixView<float>) const;
template std::unique_ptr<Metric<double>> FieldSpace::metric() const;
template std::unique_ptr<Metric<float>> FieldSpace::metric() const;
template LearnedSpace learn_space(const RowSource<double>&, const FieldOptions&, const std::vector<std::string>&,
                                  std::size_t, std::size_t, const std::function<void(double)>&);
template LearnedSpace learn_space(const RowSource<float>&, const FieldOptions&, const std::vector<std::string>&,
                                  std::size_t, std::size_t, const std::function<void(double)>&);
template class SpaceRows<double>;
template class SpaceRows<float>;

}  // namespace fieldfold
