module fieldfold.files.operators;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.io;
import fieldfold.files.archive;
import fieldfold.interpolation.operators;
import fieldfold.linalg.sparse;

namespace fieldfold {
namespace {

/// The order of the parts of an operator: sparse weights, or dense ones.
template <class Archive, class Lengths, class Mark, class Sparse, class Dense>
void describe_operator(Archive& archive, Lengths& query_shape, Mark& is_sparse, Sparse& sparse, Dense& dense) {
  archive.list(query_shape, [&](auto& length) { archive.count(length); });
  archive.mark(is_sparse);
  if (!is_sparse) return archive(dense);
  archive.count(sparse.cols);
  archive.numbers(sparse.offsets);
  archive.numbers(sparse.columns);
  archive.numbers(sparse.weights);
  archive.numbers(sparse.order);
}

}  // namespace

void save(const std::filesystem::path& path, const InterpolationOperator& interpolation) {
  if (interpolation.communicator())
    throw InvalidArgument("operator: expected one of one process, because operators on ranks are not saved");
  write_file(path, [&](std::ostream& file) {
    write_framed(file, operator_content, sizeof(double), [&](Writer& writer) {
      const auto* const sparse = std::get_if<SparseRows>(&interpolation.weights());
      const auto* const dense = std::get_if<xt::xarray<double>>(&interpolation.weights());
      const bool is_sparse = sparse != nullptr;
      const SparseRows no_rows;
      const xt::xarray<double> no_matrix;
      describe_operator(writer, interpolation.query_shape(), is_sparse, is_sparse ? *sparse : no_rows,
                        is_sparse ? no_matrix : *dense);
    });
  });
}

InterpolationOperator load_operator(const std::filesystem::path& path) {
  std::optional<InterpolationOperator> interpolation;
  read_framed(path, [&](Reader& reader, std::uint32_t kind, std::uint32_t) {
    if (kind != operator_content) throw FileError("it does not hold an interpolation operator");
    Shape query_shape;
    bool is_sparse = false;
    SparseRows sparse;
    xt::xarray<double> dense;
    describe_operator(reader, query_shape, is_sparse, sparse, dense);
    if (is_sparse)
      interpolation.emplace(std::move(sparse), std::move(query_shape));
    else
      interpolation.emplace(std::move(dense), std::move(query_shape));
  });
  return std::move(*interpolation);
}

}  // namespace fieldfold
