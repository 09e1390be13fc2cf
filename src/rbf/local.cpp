module fieldfold.rbf.local;

import fieldfold.base.arrays;
import fieldfold.base.parallel;
import fieldfold.points.morton;
import fieldfold.points.neighbors;
import fieldfold.rbf.stencils;

namespace fieldfold {

LocalInterpolation::LocalInterpolation(const PointCloud& cloud, std::size_t neighbors)
    : cloud_(cloud), neighbors_(neighbors), search_(cloud.points) {}

StencilDefects LocalInterpolation::for_each(MatrixView<const double> queries,
                                            std::optional<std::size_t> derivative_axis, std::span<const double> probe,
                                            std::size_t threads, const Take& take) const {
  struct Workspace {
    StencilBatch batch;
    NearestNeighbors::Walk walk;
    std::vector<std::size_t> nearest;
    std::vector<double> weights;
    std::vector<double> queries;
  };
  std::vector<Workspace> workspaces;
  workspaces.reserve(threads);
  for (std::size_t part = 0; part < threads; ++part) {
    workspaces.push_back({StencilBatch(cloud_), NearestNeighbors::Walk(search_), {}, {}, {}});
    workspaces.back().nearest.resize(neighbors_ * workspaces.back().batch.lanes());
    workspaces.back().weights.resize(workspaces.back().nearest.size());
    workspaces.back().queries.resize(queries.cols * workspaces.back().batch.lanes());
  }
  const std::size_t lanes = workspaces.front().batch.lanes();
  const std::vector<std::size_t> order = spatial_order(queries);
  const Pass pass{.threads = threads, .alignment = lanes};
  for_each_block(queries.rows, 64, pass, [&](std::size_t part, std::size_t first, std::size_t count) {
    Workspace& own = workspaces[part];
    for (std::size_t begin = first; begin < first + count; begin += lanes) {
      const std::size_t used = std::min(lanes, first + count - begin);
      std::vector<std::span<const std::size_t>> stencils;
      std::vector<std::span<double>> weights;
      for (std::size_t l = 0; l < used; ++l) {
        const std::span nearest = std::span(own.nearest).subspan(l * neighbors_, neighbors_);
        const auto query = queries.row(order[begin + l]);
        std::ranges::copy(query, own.queries.begin() + static_cast<std::ptrdiff_t>(l * queries.cols));
        own.walk.find(query, nearest);
        stencils.emplace_back(nearest);
        weights.push_back(std::span(own.weights).subspan(l * neighbors_, neighbors_));
      }
      own.batch.factorize(stencils).weights({own.queries.data(), used, queries.cols}, derivative_axis, weights, probe);
      for (std::size_t l = 0; l < used; ++l) take(begin + l, order[begin + l], stencils[l], weights[l]);
    }
  });
  StencilDefects defects;
  for (const Workspace& own : workspaces) defects.include(own.batch.defects());
  return defects;
}

}  // namespace fieldfold
