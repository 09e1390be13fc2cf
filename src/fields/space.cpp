module fieldfold.fields.space;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.fields.normalization;
import fieldfold.fields.statistics;

namespace fieldfold {

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
  require(fits(parts_.mean, dof) && fits(parts_.deviation, dof) &&
              (dof == 0 || parts_.is_centered == (parts_.mean.size() > 0)),
          "finite means and deviations, one for each number");
  require(fits(parts_.point_weights, num_pts), "a finite weight for each point");
  require(parts_.masked.empty() || parts_.masked.size() == dof, "a mask of all numbers");
  require(!parts_.mass || parts_.mass->num_pts() == num_pts, "a mass matrix of all points");
  for (const double weight : parts_.point_weights) require(weight > 0.0, "weights above 0");
  for (const double weight : parts_.field_weights) require(weight > 0.0 && std::isfinite(weight), "weights above 0");
  for (const FieldTransform& transform : parts_.transforms)
    require(std::isfinite(transform.offset) && std::isfinite(transform.shift) && std::isfinite(transform.factor) &&
                transform.factor != 0.0,
            "finite, invertible transforms");
  shift_.resize(dof);
  factor_.resize(dof);
  for (std::size_t i = 0; i < dof; ++i) {
    const FieldTransform& transform = parts_.transforms[i % qoi];
    shift_[i] = parts_.is_centered ? parts_.mean(i) : transform.shift;
    const double deviation = parts_.deviation.size() > 0 ? parts_.deviation(i) : 0.0;
    require(deviation >= 0.0, "deviations of 0 or more");
    factor_[i] = is_masked(i) ? 0.0 : deviation > 0.0 ? 1.0 / deviation : transform.factor;
  }
}

std::size_t FieldSpace::num_masked() const {
  return static_cast<std::size_t>(std::ranges::count(parts_.masked, std::uint8_t{1}));
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

template <class S, class T>
void FieldSpace::transform(MatrixView<const S> states, std::size_t first, MatrixView<T> result) const {
  const bool logarithmic = is_logarithmic();
  const double* const shift = shift_.data() + first;
  const double* const factor = factor_.data() + first;
  for (std::size_t k = 0; k < states.rows; ++k) {
    const S* const x = states.row(k).data();
    T* const y = result.row(k).data();
    if (logarithmic)
      for (std::size_t i = 0; i < states.cols; ++i)
        y[i] = is_masked(first + i)
                   ? T{0}
                   : static_cast<T>((transformed(first + i, static_cast<double>(x[i])) - shift[i]) * factor[i]);
    else
      for (std::size_t i = 0; i < states.cols; ++i)
        y[i] = static_cast<T>((static_cast<double>(x[i]) - shift[i]) * factor[i]);
    for (std::size_t i = 0; i < states.cols && !parts_.masked.empty(); ++i)
      if (is_masked(first + i)) y[i] = T{0};
  }
}

template <class T>
void FieldSpace::inverse_transform(MatrixView<T> states) const {
  const std::size_t qoi = num_qoi();
  const bool logarithmic = is_logarithmic();
  for (std::size_t k = 0; k < states.rows; ++k) {
    T* const x = states.row(k).data();
    const auto linear = [&](std::size_t i) { return static_cast<double>(x[i]) / factor_[i] + shift_[i]; };
    for (std::size_t i = 0; i < states.cols; ++i) {
      const bool is_power = logarithmic && parts_.transforms[i % qoi].is_logarithmic;
      x[i] = static_cast<T>(is_power ? std::pow(10.0, linear(i)) - parts_.transforms[i % qoi].offset : linear(i));
    }
    for (std::size_t i = 0; i < states.cols && !parts_.masked.empty(); ++i)
      if (is_masked(i)) x[i] = std::numeric_limits<T>::quiet_NaN();
  }
}

template <class T>
void FieldSpace::inverse_transform_linear(MatrixView<T> changes) const {
  for (std::size_t k = 0; k < changes.rows; ++k)
    for (std::size_t i = 0; i < changes.cols; ++i)
      changes(k, i) = is_masked(i) ? std::numeric_limits<T>::quiet_NaN()
                                   : static_cast<T>(static_cast<double>(changes(k, i)) / factor_[i]);
}

void FieldSpace::apply_weights(MatrixView<const double> y, MatrixView<double> result, std::size_t threads) const {
  const std::size_t qoi = num_qoi();
  if (parts_.mass) {
    // The fields of a point form one row.
    parts_.mass->multiply({y.data, y.rows / qoi, y.cols * qoi}, {result.data, y.rows / qoi, y.cols * qoi}, threads);
  } else {
    for (std::size_t i = 0; i < y.rows; ++i) std::ranges::copy(y.row(i), result.row(i).begin());
  }
  for (std::size_t i = 0; i < y.rows; ++i)
    if (const double own = weight(i); own != 1.0)
      for (double& entry : result.row(i)) entry *= own;
}

template void FieldSpace::transform(MatrixView<const double>, std::size_t, MatrixView<double>) const;
template void FieldSpace::transform(MatrixView<const float>, std::size_t, MatrixView<float>) const;
template void FieldSpace::transform(MatrixView<const double>, std::size_t, MatrixView<float>) const;
template void FieldSpace::inverse_transform(MatrixView<double>) const;
template void FieldSpace::inverse_transform(MatrixView<float>) const;
template void FieldSpace::inverse_transform_linear(MatrixView<double>) const;
template void FieldSpace::inverse_transform_linear(MatrixView<float>) const;

}  // namespace fieldfold
