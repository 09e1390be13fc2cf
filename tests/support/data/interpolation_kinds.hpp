#pragma once

// Include after the imports of fieldfold.interpolation.delaunay, fieldfold.interpolation.method and
// fieldfold.rbf.interpolator.

#include <vector>

/// One interpolation of each kind.
inline std::vector<fieldfold::Interpolation> kinds() {
  return {{"rbf", {}},
          {"rbf", {.neighbors = 20}},
          {"rbf", {.method = fieldfold::RBFMethod::partition_of_unity, .cluster_size = 50}},
          {"nearest", {}},
          {"inverse_distance", {.neighbors = 7}},
          {fieldfold::delaunay_is_built() ? "linear" : "nearest", {}}};
}
