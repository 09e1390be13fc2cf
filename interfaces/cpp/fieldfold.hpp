/// fieldfold for any C++17 compiler: a header on the C interface (fieldfold.h), to be linked with the library alone. It
/// needs no C++20 modules, and is not included where they are imported.
///
/// Arrays are anything contiguous: std::vector, std::array, std::span, std::mdspan, an xtensor container; a pointer
/// with a shape; other xtensor expressions are evaluated. The last axis is contiguous. A call in single precision takes
/// and returns float. Results are std::vector, row by row, or go to memory of the caller.
///
/// Errors are exceptions of the names that the modules use; `what()` states the argument, what was expected and what
/// was given. Objects own what they hold: they can be moved and, SVDs, copied. Const members may be called from many
/// threads.
#ifndef FIELDFOLD_HPP
#define FIELDFOLD_HPP

#include <algorithm>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "fieldfold.h"

namespace fieldfold {

/// An argument out of range, or a shape that does not fit.
class InvalidArgument : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};
/// The object lacks what the call needs, such as a map or coords.
class NotReady : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
/// No convergence, overflow, a singular system.
class NumericalError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
/// A file cannot be read or written, is damaged or of another format.
class FileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
/// The progress callback returned true.
class Interrupted : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

namespace detail {

inline void check(fieldfold_status status) {
  switch (status) {
    case FIELDFOLD_OK:
      return;
    case FIELDFOLD_INVALID_ARGUMENT:
      throw InvalidArgument(fieldfold_last_error());
    case FIELDFOLD_NOT_READY:
      throw NotReady(fieldfold_last_error());
    case FIELDFOLD_NUMERICAL_ERROR:
      throw NumericalError(fieldfold_last_error());
    case FIELDFOLD_FILE_ERROR:
      throw FileError(fieldfold_last_error());
    case FIELDFOLD_OUT_OF_MEMORY:
      throw std::bad_alloc();
    case FIELDFOLD_INTERRUPTED:
      throw Interrupted(fieldfold_last_error());
    case FIELDFOLD_INTERNAL_ERROR:
      break;
  }
  throw std::runtime_error(fieldfold_last_error());
}

template <class A, class = void>
constexpr bool has_shape = false;
template <class A>
constexpr bool has_shape<A, std::void_t<decltype(std::declval<const A&>().shape())>> = true;
template <class A, class = void>
constexpr bool has_strides = false;
template <class A>
constexpr bool has_strides<
    A, std::void_t<decltype(std::declval<const A&>().strides()), decltype(std::declval<const A&>().data_offset())>> =
    true;
template <class A, class = void>
constexpr bool is_contiguous = false;
template <class A>
constexpr bool is_contiguous<
    A, std::void_t<decltype(std::data(std::declval<const A&>())), decltype(std::size(std::declval<const A&>()))>> =
    true;
template <class A, class = void>
constexpr bool is_mdspan = false;
template <class A>
constexpr bool is_mdspan<
    A, std::void_t<decltype(std::declval<const A&>().extents()), decltype(std::declval<const A&>().data_handle())>> =
    true;

}  // namespace detail

/// A read-only array argument, converted implicitly: a reference to memory of the caller, or a copy of what is not
/// contiguous. \tparam T  double or float
template <class T>
class Array {
 public:
  /// Memory of the caller, row by row.
  Array(const T* data, std::initializer_list<std::size_t> shape) : data_(data), shape_(shape) { measure(); }

  /// std::mdspan, with any strides.
  template <class A, std::enable_if_t<detail::is_mdspan<A>, int> = 0>
  Array(const A& array) {
    for (std::size_t axis = 0; axis < array.rank(); ++axis) shape_.push_back(array.extent(axis));
    measure();
    std::vector<std::size_t> strides;
    for (std::size_t axis = 0; axis < array.rank(); ++axis)
      strides.push_back(static_cast<std::size_t>(array.stride(axis)));
    if constexpr (std::is_same_v<std::remove_cv_t<typename A::element_type>, T>) {
      data_ = array.data_handle();
      if (size_ == 0 || is_row_major(strides)) return;
    }
    copy_strided(array.data_handle(), strides);
  }

  /// Containers and expressions.
  template <class A,
            std::enable_if_t<!detail::is_mdspan<A> && (detail::is_contiguous<A> || detail::has_shape<A>), int> = 0>
  Array(const A& array) {
    if constexpr (detail::has_shape<A>)
      shape_.assign(array.shape().begin(), array.shape().end());
    else
      shape_ = {std::size(array)};
    measure();
    if constexpr (detail::is_contiguous<A>) {
      if constexpr (std::is_same_v<std::remove_cv_t<std::remove_pointer_t<decltype(std::data(array))>>, T>) {
        if constexpr (detail::has_strides<A>) {
          if (is_row_major(array.strides())) data_ = array.data() + array.data_offset();
        } else if constexpr (!detail::has_shape<A>) {
          data_ = std::data(array);
        }
        if (data_ != nullptr) return;
      }
    }
    own_.reserve(size_);
    for (auto number = std::begin(array); number != std::end(array); ++number) own_.push_back(static_cast<T>(*number));
    data_ = own_.data();
  }

  /// A view of the same memory; that of an evaluated expression belongs to the other object, which must outlive this
  /// one.
  Array(const Array& other) : data_(other.data_), shape_(other.shape_), size_(other.size_) {}
  Array& operator=(const Array&) = delete;

  const T* data() const { return data_; }
  std::size_t size() const { return size_; }
  const std::vector<std::size_t>& shape() const { return shape_; }

  /// The number of rows of a length, which is that of the trailing axes; one axis may have several rows.
  /// \throws InvalidArgument  there are no such axes, or the length does not divide the size
  std::size_t rows(std::size_t length, const char* name) const {
    std::size_t trailing = 1;
    for (std::size_t axis = shape_.size(); axis-- > 0 && trailing < length;) trailing *= shape_[axis];
    const bool has_axes = shape_.size() < 2 || size_ == 0 || trailing == length;
    if (!has_axes || (length == 0 ? size_ != 0 : size_ % length != 0))
      throw InvalidArgument(std::string(name) + ": expected a multiple of " + std::to_string(length) +
                            " numbers, got " + std::to_string(size_));
    return length == 0 ? 0 : size_ / length;
  }
  /// The length of the last of two axes. \throws InvalidArgument  another number of axes
  std::size_t columns(const char* name) const {
    if (shape_.size() != 2)
      throw InvalidArgument(std::string(name) + ": expected two axes, got " + std::to_string(shape_.size()));
    return shape_[1];
  }

 private:
  void measure() {
    size_ = 1;
    for (const std::size_t length : shape_) {
      if (length != 0 && size_ > static_cast<std::size_t>(-1) / sizeof(T) / length)
        throw InvalidArgument("array: expected a shape that fits in memory");
      size_ *= length;
    }
  }

  template <class Strides>
  bool is_row_major(const Strides& strides) const {
    std::size_t expected = 1;
    for (std::size_t axis = shape_.size(); axis-- > 0; expected *= shape_[axis])
      if (shape_[axis] != 1 && static_cast<std::size_t>(strides[axis]) != expected) return false;
    return true;
  }

  template <class Number>
  void copy_strided(const Number* numbers, const std::vector<std::size_t>& strides) {
    std::vector<std::size_t> index(shape_.size(), 0);
    own_.reserve(size_);
    for (std::size_t i = 0; i < size_; ++i) {
      std::size_t place = 0;
      for (std::size_t axis = 0; axis < index.size(); ++axis) place += index[axis] * strides[axis];
      own_.push_back(static_cast<T>(numbers[place]));
      for (std::size_t axis = index.size(); axis-- > 0 && ++index[axis] == shape_[axis];) index[axis] = 0;
    }
    data_ = own_.data();
  }

  const T* data_ = nullptr;
  std::vector<std::size_t> shape_;
  std::size_t size_ = 0;
  std::vector<T> own_;
};

namespace detail {

/// The scalar of an array argument: float for arrays of float, and double for all others.
template <class A>
auto scalar_of(const A& array) {
  if constexpr (is_mdspan<A>) {
    return std::conditional_t<std::is_same_v<std::remove_cv_t<typename A::element_type>, float>, float, double>();
  } else {
    using Number = std::decay_t<decltype(*std::begin(array))>;
    return std::conditional_t<std::is_same_v<Number, float>, float, double>();
  }
}
template <class T>
T scalar_of(const Array<T>&);
template <class A>
using Scalar = decltype(scalar_of(std::declval<const A&>()));

template <class Handle>
struct Free {
  void operator()(Handle* handle) const {
    if constexpr (std::is_same_v<Handle, fieldfold_svd>) fieldfold_svd_free(handle);
    if constexpr (std::is_same_v<Handle, fieldfold_incremental>) fieldfold_incremental_free(handle);
    if constexpr (std::is_same_v<Handle, fieldfold_operator>) fieldfold_operator_free(handle);
    if constexpr (std::is_same_v<Handle, fieldfold_interpolator>) fieldfold_interpolator_free(handle);
  }
};
template <class Handle>
using Owner = std::unique_ptr<Handle, Free<Handle>>;

/// Calls `make` with a pointer to the new handle.
template <class Handle, class Make>
Owner<Handle> made(Make make) {
  Handle* handle = nullptr;
  check(make(&handle));
  return Owner<Handle>(handle);
}

/// Calls `fill` with memory for numbers.
template <class T = double, class Fill>
std::vector<T> filled(std::size_t size, Fill fill) {
  std::vector<T> numbers(size);
  check(fill(numbers.data()));
  return numbers;
}

}  // namespace detail

/// The version of the library that is linked.
inline std::string version() { return fieldfold_version(); }

/// Relative errors, see `fieldfold_svd_errors`.
struct SnapshotErrors {
  std::vector<double> snapshots;        ///< `(num_samples,)`
  std::vector<double> fields;           ///< `(num_qoi,)`
  std::vector<double> snapshot_fields;  ///< `(num_samples, num_qoi)`
};

/// Coefficients of states, and how far they are from the span of the modes, see `fieldfold_svd_assess`.
struct Assessment {
  std::vector<double> latent;             ///< `(count, rank)`
  std::vector<double> distance;           ///< `(count,)`
  std::vector<double> relative_distance;  ///< `(count,)`
  std::vector<double> condition;          ///< `(count,)`
};

/// Compression by a truncated SVD.
class SVD {
 public:
  /// \param spec  options as JSON, see `fieldfold_svd_create`
  explicit SVD(const std::string& spec = "{}")
      : handle_(detail::made<fieldfold_svd>([&](auto out) { return fieldfold_svd_create(spec.c_str(), out); })) {}
  /// Takes a handle of the C interface.
  explicit SVD(fieldfold_svd* handle) : handle_(handle) {}
  static SVD load(const std::string& path) {
    return SVD(detail::made<fieldfold_svd>([&](auto out) { return fieldfold_svd_load(path.c_str(), out); }).release());
  }
  SVD(const SVD& other)
      : handle_(detail::made<fieldfold_svd>([&](auto out) { return fieldfold_svd_copy(other.handle(), out); })),
        progress_(other.progress_) {}
  SVD(SVD&&) noexcept = default;
  SVD& operator=(SVD other) noexcept {
    handle_.swap(other.handle_);
    progress_.swap(other.progress_);
    return *this;
  }

  fieldfold_svd* handle() const { return handle_.get(); }
  void save(const std::string& path) const { detail::check(fieldfold_svd_save(handle(), path.c_str())); }

  /// \param coords  `(num_pts, dim)`
  void set_coords(const Array<double>& coords) {
    const std::size_t dim = coords.columns("coords");
    detail::check(fieldfold_svd_set_coords(handle(), coords.data(), coords.rows(dim, "coords"), dim));
  }
  /// \param coords  point after point
  void set_coords(const Array<double>& coords, std::size_t dim) {
    detail::check(fieldfold_svd_set_coords(handle(), coords.data(), coords.rows(dim, "coords"), dim));
  }
  void set_fields(const std::vector<std::string>& names) {
    std::vector<const char*> pointers;
    for (const std::string& name : names) pointers.push_back(name.c_str());
    detail::check(fieldfold_svd_set_fields(handle(), pointers.data(), pointers.size()));
  }
  void set_point_weights(const Array<double>& weights) {
    detail::check(fieldfold_svd_set_point_weights(handle(), weights.data(), weights.size()));
  }
  void set_sample_weights(const Array<double>& weights) {
    detail::check(fieldfold_svd_set_sample_weights(handle(), weights.data(), weights.size()));
  }
  /// Triplets of both triangles.
  void set_mass_matrix(std::size_t num_pts, const std::vector<std::size_t>& rows,
                       const std::vector<std::size_t>& columns, const std::vector<double>& values) {
    if (rows.size() != values.size() || columns.size() != values.size())
      throw InvalidArgument("triplets: expected rows, columns and values of one length");
    detail::check(
        fieldfold_svd_set_mass_matrix(handle(), num_pts, values.size(), rows.data(), columns.data(), values.data()));
  }
  /// \param progress  receives the phase of learning and the share that is done; true interrupts it. It does not throw.
  void set_progress(std::function<bool(const char* phase, double share)> progress) {
    auto own = std::make_shared<std::function<bool(const char*, double)>>(std::move(progress));
    const auto call = [](const char* phase, double share, void* data) {
      return (*static_cast<std::function<bool(const char*, double)>*>(data))(phase, share) ? 1 : 0;
    };
    detail::check(fieldfold_svd_set_progress(handle(), *own ? +call : nullptr, own.get()));
    progress_ = std::move(own);
  }

  /// \param snapshots  `(dof, num_samples)`
  template <class A>
  void fit(const A& snapshots) {
    using T = detail::Scalar<A>;
    const Array<T> array(snapshots);
    const std::size_t samples = array.columns("snapshots");
    fit(array.data(), array.shape()[0], samples, samples, 1);
  }
  /// Snapshots with strides counted in numbers, as in `fieldfold_svd_fit`.
  void fit(const double* snapshots, std::size_t dof, std::size_t samples, std::size_t dof_stride,
           std::size_t sample_stride) {
    detail::check(fieldfold_svd_fit(handle(), snapshots, dof, samples, dof_stride, sample_stride));
  }
  void fit(const float* snapshots, std::size_t dof, std::size_t samples, std::size_t dof_stride,
           std::size_t sample_stride) {
    detail::check(fieldfold_svd_fit_f32(handle(), snapshots, dof, samples, dof_stride, sample_stride));
  }

  bool map_exists() const { return fieldfold_svd_map_exists(handle()) != 0; }
  bool is_single() const { return fieldfold_svd_is_single(handle()) != 0; }
  std::size_t dof() const { return fieldfold_svd_dof(handle()); }
  std::size_t rank() const { return fieldfold_svd_rank(handle()); }
  std::size_t num_pts() const { return fieldfold_svd_num_pts(handle()); }
  std::size_t num_qoi() const { return fieldfold_svd_num_qoi(handle()); }
  std::size_t dim() const { return fieldfold_svd_dim(handle()); }
  std::size_t num_samples() const { return fieldfold_svd_num_samples(handle()); }
  std::size_t num_dropped() const { return fieldfold_svd_num_dropped(handle()); }
  double energy() const { return fieldfold_svd_energy(handle()); }
  double reconstruction_error() const { return fieldfold_svd_reconstruction_error(handle()); }
  std::vector<std::string> fields() const {
    std::vector<std::string> names;
    for (std::size_t field = 0; field < num_qoi(); ++field) {
      std::vector<char> name(64);
      while (fieldfold_svd_field(handle(), field, name.data(), name.size()) != FIELDFOLD_OK) {
        if (name.size() >= 1U << 20U) detail::check(FIELDFOLD_INVALID_ARGUMENT);
        name.resize(2 * name.size());
      }
      names.emplace_back(name.data());
    }
    return names;
  }
  std::vector<double> singular_values() const {
    return detail::filled(fieldfold_svd_num_singular_values(handle()),
                          [&](double* out) { return fieldfold_svd_singular_values(handle(), out); });
  }
  /// `(dof, rank)`
  std::vector<double> projection_matrix() const {
    return detail::filled(dof() * rank(), [&](double* out) { return fieldfold_svd_basis(handle(), out); });
  }
  /// `(dof,)`
  std::vector<double> mean() const {
    return detail::filled(dof(), [&](double* out) { return fieldfold_svd_mean(handle(), out); });
  }
  std::vector<std::pair<double, double>> estimate_latent_ranges(double margin = 0.0) const {
    const auto both =
        detail::filled(2 * rank(), [&](double* out) { return fieldfold_svd_latent_ranges(handle(), margin, out); });
    std::vector<std::pair<double, double>> ranges;
    for (std::size_t mode = 0; mode < rank(); ++mode) ranges.emplace_back(both[2 * mode], both[2 * mode + 1]);
    return ranges;
  }
  SnapshotErrors errors() const { return errors_by(fieldfold_svd_errors, num_samples()); }
  SnapshotErrors validation_errors() const {
    return errors_by(fieldfold_svd_validation_errors, fieldfold_svd_num_validation_samples(handle()));
  }

  /// \param states  `(count, dof)` \returns  `(count, rank)`
  template <class A>
  auto compress(const A& states) const {
    using T = detail::Scalar<A>;
    const Array<T> array(states);
    const std::size_t count = array.rows(required_dof(), "states");
    std::vector<T> latent(count * rank());
    compress(array.data(), count, latent.data());
    return latent;
  }
  /// The same into memory of the caller.
  void compress(const double* states, std::size_t count, double* latent) const {
    detail::check(fieldfold_svd_compress(handle(), states, count, latent));
  }
  void compress(const float* states, std::size_t count, float* latent) const {
    detail::check(fieldfold_svd_compress_f32(handle(), states, count, latent));
  }

  /// \param latent  `(count, rank)` \returns  `(count, dof)`
  template <class A>
  auto reconstruct(const A& latent) const {
    using T = detail::Scalar<A>;
    const Array<T> array(latent);
    const std::size_t dof = required_dof();
    const std::size_t count = array.rows(rank(), "latent");
    std::vector<T> states(count * dof);
    reconstruct(array.data(), count, states.data());
    return states;
  }
  void reconstruct(const double* latent, std::size_t count, double* states) const {
    detail::check(fieldfold_svd_reconstruct(handle(), latent, count, states));
  }
  void reconstruct(const float* latent, std::size_t count, float* states) const {
    detail::check(fieldfold_svd_reconstruct_f32(handle(), latent, count, states));
  }

  Assessment assess(const Array<double>& states) const {
    const std::size_t count = states.rows(required_dof(), "states");
    Assessment found{std::vector<double>(count * rank()), std::vector<double>(count), std::vector<double>(count),
                     std::vector<double>(count)};
    detail::check(fieldfold_svd_assess(handle(), states.data(), count, found.latent.data(), found.distance.data(),
                                       found.relative_distance.data(), found.condition.data()));
    return found;
  }

  /// \param states  `(count, dof)`  \param points  `(num_points, dim)`  \returns  `(count, num_points, num_qoi)`
  std::vector<double> interpolate_from_grid(const Array<double>& states, const Array<double>& points) const {
    require_coords();
    const std::size_t count = states.rows(num_pts() * num_qoi(), "states");
    const std::size_t number = points.rows(dim(), "points");
    return detail::filled(count * number * num_qoi(), [&](double* out) {
      return fieldfold_svd_interpolate_from_grid(handle(), states.data(), count, points.data(), number, out);
    });
  }
  /// \param fields  `(count, num_points, num_qoi)`  \returns  `(count, dof)`
  std::vector<double> interpolate_to_grid(const Array<double>& points, const Array<double>& fields) const {
    require_coords();
    const std::size_t number = points.rows(dim(), "points");
    const std::size_t count = fields.rows(number * num_qoi(), "fields");
    return detail::filled(count * num_pts() * num_qoi(), [&](double* out) {
      return fieldfold_svd_interpolate_to_grid(handle(), points.data(), number, fields.data(), count, out);
    });
  }
  /// \param latent  `(count, rank)`  \returns  `(count, num_points, num_qoi)`
  std::vector<double> reconstruct_at(const Array<double>& latent, const Array<double>& points) const {
    required_dof();
    require_coords();
    const std::size_t count = latent.rows(rank(), "latent");
    const std::size_t number = points.rows(dim(), "points");
    return detail::filled(count * number * num_qoi(), [&](double* out) {
      return fieldfold_svd_reconstruct_at(handle(), latent.data(), count, points.data(), number, out);
    });
  }

  std::vector<std::size_t> sensors(std::size_t count) const {
    return detail::filled<std::size_t>(count,
                                       [&](std::size_t* out) { return fieldfold_svd_sensors(handle(), count, out); });
  }

 private:
  /// \throws NotReady  there is no map
  std::size_t required_dof() const {
    const std::size_t found = dof();
    if (found == 0) throw NotReady(fieldfold_last_error());
    return found;
  }

  /// \throws NotReady  there are no coords
  void require_coords() const {
    if (dim() == 0) throw NotReady("there are no coords: interpolation needs the points of the grid");
  }

  template <class Get>
  SnapshotErrors errors_by(Get get, std::size_t samples) const {
    SnapshotErrors errors{std::vector<double>(samples), std::vector<double>(num_qoi()),
                          std::vector<double>(samples * num_qoi())};
    detail::check(get(handle(), errors.snapshots.data(), errors.fields.data(), errors.snapshot_fields.data(), nullptr));
    return errors;
  }

  detail::Owner<fieldfold_svd> handle_;
  std::shared_ptr<std::function<bool(const char*, double)>> progress_;
};

/// An SVD that is updated with each state and keeps none.
class IncrementalSVD {
 public:
  /// \param spec  options as JSON, see `fieldfold_incremental_create`
  explicit IncrementalSVD(const std::string& spec = "{}")
      : handle_(detail::made<fieldfold_incremental>(
            [&](auto out) { return fieldfold_incremental_create(spec.c_str(), out); })) {}
  /// Takes a handle of the C interface.
  explicit IncrementalSVD(fieldfold_incremental* handle) : handle_(handle) {}
  static IncrementalSVD load(const std::string& path) {
    return IncrementalSVD(detail::made<fieldfold_incremental>([&](auto out) {
                            return fieldfold_incremental_load(path.c_str(), out);
                          }).release());
  }
  fieldfold_incremental* handle() const { return handle_.get(); }
  void save(const std::string& path) const { detail::check(fieldfold_incremental_save(handle(), path.c_str())); }

  /// \param state  `(dof,)`, or `(count, dof)` of an array with two axes
  template <class A>
  void add(const A& state) {
    using T = detail::Scalar<A>;
    const Array<T> array(state);
    const std::size_t dof = array.shape().empty() ? 1 : array.shape().back();
    const std::size_t count = array.shape().size() > 1 ? array.rows(dof, "state") : 1;
    add(array.data(), count, dof);
  }
  void add(const double* states, std::size_t count, std::size_t dof) {
    detail::check(fieldfold_incremental_add_states(handle(), states, count, dof));
  }
  void add(const float* states, std::size_t count, std::size_t dof) {
    detail::check(fieldfold_incremental_add_states_f32(handle(), states, count, dof));
  }
  void merge(const IncrementalSVD& other) { detail::check(fieldfold_incremental_merge(handle(), other.handle())); }
  void update() { detail::check(fieldfold_incremental_update(handle())); }
  std::size_t num_samples() const { return fieldfold_incremental_num_samples(handle()); }
  std::size_t num_dropped() const { return fieldfold_incremental_num_dropped(handle()); }
  std::size_t rank() const { return fieldfold_incremental_rank(handle()); }
  double error_bound() const { return fieldfold_incremental_error_bound(handle()); }
  SVD finish() {
    return SVD(
        detail::made<fieldfold_svd>([&](auto out) { return fieldfold_incremental_finish(handle(), out); }).release());
  }

 private:
  detail::Owner<fieldfold_incremental> handle_;
};

/// Interpolation from points to queries, as a matrix.
class InterpolationOperator {
 public:
  /// \param points, queries  `(num_points, dim)` and `(num_queries, dim)`
  /// \param options          JSON, see `fieldfold_operator_create`
  InterpolationOperator(const Array<double>& points, const Array<double>& queries, std::size_t dim,
                        const std::string& options = "{}")
      : handle_(detail::made<fieldfold_operator>([&](auto out) {
          return fieldfold_operator_create(points.data(), points.rows(dim, "points"), queries.data(),
                                           queries.rows(dim, "queries"), dim, options.c_str(), out);
        })) {}
  /// Takes a handle of the C interface.
  explicit InterpolationOperator(fieldfold_operator* handle) : handle_(handle) {}
  static InterpolationOperator load(const std::string& path) {
    return InterpolationOperator(detail::made<fieldfold_operator>([&](auto out) {
                                   return fieldfold_operator_load(path.c_str(), out);
                                 }).release());
  }
  fieldfold_operator* handle() const { return handle_.get(); }
  void save(const std::string& path) const { detail::check(fieldfold_operator_save(handle(), path.c_str())); }
  std::size_t num_points() const { return fieldfold_operator_num_points(handle()); }
  std::size_t num_queries() const { return fieldfold_operator_num_queries(handle()); }

  /// \param values  `(num_points, columns)` \returns  `(num_queries, columns)`
  std::vector<double> operator()(const Array<double>& values) const {
    const std::size_t columns = columns_of(values, num_points());
    return detail::filled(num_queries() * columns,
                          [&](double* out) { return fieldfold_operator_apply(handle(), values.data(), columns, out); });
  }
  /// \param values  `(num_queries, columns)` \returns  `(num_points, columns)`
  std::vector<double> transposed(const Array<double>& values) const {
    const std::size_t columns = columns_of(values, num_queries());
    return detail::filled(num_points() * columns, [&](double* out) {
      return fieldfold_operator_apply_transposed(handle(), values.data(), columns, out);
    });
  }

 private:
  /// The columns of values, `(rows, columns)`, of which one axis may have several.
  static std::size_t columns_of(const Array<double>& values, std::size_t rows) {
    if (values.shape().size() > 1 && values.shape()[0] != rows)
      throw InvalidArgument("values: expected " + std::to_string(rows) + " rows, got " +
                            std::to_string(values.shape()[0]));
    return Array<double>(values.data(), {values.size()}).rows(rows, "values");
  }

  detail::Owner<fieldfold_operator> handle_;
};

/// Radial basis function interpolation of scattered values.
class RBFInterpolator {
 public:
  /// \param points  `(num_points, dim)`  \param values  `(num_points, columns)`
  /// \param options  JSON, see `fieldfold_interpolator_create`
  RBFInterpolator(const Array<double>& points, const Array<double>& values, std::size_t dim,
                  const std::string& options = "{}")
      : dim_(dim),
        columns_(Array<double>(values.data(), {values.size()})
                     .rows(std::max<std::size_t>(points.rows(dim, "points"), 1), "values")) {
    handle_ = detail::made<fieldfold_interpolator>([&](auto out) {
      return fieldfold_interpolator_create(points.data(), points.rows(dim, "points"), dim, values.data(), columns_,
                                           options.c_str(), out);
    });
  }
  /// \param queries  `(num_queries, dim)` \returns  `(num_queries, columns)`
  std::vector<double> operator()(const Array<double>& queries) const {
    const std::size_t number = queries.rows(dim_, "queries");
    return detail::filled(number * columns_, [&](double* out) {
      return fieldfold_interpolator_evaluate(handle_.get(), queries.data(), number, out);
    });
  }
  /// \returns  `(num_queries, columns, dim)`
  std::vector<double> gradient(const Array<double>& queries) const {
    const std::size_t number = queries.rows(dim_, "queries");
    return detail::filled(number * columns_ * dim_, [&](double* out) {
      return fieldfold_interpolator_gradient(handle_.get(), queries.data(), number, out);
    });
  }

 private:
  std::size_t dim_;
  std::size_t columns_;
  detail::Owner<fieldfold_interpolator> handle_;
};

}  // namespace fieldfold

#endif
