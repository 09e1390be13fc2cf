module fieldfold.fields.learn;

import fieldfold.base.arrays;
import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.base.parallel;
import fieldfold.fields.normalization;
import fieldfold.fields.options;
import fieldfold.fields.space;
import fieldfold.fields.statistics;
import fieldfold.rows.source;

namespace fieldfold {
namespace {

void check_length(const xt::xarray<double>& weights, std::size_t length, std::string_view what,
                  std::string_view of_what) {
  if (weights.size() != length)
    throw InvalidArgument(message(what, ": expected one for each of the ", length, " ", of_what, ", got ",
                                  shape_text(ArrayRef<double>(weights).shape())));
}

xt::xarray<double> flattened(const xt::xarray<double>& array) {
  xt::xarray<double> result = array;
  result.reshape({array.size()});
  return result;
}

/// The point weights of statistics: those given, or the row sums of the mass matrix.
xt::xarray<double> statistical_weights(const FieldOptions& options, const RowPartition& partition) {
  if (options.point_weights) return flattened(*options.point_weights);
  if (!options.mass) return zeros<double>({0});
  xt::xarray<double> sums = options.mass->row_sums();
  // Row sums need not be positive; points are then unweighted.
  if (partition.all(std::ranges::all_of(sums, [](double sum) { return sum > 0.0; }))) return sums;
  return zeros<double>({0});
}

void check_points(const FieldOptions& options, std::size_t num_pts, const RowPartition& partition) {
  if (options.mass && options.mass->is_distributed() != partition.is_distributed())
    throw InvalidArgument("mass: expected a matrix of the same ranks as the points");
  if (options.point_weights) check_length(*options.point_weights, num_pts, "point_weights", "points");
  if (options.mass && options.mass->num_pts() != num_pts)
    throw InvalidArgument(
        message("mass: expected a matrix for ", num_pts, " points, got one for ", options.mass->num_pts()));
}

/// The parts that follow from the options and the statistics of the fields.
FieldSpaceParts parts_of(const FieldOptions& options, const std::vector<std::string>& fields,
                         const std::vector<FieldStatistics>& statistics) {
  FieldSpaceParts parts{.fields = fields,
                        .transforms = {},
                        .field_weights = std::vector<double>(fields.size(), 1.0),
                        .mass = options.mass,
                        .masked = {}};
  const auto normalizations = normalizations_of(options, fields);
  for (std::size_t field = 0; field < fields.size(); ++field) {
    parts.transforms.push_back(transform_of(normalizations[field], statistics[field], fields[field]));
    const auto weight = options.field_weights.find(fields[field]);
    if (weight != options.field_weights.end()) parts.field_weights[field] = weight->second;
  }
  if (options.point_weights) parts.point_weights = flattened(*options.point_weights);
  return parts;
}

/// Points whose numbers are all masked get the weight 1. \throws InvalidArgument  an invalid weight of another point
void replace_weights_of_masked_points(FieldSpaceParts& parts) {
  const std::size_t qoi = parts.fields.size();
  for (std::size_t point = 0; point < parts.point_weights.size(); ++point) {
    double& weight = parts.point_weights(point);
    const auto own =
        std::span(parts.masked).subspan(parts.masked.empty() ? 0 : point * qoi, parts.masked.empty() ? 0 : qoi);
    if (!own.empty() && std::ranges::find(own, std::uint8_t{0}) == own.end())
      weight = 1.0;
    else if (!(weight > 0.0) || !std::isfinite(weight))
      throw InvalidArgument(
          message("point_weights: expected finite numbers above 0 at points that are not masked, got ", weight,
                  " at index ", point));
  }
}

}  // namespace

FieldSpace fixed_space(const FieldOptions& options, const std::vector<std::string>& fields, std::size_t num_pts) {
  const auto normalizations = normalizations_of(options, fields);
  const bool learns =
      std::ranges::any_of(normalizations, [](const Normalization& field) { return needs_statistics(field.method); });
  if (learns || options.standardize || options.sample_weights || options.mass || options.mask != Mask::none ||
      options.gappy_snapshots != GappySnapshots::drop)
    throw InvalidArgument(
        "field_opts: expected none of standardize, minmax, zscore, sample_weights, mass, mask "
        "and gappy_snapshots, because snapshots that arrive one at a time are not kept");
  check_points(options, num_pts, {});
  return {parts_of(options, fields, std::vector<FieldStatistics>(fields.size())), num_pts};
}

template <class T>
LearnedSpace learn_space(const RowSource<T>& snapshots, const FieldOptions& options,
                         const std::vector<std::string>& fields, const SpaceLearning& learning) {
  const std::size_t qoi = fields.size();
  const std::size_t num_pts = snapshots.rows() / qoi;
  check_points(options, num_pts, learning.partition);
  if (options.sample_weights) check_length(*options.sample_weights, snapshots.cols(), "sample_weights", "snapshots");
  StatisticsRequest request{
      .fields = fields,
      .normalizations = normalizations_of(options, fields),
      .wants_means = options.center || options.standardize,
      .wants_deviations = options.standardize,
      .finds_masked_rows = options.mask == Mask::automatic,
      .mask_share = options.mask_share,
      .keeps_gappy_columns = options.gappy_snapshots == GappySnapshots::fill,
      .column_weights = std::vector<double>(snapshots.cols(), 1.0),
      .point_weights = statistical_weights(options, learning.partition),
      .threads = threads_for(learning.threads, static_cast<double>(snapshots.rows() * snapshots.cols())),
      .partition = learning.partition,
      .progress = learning.progress};
  for (std::size_t j = 0; j < snapshots.cols(); ++j) {
    if (options.sample_weights) request.column_weights[j] = options.sample_weights->data()[j];
    if (learning.leave_out_every > 0 && (j + 1) % learning.leave_out_every == 0) request.column_weights[j] = 0.0;
  }
  const bool learns = request.wants_means || request.finds_masked_rows || request.keeps_gappy_columns ||
                      std::ranges::any_of(request.normalizations, [](const Normalization& field) {
                        return needs_statistics(field.method) || field.method == NormalizationMethod::log10;
                      });
  SnapshotStatistics found = learns ? snapshot_statistics(snapshots, request)
                                    : SnapshotStatistics{.fields = std::vector<FieldStatistics>(qoi)};
  FieldSpaceParts parts = parts_of(options, fields, found.fields);
  parts.is_centered = request.wants_means;
  if (request.wants_means) parts.mean = found.means;
  parts.deviation = std::move(found.deviations);
  parts.masked = found.masked;
  if (options.mask != Mask::none) replace_weights_of_masked_points(parts);
  return {FieldSpace(std::move(parts), num_pts), std::move(found)};
}

template LearnedSpace learn_space(const RowSource<double>&, const FieldOptions&, const std::vector<std::string>&,
                                  const SpaceLearning&);
template LearnedSpace learn_space(const RowSource<float>&, const FieldOptions&, const std::vector<std::string>&,
                                  const SpaceLearning&);

}  // namespace fieldfold
