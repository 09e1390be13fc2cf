module fieldfold.pod.sensors;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.linalg.dense;

namespace fieldfold {
namespace {

void check_count(std::size_t count, std::size_t rank, std::size_t candidates) {
  if (count < rank || count > candidates)
    throw InvalidArgument(message("count: expected at least ", rank, " sensors, the rank, so that they determine ",
                                  "all coefficients, and at most ", candidates,
                                  ", the number of nonzero rows of the basis, got ", count));
}

/// Pivots of rows that are distributed among ranks: Gram-Schmidt steps with the row of the largest residual, whose
/// numbers all ranks get.
class DistributedPivots {
 public:
  DistributedPivots(const xt::xarray<double>& basis, const RowPartition& partition)
      : partition_(partition), basis_(basis), rest_(basis) {
    for (std::size_t i = 0; i < basis.shape(0); ++i)
      is_candidate_.push_back(std::ranges::any_of(as_matrix(basis).row(i), [](double x) { return x != 0.0; }) ? 1 : 0);
  }

  std::size_t candidates() const {
    return partition_.sum(static_cast<std::size_t>(std::ranges::count(is_candidate_, 1)));
  }

  /// The next rows, as many as there are columns. \returns  their numbers among all rows
  std::vector<std::size_t> round(std::size_t most) {
    rest_ = basis_;
    std::vector<std::size_t> chosen;
    while (chosen.size() < std::min(most, rest_.shape(1))) {
      const std::vector<double> pivot = largest_row();
      if (!(pivot[0] > 0.0)) break;
      chosen.push_back(static_cast<std::size_t>(pivot[1]));
      subtract({pivot.data() + 2, rest_.shape(1)}, pivot[0]);
    }
    return chosen;
  }

 private:
  /// Squared norm and number of the row with the largest residual, the first one of equals, and its entries.
  std::vector<double> largest_row() {
    const std::size_t cols = rest_.shape(1);
    std::vector<double> own(cols + 2, 0.0);
    std::optional<std::size_t> place;
    for (std::size_t i = 0; i < rest_.shape(0); ++i) {
      const double squares = is_candidate_[i] != 0 ? sum_of_squares(row(i)) : 0.0;
      if (squares <= own[0]) continue;
      own[0] = squares;
      place = i;
    }
    if (place) {
      own[1] = static_cast<double>(partition_.number(*place));
      std::ranges::copy(as_matrix(rest_).row(*place), own.begin() + 2);
    }
    const std::vector<double> all = partition_.communicator()->gather(own);
    std::size_t best = 0;
    for (std::size_t rank = 1; rank < all.size() / own.size(); ++rank)
      if (all[rank * own.size()] > all[best * own.size()]) best = rank;
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(best * own.size());
    std::vector<double> pivot(begin, begin + static_cast<std::ptrdiff_t>(own.size()));
    if (place && pivot[0] > 0.0 && own[1] == pivot[1]) is_candidate_[*place] = 0;
    return pivot;
  }

  void subtract(std::span<const double> pivot, double squares) {
    for (std::size_t i = 0; i < rest_.shape(0); ++i) {
      const auto entries = as_matrix(rest_).row(i);
      double share = 0.0;
      for (std::size_t k = 0; k < pivot.size(); ++k) share += pivot[k] * entries[k] / squares;
      for (std::size_t k = 0; k < pivot.size(); ++k) entries[k] -= share * pivot[k];
    }
  }

  MatrixView<const double> row(std::size_t i) const { return {&rest_(i, 0), 1, rest_.shape(1)}; }

  RowPartition partition_;
  xt::xarray<double> basis_;
  xt::xarray<double> rest_;
  std::vector<char> is_candidate_;
};

std::vector<std::size_t> distributed_sensors(const xt::xarray<double>& basis, std::size_t count,
                                             const RowPartition& partition) {
  DistributedPivots pivots(basis, partition);
  check_count(count, basis.shape(1), pivots.candidates());
  std::vector<std::size_t> chosen;
  while (chosen.size() < count) {
    const auto next = pivots.round(count - chosen.size());
    if (next.empty()) throw NumericalError("the remaining rows of the basis vanish");
    chosen.insert(chosen.end(), next.begin(), next.end());
  }
  return chosen;
}

}  // namespace

template <class T>
std::vector<std::size_t> sensors(const xt::xarray<T>& array, std::size_t count, const RowPartition& partition) {
  if (partition.is_distributed()) {
    std::vector<std::size_t> chosen;
    partition.communicator()->together(
        [&] { chosen = distributed_sensors(array_cast<double>(array), count, partition); });
    return chosen;
  }
  const auto basis = as_matrix(array);
  std::vector<std::size_t> candidates;
  for (std::size_t i = 0; i < basis.rows; ++i)
    if (std::ranges::any_of(basis.row(i), [](T x) { return x != T{0}; })) candidates.push_back(i);
  check_count(count, basis.cols, candidates.size());
  std::vector<std::size_t> chosen_rows;
  while (chosen_rows.size() < count) {
    auto rows = xt::xarray<double>::from_shape({candidates.size(), basis.cols});
    for (std::size_t k = 0; k < candidates.size(); ++k)
      std::ranges::copy(basis.row(candidates[k]), as_matrix(rows).row(k).begin());
    auto chosen = pivot_rows(std::move(rows));
    chosen.resize(std::min(chosen.size(), count - chosen_rows.size()));
    for (std::size_t& k : chosen) k = candidates[k];
    chosen_rows.insert(chosen_rows.end(), chosen.begin(), chosen.end());
    std::ranges::sort(chosen);
    std::erase_if(candidates, [&](std::size_t i) { return std::ranges::binary_search(chosen, i); });
  }
  return chosen_rows;
}

template <class T>
double noise_amplification(const xt::xarray<T>& basis, const std::vector<std::size_t>& sensors,
                           const RowPartition& partition) {
  xt::xarray<double> rows = zeros<double>({sensors.size(), basis.shape(1)});
  const std::size_t total = partition.total(basis.shape(0));
  const std::size_t first = partition.number(0);
  for (std::size_t k = 0; k < sensors.size(); ++k) {
    if (sensors[k] >= total)
      throw InvalidArgument(message("sensors: expected rows of the basis, below ", total, ", got ", sensors[k]));
    if (sensors[k] >= first && sensors[k] < first + basis.shape(0))
      std::ranges::copy(as_matrix(basis).row(sensors[k] - first), as_matrix(rows).row(k).begin());
  }
  if (partition.is_distributed()) partition.communicator()->together([&] { partition.sum(entries_of(rows)); });
  if (sensors.size() < basis.shape(1)) return std::numeric_limits<double>::infinity();
  return 1.0 / thin_svd(std::move(rows)).s(basis.shape(1) - 1);
}

template double noise_amplification(const xt::xarray<double>&, const std::vector<std::size_t>&, const RowPartition&);
template double noise_amplification(const xt::xarray<float>&, const std::vector<std::size_t>&, const RowPartition&);
template std::vector<std::size_t> sensors(const xt::xarray<double>&, std::size_t, const RowPartition&);
template std::vector<std::size_t> sensors(const xt::xarray<float>&, std::size_t, const RowPartition&);

}  // namespace fieldfold
