#pragma once

// For tests that have imported fieldfold.interpolation.delaunay, fieldfold.interpolation.method and
// fieldfold.rbf.interpolator before.

#include <vector>

/// One of each kind of operator.
inline std::vector<fieldfold::Interpolation> kinds() {
  return {{"rbf", {}},
          {"rbf", {.neighbors = 20}},
          {"rbf", {.method = fieldfold::RBFMethod::partition_of_unity, .cluster_size = 50}},
          {"nearest", {}},
          {"inverse_distance", {.neighbors = 7}},
          {fieldfold::delaunay_is_built() ? "linear" : "nearest", {}}};
}
