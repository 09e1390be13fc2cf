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
  constexpr std::size_t most_numbers = std::size_t{1} << 24;
  const std::size_t columns = std::max<std::size_t>(1, cols);
  return std::max({std::size_t{1}, std::min<std::size_t>(256, most_numbers / columns), scattered_numbers / columns});
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

/// Reads lines `[first, first + count)` of a matrix: its rows or its columns, one line a row of the result.
/// \param are_contiguous  whether the file holds each line in one piece
/// \param shape           {lines, numbers in a line} of the whole matrix
template <class T>
MatrixView<const T> read_lines(const NpyFile& file, bool are_contiguous, std::size_t first, std::size_t count,
                               std::array<std::size_t, 2> shape, std::vector<T>& buffer) {
  const auto [lines, length] = shape;
  buffer.resize(count * length);
  if (are_contiguous) {
    file.read(first * length, count * length, buffer.data());
  } else {
    std::vector<T> across(count * length);
    for (std::size_t i = 0; i < length; ++i) file.read(i * lines + first, count, across.data() + i * count);
    transpose_into(MatrixView<const T>{across.data(), length, count}, MatrixView<T>{buffer.data(), count, length});
  }
  return {buffer.data(), count, length};
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
  return read_lines(file_, !file_.header().fortran_order, first, count, {rows(), cols()}, buffer);
}

template <class T>
MatrixView<const T> NpyRows<T>::read_columns(std::size_t first, std::size_t count, std::vector<T>& buffer) const {
  return read_lines(file_, file_.header().fortran_order, first, count, {cols(), rows()}, buffer);
}

template <class T>
NpyFieldRows<T>::NpyFieldRows(const std::vector<NpyField>& files, std::size_t grid_axes) {
  if (files.empty()) throw InvalidArgument("files: expected one for each field, got none");
  Shape first;
  for (const auto& [name, path, components] : files) {
    fields_.push_back({NpyFile(path), components});
    num_qoi_ += components;
    const Shape& given = fields_.back().file.header().shape;
    Shape shape = given;
    if (components > 1 && (shape.empty() || shape.back() != components))
      throw InvalidArgument(message("field ", name, ": expected ", components,
                                    " components on the last axis, got the shape ", shape_text(given)));
    if (components > 1) shape.pop_back();
    if (shape.size() < grid_axes)
      throw InvalidArgument(message("field ", name, ": expected at least the ",
                                    grid_axes == 1 ? "axis of points" : message(grid_axes, " axes of the grid"),
                                    ", got the shape ", shape_text(given)));
    if (fields_.size() == 1) first = shape;
    if (shape != first)
      throw InvalidArgument(message("field ", name, ": expected the shape ", shape_text(first), " of the field ",
                                    files.front().name, ", got ", shape_text(shape)));
  }
  const auto grid = first.end() - static_cast<std::ptrdiff_t>(grid_axes);
  loop_shape_.assign(first.begin(), grid);
  grid_shape_.assign(grid, first.end());
  sample_order_ = fortran_order(loop_shape_);
  if (grid_axes < 2) return;
  const auto points = fortran_order(grid_shape_);
  point_places_.resize(points.size());
  for (std::size_t place = 0; place < points.size(); ++place) point_places_[points[place]] = place;
}

template <class T>
std::size_t NpyFieldRows<T>::block_rows() const {
  return scattered_rows(cols());
}

template <class T>
void NpyFieldRows<T>::read_field(const Field& field, std::size_t first, std::span<const MatrixView<T>> parts) const {
  const auto& [file, components] = field;
  const std::size_t num_pts = size_of(grid_shape_);
  const std::size_t samples = cols();
  const std::size_t points = parts.front().rows;
  std::vector<T> lines;
  if (!file.header().fortran_order) {
    // The numbers of a sample lie together. Samples are read in blocks, which stay in the cache.
    const std::size_t length = points * components;
    const std::size_t block =
        std::clamp<std::size_t>((std::size_t{1} << 18) / std::max<std::size_t>(1, length), 16, samples + 16);
    lines.resize(std::min(block, samples) * length);
    for (std::size_t start = 0; start < samples; start += block) {
      const std::size_t count = std::min(block, samples - start);
      for (std::size_t j = 0; j < count; ++j)
        file.read(((start + j) * num_pts + first) * components, length, lines.data() + j * length);
      if (components == 1) {
        transpose_into(MatrixView<const T>{lines.data(), count, points},
                       MatrixView<T>{parts.front().data + start, points, count, parts.front().stride});
        continue;
      }
      for (std::size_t k = 0; k < components; ++k)
        for (std::size_t i = 0; i < points; ++i)
          for (std::size_t j = 0; j < count; ++j) parts[k](i, start + j) = lines[j * length + i * components + k];
    }
    return;
  }
  lines.resize(points * samples);
  for (std::size_t k = 0; k < components; ++k) {
    // The samples of a point lie together.
    if (point_places_.empty())
      file.read((k * num_pts + first) * samples, points * samples, lines.data());
    else
      for (std::size_t i = 0; i < points; ++i)
        file.read((k * num_pts + point_places_[first + i]) * samples, samples, lines.data() + i * samples);
    for (std::size_t i = 0; i < points; ++i)
      for (std::size_t j = 0; j < samples; ++j) parts[k](i, sample_order_[j]) = lines[i * samples + j];
  }
}

template <class T>
MatrixView<const T> NpyFieldRows<T>::read(std::size_t first, std::size_t count, std::vector<T>& buffer) const {
  const std::size_t first_point = first / num_qoi_;
  const std::size_t points = count == 0 ? 0 : (first + count - 1) / num_qoi_ + 1 - first_point;
  buffer.resize(points * num_qoi_ * cols());
  const MatrixView<T> block{buffer.data(), points * num_qoi_, cols()};
  std::size_t qoi = 0;
  for (const Field& field : fields_) {
    std::vector<MatrixView<T>> parts;
    parts.reserve(field.components);
    for (std::size_t k = 0; k < field.components; ++k) parts.push_back(every(num_qoi_, qoi++, block));
    if (points > 0) read_field(field, first_point, parts);
  }
  return {block.row(first - first_point * num_qoi_).data(), count, cols()};
}

template <class T>
bool NpyFieldRows<T>::reads_columns() const {
  return !std::ranges::any_of(fields_, [](const Field& field) { return field.file.header().fortran_order; });
}

template <class T>
MatrixView<const T> NpyFieldRows<T>::read_columns(std::size_t first, std::size_t count, std::vector<T>& buffer) const {
  if (!reads_columns()) return RowSource<T>::read_columns(first, count, buffer);
  const std::size_t num_pts = size_of(grid_shape_);
  buffer.resize(count * rows());
  if (num_qoi_ == fields_.front().components) {
    fields_.front().file.read(first * rows(), count * rows(), buffer.data());
    return {buffer.data(), count, rows()};
  }
  std::vector<T> own;
  std::size_t qoi = 0;
  for (const auto& [file, components] : fields_) {
    const std::size_t length = num_pts * components;
    own.resize(count * length);
    file.read(first * length, count * length, own.data());
    for (std::size_t j = 0; j < count; ++j)
      for (std::size_t p = 0; p < num_pts; ++p)
        for (std::size_t k = 0; k < components; ++k)
          buffer[j * rows() + p * num_qoi_ + qoi + k] = own[j * length + p * components + k];
    qoi += components;
  }
  return {buffer.data(), count, rows()};
}

template class NpyRows<double>;
template class NpyRows<float>;
template class NpyFieldRows<double>;
template class NpyFieldRows<float>;

}  // namespace fieldfold
