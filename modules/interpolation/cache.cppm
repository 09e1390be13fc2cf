/// Interpolation with a cache of operators and factorizations.
export module fieldfold.interpolation.cache;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.standard;
import fieldfold.interpolation.method;

export namespace fieldfold {

/// Interpolation that caches operators and factorizations for reuse with the same coordinates. The least recently used
/// are evicted first. Safe to call from many threads at once; copies share the cache.
class CachedInterpolation {
 public:
  /// \param most_bytes    the size of the cache; 0: nothing is cached
  /// \param communicator  the ranks among which points and queries are distributed; null: one process has all
  /// \throws InvalidArgument  as `Interpolation::validate`
  CachedInterpolation(Interpolation interpolation, std::size_t most_bytes,
                      std::shared_ptr<const Communicator> communicator = nullptr);

  /// As `Interpolation`, or on ranks as `InterpolationOperator`, and collective then; rounding errors are warned of at
  /// the first use of coordinates only.
  xt::xarray<double> operator()(const ArrayRef<double>& points, const ArrayRef<double>& values,
                                const ArrayRef<double>& queries) const;

  /// The memory of the cached operators and factorizations.
  std::size_t bytes() const;

  /// Empties the cache.
  void clear() const;

 private:
  class Cache;
  xt::xarray<double> on_ranks(const ArrayRef<double>& points, const ArrayRef<double>& values,
                              const ArrayRef<double>& queries) const;

  Interpolation interpolation_;
  std::shared_ptr<const Communicator> communicator_;
  std::shared_ptr<Cache> cache_;
};

}  // namespace fieldfold
