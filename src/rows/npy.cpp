module fieldfold.rows.npy;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.npy;
import fieldfold.linalg.dense;
import fieldfold.rows.source;

namespace fieldfold {
namespace {

/// The number of entries in a block that is scattered over a file, so that its pieces are long.
constexpr std::size_t scattered_numbers = std::size_t{1} << 22;

std::size_t scattered_rows(std::size_t cols) {
  return std::max<std::size_t>(256, scattered_numbers / std::max<std::size_t>(1, cols));
}

/// Reads a part `(points, samples)` of an array on disk with contiguous points or contiguous samples.
/// \param order  the sample at each place of contiguous samples; empty: in order
template <class T>
void read_part(const NpyFile& file, bool samples_together, const std::vector<std::size_t>& order, std::size_t num_pts,
               std::size_t samples, std::size_t first, MatrixView<T> part) {
  if (samples_together && order.empty() && part.stride == samples)
    return file.read(first * samples, part.rows * samples, part.data);
  std::vector<T> lines(part.rows * samples);
  if (samples_together) {
    file.read(first * samples, part.rows * samples, lines.data());
    for (std::size_t i = 0; i < part.rows; ++i)
      for (std::size_t j = 0; j < samples; ++j) part(i, order.empty() ? j : order[j]) = lines[i * samples + j];
    return;
  }
  for (std::size_t j = 0; j < samples; ++j) file.read(j * num_pts + first, part.rows, lines.data() + j * part.rows);
  transpose_into(MatrixView<const T>{lines.data(), samples, part.rows}, part);
}

/// The positions in C order of the indices of a loop shape, listed in Fortran order.
std::vector<std::size_t> fortran_order(const Shape& loop_shape) {
  std::vector<std::size_t> order(size_of(loop_shape));
  for (std::size_t place = 0; place < order.size(); ++place) {
    std::size_t rest = place;
    std::size_t weight = order.size();
    for (const std::size_t length : loop_shape) {
      weight /= length;
      order[place] += rest % length * weight;
      rest /= length;
    }
  }
  return order;
}

}  // namespace

template <class T>
NpyRows<T>::NpyRows(const std::filesystem::path& path) : file_(path) {
  if (file_.header().shape.size() != 2)
    throw InvalidArgument(message(path.string(), ": expected snapshots of the shape (dof, num_samples), got ",
                                  shape_text(file_.header().shape)));
}

template <class T>
std::size_t NpyRows<T>::block_rows() const {
  return file_.header().fortran_order ? scattered_rows(cols()) : RowSource<T>::block_rows();
}

template <class T>
MatrixView<const T> NpyRows<T>::read(std::size_t first, std::size_t count, std::vector<T>& buffer) const {
  buffer.resize(count * cols());
  const MatrixView<T> block{buffer.data(), count, cols()};
  read_part(file_, !file_.header().fortran_order, {}, rows(), cols(), first, block);
  return readable(block);
}

template <class T>
NpyFieldRows<T>::NpyFieldRows(const std::vector<std::pair<std::string, std::filesystem::path>>& files) {
  if (files.empty()) throw InvalidArgument("files: expected one for each field, got none");
  for (const auto& [name, path] : files) {
    fields_.emplace_back(path);
    const Shape& shape = fields_.back().header().shape;
    const Shape& first = fields_.front().header().shape;
    if (shape.empty())
      throw InvalidArgument(message("field ", name, ": expected the shape (*loop_shape, num_pts), got ()"));
    if (shape != first)
      throw InvalidArgument(message("field ", name, ": expected the shape ", shape_text(first), " of the field ",
                                    files.front().first, ", got ", shape_text(shape)));
  }
  const Shape& shape = fields_.front().header().shape;
  num_pts_ = shape.back();
  const Shape loop_shape(shape.begin(), shape.end() - 1);
  samples_ = size_of(loop_shape);
  fortran_order_ = fortran_order(loop_shape);
}

template <class T>
std::size_t NpyFieldRows<T>::block_rows() const {
  return scattered_rows(cols());
}

template <class T>
MatrixView<const T> NpyFieldRows<T>::read(std::size_t first, std::size_t count, std::vector<T>& buffer) const {
  const std::size_t num_qoi = fields_.size();
  const std::size_t first_point = first / num_qoi;
  const std::size_t points = count == 0 ? 0 : (first + count - 1) / num_qoi + 1 - first_point;
  buffer.resize(points * num_qoi * samples_);
  const MatrixView<T> block{buffer.data(), points * num_qoi, samples_};
  for (std::size_t qoi = 0; qoi < num_qoi; ++qoi)
    read_part(fields_[qoi], fields_[qoi].header().fortran_order, fortran_order_, num_pts_, samples_, first_point,
              every(num_qoi, qoi, block));
  return {block.row(first - first_point * num_qoi).data(), count, samples_};
}

template class NpyRows<double>;
template class NpyRows<float>;
template class NpyFieldRows<double>;
template class NpyFieldRows<float>;

}  // namespace fieldfold
