module;

#include <cstddef>
#include <functional>
#include <numeric>
#include <string>

module fieldfold.base.arrays;

import fieldfold.base.diagnostics;

namespace fieldfold {

std::size_t size_of(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>{});
}

std::string shape_text(const Shape& shape) { return "(" + listing(shape) + (shape.size() == 1 ? ",)" : ")"); }

Shape joined(Shape leading, const Shape& trailing) {
  leading.insert(leading.end(), trailing.begin(), trailing.end());
  return leading;
}

}  // namespace fieldfold
