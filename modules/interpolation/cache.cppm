module;

#include <cstddef>
#include <memory>

/// Interpolation that caches what the same coordinates can use again.
export module fieldfold.interpolation.cache;

import fieldfold.base.arrays;
import fieldfold.interpolation.method;

export namespace fieldfold {

/// Interpolation with a cache of operators and factorizations, which are used again for the same coordinates. The least
/// recently used are evicted first. Safe from many threads at once; copies share the cache.
class CachedInterpolation {
 public:
  /// \param most_bytes  the size of the cache; 0: nothing is cached
  /// \throws InvalidArgument  as `Interpolation::validate`
  CachedInterpolation(Interpolation interpolation, std::size_t most_bytes);

  /// As `Interpolation`; warnings of rounding errors come with the first use of coordinates only.
  xt::xarray<double> operator()(const ArrayRef<double>& points, const ArrayRef<double>& values,
                                const ArrayRef<double>& queries) const;

  /// The memory of the cached operators and factorizations.
  std::size_t bytes() const;

  /// Empties the cache.
  void clear() const;

 private:
  class Cache;
  Interpolation interpolation_;
  std::shared_ptr<Cache> cache_;
};

}  // namespace fieldfold
