module fieldfold.rbf.ranks;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.linalg.rows_on_ranks;
import fieldfold.linalg.sparse;
import fieldfold.points.boxes;
import fieldfold.points.neighborhoods;
import fieldfold.points.regions;
import fieldfold.rbf.partition;
import fieldfold.rbf.schemes;
import fieldfold.rbf.stencils;

namespace fieldfold {
namespace {

/// Points with their smoothing, `(n, dim + 1)`, relative to an origin.
xt::xarray<double> with_smoothing(const PointCloud& cloud, std::span<const double> origin) {
  const std::size_t dim = cloud.points.cols;
  auto rows = xt::xarray<double>::from_shape({cloud.points.rows, dim + 1});
  for (std::size_t i = 0; i < cloud.points.rows; ++i) {
    for (std::size_t axis = 0; axis < dim; ++axis) rows(i, axis) = cloud.points(i, axis) - origin[axis];
    rows(i, dim) = cloud.smoothing[i];
  }
  return rows;
}

/// The cloud of points that a rank has learnt.
class KnownCloud {
 public:
  KnownCloud(const KnownPoints& known, const PointCloud& own)
      : numbers_(known.numbers.begin(), known.numbers.end()),
        points_(xt::xarray<double>::from_shape({known.rows.rows, own.points.cols})),
        cloud_(own) {
    for (std::size_t i = 0; i < known.rows.rows; ++i) {
      std::ranges::copy(known.rows.row(i).first(own.points.cols), &points_(i, 0));
      smoothing_.push_back(known.rows(i, own.points.cols));
    }
    cloud_.points = as_matrix(std::as_const(points_));
    cloud_.smoothing = smoothing_;
  }
  KnownCloud(const KnownCloud&) = delete;
  KnownCloud& operator=(const KnownCloud&) = delete;

  const PointCloud& cloud() const { return cloud_; }

  /// Calls an action, and explains its failure if points without smoothing coincide.
  template <class Action>
  auto explained(const Action& action) const {
    return with_explained_duplicates(cloud_.points, smoothing_, action, numbers_);
  }

 private:
  std::vector<std::uint64_t> numbers_;
  xt::xarray<double> points_;
  std::vector<double> smoothing_;
  PointCloud cloud_;
};

/// A partition of unity whose patches are those of the regions of a rank.
class PatchesOfRank {
 public:
  PatchesOfRank(Regions& regions, const PointCloud& own, std::size_t cluster_size, double overlap, std::size_t threads)
      : regions_(&regions), dim_(own.points.cols) {
    PartitionOfUnity::Part part{regions.domain(), regions.num_points(), regions.num_cells(), cells(), {}};
    do {
      if (regions.own().empty()) continue;
      part.known = regions.covered();
      known_.emplace(regions.known(), own);
      known_->explained([&] { patches_.emplace(known_->cloud(), part, cluster_size, overlap, threads); });
    } while (regions.cover(patches_ ? patches_->needed() : std::vector<Box>()));
  }

  /// For each query the ranks with patches at it; collective. \param queries  `(q, dim)`
  std::vector<std::vector<std::size_t>> ranks_at(const RowPartition& partition,
                                                 MatrixView<const double> queries) const {
    BoxesOnRanks supports(regions_->all().size(), dim_);
    for (std::size_t patch = 0; patches_ && patch < patches_->size(); ++patch) {
      const Box box = patches_->support(patch);
      supports.include(regions_->own()[patches_->region(patch)], box.low, box.high);
    }
    supports.share(partition);
    double margin = 0.0;
    for (std::size_t region = 0; region < regions_->all().size(); ++region) {
      const Box own = regions_->all()[region].box;
      const Box support = supports.box(region);
      for (std::size_t axis = 0; axis < dim_; ++axis)
        margin = std::max({margin, own.low[axis] - support.low[axis], support.high[axis] - own.high[axis]});
    }
    std::vector<std::vector<std::size_t>> ranks(queries.rows);
    for (std::size_t q = 0; q < queries.rows; ++q) {
      const std::vector<double> query(queries.row(q).begin(), queries.row(q).end());
      const Box point = clamped({query, query}, regions_->domain());
      regions_->tree().for_each_meeting(widened(point, margin), [&](std::size_t region) {
        const std::size_t rank = regions_->all()[region].rank;
        if (is_inside(point, supports.box(region)) && (ranks[q].empty() || ranks[q].back() != rank))
          ranks[q].push_back(rank);
      });
    }
    return ranks;
  }

  BlendedRows contribution(MatrixView<const double> queries, std::size_t threads) const {
    if (!patches_) return {};
    const std::vector<double> probe = smooth_function_at(known_->cloud().points);
    return known_->explained([&] {
      auto [blended, defects] = patches_->contribution(queries, probe, threads);
      check_conditioning(defects);
      return std::move(blended);
    });
  }

 private:
  /// The cells of the regions of this rank.
  std::vector<PartitionOfUnity::Cell> cells() const {
    const KnownPoints known = regions_->known();
    std::vector<PartitionOfUnity::Cell> all;
    for (std::size_t k = 0; k < regions_->own().size(); ++k) {
      const Regions::Region& region = regions_->all()[regions_->own()[k]];
      std::vector<std::size_t> members;
      for (std::size_t i = 0; i < known.regions.size(); ++i)
        if (known.regions[i] == regions_->own()[k]) members.push_back(i);
      auto points = xt::xarray<double>::from_shape({members.size(), dim_});
      for (std::size_t i = 0; i < members.size(); ++i) std::copy_n(&known.rows(members[i], 0), dim_, &points(i, 0));
      const Cells own(std::move(points), region.num_cells, region.box);
      for (std::size_t cell = 0; cell < own.size(); ++cell)
        all.push_back({own.box(cell), own.box_of_points(cell), own.count(cell), k});
    }
    return all;
  }

  Regions* regions_;
  std::size_t dim_;
  std::optional<KnownCloud> known_;
  std::optional<PartitionOfUnity> patches_;
};

}  // namespace

RowsOnRanks local_rows(const RowPartition& partition, const PointCloud& cloud, MatrixView<const double> queries,
                       std::size_t neighbors, Threads threads) {
  const std::vector<double> origin(cloud.points.cols, 0.0);
  const auto rows = with_smoothing(cloud, origin);
  return rows_from_neighbors(
      partition, as_matrix(rows), queries, neighbors, [&](const KnownPoints& points, MatrixView<const double> here) {
        const KnownCloud known(points, cloud);
        return known.explained([&] {
          return LocalScheme(known.cloud(), neighbors, threads).weights(here, smooth_function_at(known.cloud().points));
        });
      });
}

RowsOnRanks partition_rows(const RowPartition& partition, const PointCloud& cloud, MatrixView<const double> given,
                           std::size_t cluster_size, double overlap, Threads threads) {
  const std::size_t dim = cloud.points.cols;
  const std::vector<double> origin = box_around(cloud.points, partition).low;
  const auto rows = with_smoothing(cloud, origin);
  auto shifted = xt::xarray<double>::from_shape({given.rows, dim});
  for (std::size_t q = 0; q < given.rows; ++q)
    for (std::size_t axis = 0; axis < dim; ++axis) shifted(q, axis) = given(q, axis) - origin[axis];
  const auto queries = as_matrix(std::as_const(shifted));
  const std::size_t total = partition.total(cloud.points.rows);
  Regions regions(partition, as_matrix(rows), dim, PartitionOfUnity::cells_for(total, dim, cluster_size, overlap));
  const double operations = 1e3 * static_cast<double>(regions.known().numbers.size());
  const PatchesOfRank patches(regions, cloud, cluster_size, overlap, threads(operations));
  return computed_on_ranks(
      partition, cloud.points.rows, queries, patches.ranks_at(partition, queries),
      [&](MatrixView<const double> here) {
        const auto size = static_cast<double>(cluster_size);
        return patches.contribution(here, threads(static_cast<double>(here.rows) * size * size));
      },
      [&] { return regions.known().numbers; });
}

}  // namespace fieldfold
