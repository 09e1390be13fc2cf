#pragma once

// The SVD behind a handle.

#include <cmath>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <variant>

#include "handles.hpp"

import fieldfold;

namespace fieldfold::c {

using AnySVD = std::variant<SVD, BasicSVD<float>>;

/// An SVD that is replaced as a whole, so that calls in other threads finish with the SVD they began with.
class SVDObject {
 public:
  explicit SVDObject(std::shared_ptr<const AnySVD> svd) : svd_(std::move(svd)) {}

  std::shared_ptr<const AnySVD> get() const {
    const std::scoped_lock lock(guard_);
    return svd_;
  }
  void set(std::shared_ptr<const AnySVD> svd) {
    const std::scoped_lock lock(guard_);
    svd_.swap(svd);
  }

  std::mutex changing;  ///< held from `get` to `set`

 private:
  mutable std::mutex guard_;
  std::shared_ptr<const AnySVD> svd_;
};

Handles<fieldfold_svd, SVDObject>& svds();

template <class T>
fieldfold_svd* new_svd(BasicSVD<T> svd) {
  return svds().add(std::make_shared<SVDObject>(std::make_shared<const AnySVD>(std::move(svd))));
}

/// Calls `action` with the SVD of a handle.
template <class Action>
auto with_svd(const fieldfold_svd* handle, Action action) {
  const auto svd = svds().at(handle)->get();
  return std::visit(action, *svd);
}

/// Runs work of all ranks among which the points of an object are distributed, so that a bad argument of one is an
/// error on all; on one process only the work.
template <class Object, class Work>
void together(const Object& object, const Work& work) {
  if (const auto& communicator = object.compression_options().communicator)
    communicator->together(work);
  else
    work();
}

/// Calls `action` with the SVD of a handle, on all ranks.
template <class Action>
void with_svd_together(const fieldfold_svd* handle, Action action) {
  with_svd(handle, [&](const auto& svd) { together(svd, [&] { action(svd); }); });
}

/// An array in memory of the caller. \throws InvalidArgument  null, or larger than memory
template <class T>
ArrayRef<T> array(const T* data, Shape shape, std::string_view name) {
  std::size_t size = 1;
  for (const std::size_t length : shape) size = product(size, length, name);
  return {size == 0 ? data : given(data, name), std::move(shape)};
}

/// Copies numbers to memory of the caller, in another precision if necessary.
template <class Numbers, class T>
void copy_to(const Numbers& numbers, T* memory, std::string_view name) {
  if (numbers.size() > 0) given(memory, name);
  for (const auto number : numbers) *memory++ = static_cast<T>(number);
}

/// The same, unless the memory is null.
template <class Numbers, class T>
void copy_if_given(const Numbers& numbers, T* memory) {
  if (memory != nullptr) copy_to(numbers, memory, "");
}

}  // namespace fieldfold::c
