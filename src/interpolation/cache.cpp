module;

#include <xxhash.h>

module fieldfold.interpolation.cache;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.interpolation.method;
import fieldfold.interpolation.operators;
import fieldfold.rbf.interpolator;

namespace fieldfold {

/// The entries, the most recently used first.
class CachedInterpolation::Cache {
 public:
  using Key = std::array<std::uint64_t, 2>;
  /// The operator or factorization to reuse; none after the first use of coordinates.
  using Kept = std::variant<std::monostate, std::shared_ptr<const InterpolationOperator>,
                            std::shared_ptr<const RBFInterpolator>>;
  struct Entry {
    Key key;
    Kept kept;
    std::size_t bytes;
  };

  explicit Cache(std::size_t most) : most_bytes(most) {}

  static Key key_of(std::initializer_list<const ArrayRef<double>*> arrays) {
    struct Free {
      void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
    };
    const std::unique_ptr<XXH3_state_t, Free> owner(XXH3_createState());
    if (owner == nullptr) throw std::bad_alloc();
    XXH3_state_t* const state = owner.get();
    XXH3_128bits_reset(state);
    for (const auto* array : arrays) {
      for (const std::uint64_t length : array->shape()) XXH3_128bits_update(state, &length, sizeof(length));
      XXH3_128bits_update(state, array->data(), array->size() * sizeof(double));
    }
    const XXH128_hash_t hash = XXH3_128bits_digest(state);
    return {hash.low64, hash.high64};
  }

  std::optional<Kept> find(const Key& key) {
    const std::scoped_lock lock(guard);
    const auto found = std::ranges::find(entries, key, &Entry::key);
    if (found == entries.end()) return std::nullopt;
    entries.splice(entries.begin(), entries, found);
    return entries.front().kept;
  }

  void keep(const Key& key, Kept kept, std::size_t bytes) {
    // Keys without an operator take memory too.
    constexpr std::size_t most_entries = 256;
    if (bytes > most_bytes) return;
    const std::scoped_lock lock(guard);
    std::erase_if(entries, [&](const Entry& entry) { return entry.key == key; });
    entries.push_front({key, std::move(kept), bytes});
    while (entries.size() > most_entries || total() > most_bytes) entries.pop_back();
  }

  std::size_t total() const {
    std::size_t sum = 0;
    for (const Entry& entry : entries) sum += entry.bytes;
    return sum;
  }

  const std::size_t most_bytes;
  std::mutex guard;
  std::list<Entry> entries;
};

CachedInterpolation::CachedInterpolation(Interpolation interpolation, std::size_t most_bytes,
                                         std::shared_ptr<const Communicator> communicator)
    : interpolation_(std::move(interpolation)),
      communicator_(std::move(communicator)),
      cache_(make_shared<Cache>(most_bytes)) {
  interpolation_.validate();
}

std::size_t CachedInterpolation::bytes() const {
  const std::scoped_lock lock(cache_->guard);
  return cache_->total();
}

void CachedInterpolation::clear() const {
  const std::scoped_lock lock(cache_->guard);
  cache_->entries.clear();
}

xt::xarray<double> CachedInterpolation::operator()(const ArrayRef<double>& points, const ArrayRef<double>& values,
                                                   const ArrayRef<double>& queries) const {
  if (communicator_) return on_ranks(points, values, queries);
  const RBFOptions& options = interpolation_.options;
  const bool is_rbf = interpolation_.method == "rbf";
  if (points.dimension() != 2 || queries.dimension() != 2 || values.dimension() == 0 ||
      values.shape()[0] != points.shape()[0])
    return interpolation_(points, values, queries);  // throws, with the reason
  const std::size_t num_points = points.shape()[0];
  const std::size_t num_queries = queries.shape()[0];
  const bool is_partition = is_rbf && options.method == RBFMethod::partition_of_unity;
  if (is_rbf && !is_partition && options.neighbors.value_or(num_points) >= num_points) {
    // The weights of a global interpolant cost one solution per query; caching its factorization is as good.
    const auto key = Cache::key_of({&points});
    if (const auto found = cache_->find(key))
      return std::get<std::shared_ptr<const RBFInterpolator>>(*found)->with_values(values)(queries);
    const auto made = make_shared<const RBFInterpolator>(points, values, options);
    cache_->keep(key, made, made->bytes());
    return (*made)(queries);
  }
  // In a partition of unity about two clusters contribute to a query.
  const std::size_t entries = is_partition ? 2 * std::min(options.cluster_size, num_points)
                                           : std::min(options.neighbors.value_or(12), num_points);
  const std::size_t entry_bytes = sizeof(double) + sizeof(std::uint32_t);
  if (num_queries > cache_->most_bytes / entry_bytes / std::max<std::size_t>(1, entries))
    return interpolation_(points, values, queries);
  const auto key = Cache::key_of({&points, &queries});
  const auto found = cache_->find(key);
  if (found)
    if (const auto* kept = std::get_if<std::shared_ptr<const InterpolationOperator>>(&*found))
      return (**kept)(values, options.threads);
  if (is_partition && !found) {
    // All weights cost more than one interpolation: they are computed at the second use of the same coordinates.
    cache_->keep(key, {}, 0);
    return interpolation_(points, values, queries);
  }
  const MatrixView<const double> probed{values.data(), num_points,
                                        values.size() / std::max<std::size_t>(1, num_points)};
  const auto made = make_shared<const InterpolationOperator>(points, queries, interpolation_, probed);
  cache_->keep(key, made, made->bytes());
  return (*made)(values, options.threads);
}

xt::xarray<double> CachedInterpolation::on_ranks(const ArrayRef<double>& points, const ArrayRef<double>& values,
                                                 const ArrayRef<double>& queries) const {
  // The key has the points of all ranks: those of one may be the same in operators that differ elsewhere.
  const auto own = Cache::key_of({&points, &queries});
  const std::vector<double> keys = communicator_->gather(std::bit_cast<std::array<double, 2>>(own));
  const ArrayRef<double> keys_of_all(keys.data(), Shape{keys.size()});
  const auto key = Cache::key_of({&keys_of_all});
  const auto found = cache_->find(key);
  // A rank may have evicted what others have.
  std::array is_missing{found ? 0.0 : 1.0};
  communicator_->maximum(is_missing);
  const std::size_t threads = interpolation_.options.threads;
  if (is_missing[0] == 0.0) return (*std::get<std::shared_ptr<const InterpolationOperator>>(*found))(values, threads);
  const auto made = make_shared<const InterpolationOperator>(communicator_, points, queries, interpolation_);
  cache_->keep(key, made, made->bytes());
  return (*made)(values, threads);
}

}  // namespace fieldfold
