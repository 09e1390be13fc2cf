/// A type-erased compressor, whose method is chosen at run time.
export module fieldfold.compression.any;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.standard;
import fieldfold.compression.compressor;

export namespace fieldfold {

/// A compressor of any type, held by value behind an interface in doubles. Shapes, meaning and errors of its members
/// are those of the compressor inside, which `target` returns.
class AnyCompressor {
 public:
  using value_type = double;

  template <class C>
    requires(!std::same_as<C, AnyCompressor> && Compressor<C>)
  AnyCompressor(C compressor)  // NOLINT(google-explicit-constructor): any compressor is one
      : held_(std::make_unique<Held<C>>(std::move(compressor))) {}

  AnyCompressor(const AnyCompressor& other) : held_(other.held_ ? other.held_->clone() : nullptr) {}
  AnyCompressor(AnyCompressor&&) noexcept = default;
  AnyCompressor& operator=(AnyCompressor other) noexcept {
    held_.swap(other.held_);
    return *this;
  }
  ~AnyCompressor() = default;

  /// The compressor inside, or null if it is of another type.
  template <Compressor C>
  C* target() {
    return held_->type() == typeid(C) ? static_cast<C*>(held_->address()) : nullptr;
  }
  template <Compressor C>
  const C* target() const {
    return const_cast<AnyCompressor*>(this)->target<C>();
  }

  /// Learns the map from a matrix. \param snapshots  `(dof, num_samples)`
  /// \throws InvalidArgument  as the compressor inside; also if it does not learn from a matrix alone
  void compute_map(const ArrayRef<double>& snapshots) { held_->compute_map(snapshots); }
  /// Learns the map from fields. \param fields  each `(*loop_shape, num_pts)`
  void compute_map(const Fields& fields) { held_->compute_map(fields); }

  bool map_exists() const { return held_->map_exists(); }
  std::size_t latent_size() const { return held_->latent_size(); }
  std::size_t dof() const { return held_->dof(); }
  LatentRanges estimate_latent_ranges() const { return held_->estimate_latent_ranges(); }

  xt::xarray<double> compress(const ArrayRef<double>& states) const { return held_->compress(states); }
  xt::xarray<double> reconstruct(const ArrayRef<double>& latent) const { return held_->reconstruct(latent); }
  xt::xarray<double> interpolate_to_grid(const ArrayRef<double>& field_coords, const Fields& field_values) const {
    return held_->interpolate_to_grid(field_coords, field_values);
  }
  Fields interpolate_from_grid(const ArrayRef<double>& states, const ArrayRef<double>& new_coords) const {
    return held_->interpolate_from_grid(states, new_coords);
  }

  /// \throws InvalidArgument  also if the compressor inside does not support a grid for each sample
  xt::xarray<double> interpolate_to_grid(const CoordsPerSample& field_coords,
                                         const std::vector<Fields>& field_values) const {
    return held_->interpolate_to_grid(field_coords, field_values);
  }
  std::vector<Fields> interpolate_from_grid(const ArrayRef<double>& states, const CoordsPerSample& new_coords) const {
    return held_->interpolate_from_grid(states, new_coords);
  }

 private:
  struct Interface {
    Interface() = default;
    Interface(const Interface&) = delete;
    Interface& operator=(const Interface&) = delete;
    virtual ~Interface();
    virtual std::unique_ptr<Interface> clone() const = 0;
    virtual const std::type_info& type() const = 0;
    virtual void* address() = 0;
    virtual void compute_map(const ArrayRef<double>& snapshots) = 0;
    virtual void compute_map(const Fields& fields) = 0;
    virtual bool map_exists() const = 0;
    virtual std::size_t latent_size() const = 0;
    virtual std::size_t dof() const = 0;
    virtual LatentRanges estimate_latent_ranges() const = 0;
    virtual xt::xarray<double> compress(const ArrayRef<double>& states) const = 0;
    virtual xt::xarray<double> reconstruct(const ArrayRef<double>& latent) const = 0;
    virtual xt::xarray<double> interpolate_to_grid(const ArrayRef<double>& coords, const Fields& values) const = 0;
    virtual Fields interpolate_from_grid(const ArrayRef<double>& states, const ArrayRef<double>& coords) const = 0;
    virtual xt::xarray<double> interpolate_to_grid(const CoordsPerSample& coords,
                                                   const std::vector<Fields>& values) const = 0;
    virtual std::vector<Fields> interpolate_from_grid(const ArrayRef<double>& states,
                                                      const CoordsPerSample& coords) const = 0;
  };

  template <class C>
  struct Held final : Interface {
    using T = typename C::value_type;
    C compressor;

    explicit Held(C given) : compressor(std::move(given)) {}

    std::unique_ptr<Interface> clone() const override { return std::make_unique<Held>(compressor); }
    const std::type_info& type() const override { return typeid(C); }
    void* address() override { return &compressor; }
    void compute_map(const ArrayRef<double>& snapshots) override {
      if constexpr (requires { compressor.compute_map(snapshots.copy<T>()); })
        compressor.compute_map(array<T>(snapshots));
      else
        throw InvalidArgument("compute_map: this compressor does not learn from snapshots alone");
    }
    void compute_map(const Fields& fields) override {
      if constexpr (requires { compressor.compute_map(converted<T>(fields)); })
        compressor.compute_map(converted<T>(fields));
      else
        throw InvalidArgument("compute_map: this compressor does not learn from fields alone");
    }
    bool map_exists() const override { return compressor.map_exists(); }
    std::size_t latent_size() const override { return compressor.latent_size(); }
    std::size_t dof() const override { return compressor.dof(); }
    LatentRanges estimate_latent_ranges() const override { return compressor.estimate_latent_ranges(); }
    xt::xarray<double> compress(const ArrayRef<double>& states) const override {
      // In double precision where the compressor rounds later.
      if constexpr (!std::same_as<T, double> && requires { compressor.compress(xt::xarray<double>()); })
        return compressor.compress(states.copy());
      else
        return compressor.compress(array<T>(states));
    }
    xt::xarray<double> reconstruct(const ArrayRef<double>& latent) const override {
      return compressor.reconstruct(array<T>(latent));
    }
    xt::xarray<double> interpolate_to_grid(const ArrayRef<double>& coords, const Fields& values) const override {
      return compressor.interpolate_to_grid(array<double>(coords), converted<T>(values));
    }
    Fields interpolate_from_grid(const ArrayRef<double>& states, const ArrayRef<double>& coords) const override {
      return converted<double>(compressor.interpolate_from_grid(array<T>(states), array<double>(coords)));
    }
    xt::xarray<double> interpolate_to_grid(const CoordsPerSample& coords,
                                           const std::vector<Fields>& values) const override {
      std::vector<BasicFields<T>> own;
      for (const Fields& fields : values) own.push_back(converted<T>(fields));
      if constexpr (requires { compressor.interpolate_to_grid(coords, own); })
        return compressor.interpolate_to_grid(coords, own);
      else
        throw InvalidArgument("interpolate_to_grid: this compressor does not support a grid for each sample");
    }
    std::vector<Fields> interpolate_from_grid(const ArrayRef<double>& states,
                                              const CoordsPerSample& coords) const override {
      std::vector<Fields> results;
      if constexpr (requires { compressor.interpolate_from_grid(array<T>(states), coords); }) {
        for (auto& fields : compressor.interpolate_from_grid(array<T>(states), coords))
          results.push_back(converted<double>(std::move(fields)));
        return results;
      } else {
        throw InvalidArgument("interpolate_from_grid: this compressor does not support a grid for each sample");
      }
    }
  };

  /// An array in the scalar of the compressor inside; a view if that is double.
  template <class T>
  static auto array(const ArrayRef<double>& values) {
    if constexpr (std::same_as<T, double>) {
      // In xtensor's own shape type: with std::vector, g++ 14 omits one of its constructors.
      const xt::xarray<double>::shape_type shape(values.shape().begin(), values.shape().end());
      return xt::adapt(values.data(), values.size(), xt::no_ownership(), shape);
    } else {
      return values.copy<T>();
    }
  }

  /// Fields in the scalar `To`; passed through if they are in it already.
  template <class To>
  static const BasicFields<To>& converted(const BasicFields<To>& fields) {
    return fields;
  }
  template <class To>
  static BasicFields<To> converted(BasicFields<To>&& fields) {
    return std::move(fields);
  }
  template <class To, class From>
    requires(!std::same_as<To, From>)
  static BasicFields<To> converted(const BasicFields<From>& fields) {
    BasicFields<To> result;
    for (const auto& [name, values] : fields) result.emplace(name, ArrayRef<From>(values).template copy<To>());
    return result;
  }

  std::unique_ptr<Interface> held_;
};

// Outside the class: inside, it crashes importers with g++ 14.
AnyCompressor::Interface::~Interface() = default;

static_assert(Compressor<AnyCompressor>);

}  // namespace fieldfold
