module fieldfold.rows.stored;

import fieldfold.base.arrays;
import fieldfold.base.diagnostics;
import fieldfold.base.io;
import fieldfold.base.memory;
import fieldfold.linalg.dense;
import fieldfold.rows.source;

namespace fieldfold {
namespace {

struct Receiver {
  std::mutex guard;
  FileProgress progress;
};

Receiver& receiver() {
  static Receiver only;
  return only;
}

/// The number of indices from an axis on.
std::size_t size_from(const Shape& shape, std::size_t axis) {
  return size_of(Shape(shape.begin() + static_cast<std::ptrdiff_t>(axis), shape.end()));
}

/// A box of indices of some axes that follow each other in C order.
struct Box {
  Shape first;
  Shape count;
};

/// Splits the indices `[first, first + count)` of a shape, counted in C order, into boxes, in order.
std::vector<Box> boxes_of(const Shape& shape, std::size_t first, std::size_t count) {
  if (shape.empty()) return {{{}, {}}};
  std::vector<Box> boxes;
  for (std::size_t done = 0; done < count;) {
    // The box covers all indices of the last axes, as many of one axis before them, and one of each before that.
    std::size_t axis = shape.size() - 1;
    std::size_t stride = 1;
    while (axis > 0 && (first + done) % (stride * shape[axis]) == 0 && count - done >= stride * shape[axis])
      stride *= shape[axis--];
    const std::size_t start = (first + done) / stride % shape[axis];
    const std::size_t length = std::min(shape[axis] - start, (count - done) / stride);
    Box box{Shape(shape.size(), 0), shape};
    for (std::size_t before = 0; before <= axis; ++before) {
      box.first[before] = (first + done) / size_from(shape, before + 1) % shape[before];
      box.count[before] = before == axis ? length : 1;
    }
    boxes.push_back(std::move(box));
    done += length * stride;
  }
  return boxes;
}

/// All columns of some rows of an array with one loop axis.
ArrayPart whole_rows(const StoredArray& array, std::size_t loop_axes, std::size_t first, std::size_t count) {
  return {loop_axes, first, count, 0, size_from(array.shape(), loop_axes)};
}

}  // namespace

std::size_t scattered_rows(std::size_t cols) {
  constexpr std::size_t scattered_numbers = std::size_t{1} << 22;
  constexpr std::size_t most_numbers = std::size_t{1} << 24;
  const std::size_t columns = std::max<std::size_t>(1, cols);
  return std::max({std::size_t{1}, std::min<std::size_t>(256, most_numbers / columns), scattered_numbers / columns});
}

FileProgress set_file_progress(FileProgress progress) {
  const std::scoped_lock lock(receiver().guard);
  return std::exchange(receiver().progress, std::move(progress));
}

void note_file_progress(std::string_view phase, std::size_t done, std::size_t all) {
  const std::scoped_lock lock(receiver().guard);
  if (receiver().progress) receiver().progress(phase, static_cast<double>(done) / static_cast<double>(all));
}

void expect_countable(const Shape& shape, std::string_view name) {
  // In bytes, and with axes of 0 as if they had one entry.
  std::size_t left = std::numeric_limits<std::size_t>::max() / 16;
  for (const std::size_t length : shape) {
    if (length > left) throw FileError(message(name, ": expected fewer numbers, got the shape ", shape_text(shape)));
    left /= std::max<std::size_t>(1, length);
  }
}

StoredArray::~StoredArray() = default;

void StoredArray::read_transposed(const ArrayPart& part, MatrixView<double> numbers) const {
  // Rows are read in blocks, which stay in the cache.
  const std::size_t block =
      std::clamp<std::size_t>((std::size_t{1} << 18) / std::max<std::size_t>(1, part.cols), 16, part.rows + 16);
  std::vector<double> lines(std::min(block, part.rows) * part.cols);
  for (std::size_t start = 0; start < part.rows; start += block) {
    ArrayPart own = part;
    own.first_row += start;
    own.rows = std::min(block, part.rows - start);
    read(own, lines.data());
    transpose_into(MatrixView<const double>{lines.data(), own.rows, part.cols},
                   MatrixView<double>{numbers.data + start, part.cols, own.rows, numbers.stride});
  }
}

void SequentialArray::read(const ArrayPart& part, double* numbers) const {
  const std::size_t length = size_from(shape(), part.loop_axes);
  if (part.cols == length) return read_numbers(part.first_row * length, part.rows * length, numbers);
  for (std::size_t i = 0; i < part.rows; ++i)
    read_numbers((part.first_row + i) * length + part.first_col, part.cols, numbers + i * part.cols);
}

void BoxedArray::read(const ArrayPart& part, double* numbers) const {
  if (part.rows == 0 || part.cols == 0) return;
  const auto split = shape().begin() + static_cast<std::ptrdiff_t>(part.loop_axes);
  const auto row_boxes = boxes_of(Shape(shape().begin(), split), part.first_row, part.rows);
  const auto col_boxes = boxes_of(Shape(split, shape().end()), part.first_col, part.cols);
  std::vector<double> own;
  std::size_t row = 0;
  for (const Box& rows : row_boxes) {
    const std::size_t num_rows = size_of(rows.count);
    std::size_t col = 0;
    for (const Box& cols : col_boxes) {
      const std::size_t num_cols = size_of(cols.count);
      const bool is_contiguous = num_cols == part.cols || num_rows == 1;
      double* const place = numbers + row * part.cols + col;
      if (!is_contiguous) own.resize(num_rows * num_cols);
      read_box(joined(rows.first, cols.first), joined(rows.count, cols.count), is_contiguous ? place : own.data());
      if (!is_contiguous)
        for (std::size_t i = 0; i < num_rows; ++i)
          std::copy_n(own.data() + i * num_cols, num_cols, place + i * part.cols);
      col += num_cols;
    }
    row += num_rows;
  }
}

MemoryArray::MemoryArray(xt::xarray<double> array)
    : SequentialArray(Shape(array.shape().begin(), array.shape().end())), array_(std::move(array)) {}

void MemoryArray::read_numbers(std::size_t first, std::size_t count, double* numbers) const {
  std::copy_n(array_.data() + first, count, numbers);
}

ScratchArray::ScratchArray(Shape shape) : SequentialArray(std::move(shape)) {
  constexpr std::size_t most_in_memory = std::size_t{1} << 23;
  if (size_of(this->shape()) > most_in_memory)
    file_.emplace(RandomAccessFile::without_name(std::filesystem::temp_directory_path()));
  else
    memory_.resize(size_of(this->shape()));
}

void ScratchArray::append(std::span<const double> numbers) {
  if (file_)
    file_->write(written_ * sizeof(double), numbers.data(), numbers.size_bytes());
  else
    std::ranges::copy(numbers, memory_.begin() + static_cast<std::ptrdiff_t>(written_));
  written_ += numbers.size();
}

void ScratchArray::read_numbers(std::size_t first, std::size_t count, double* numbers) const {
  if (file_)
    file_->read(first * sizeof(double), numbers, count * sizeof(double));
  else
    std::copy_n(memory_.data() + first, count, numbers);
}

std::shared_ptr<const ScratchArray> scratch_copy(const StoredArray& array) {
  constexpr std::size_t most_numbers = std::size_t{1} << 25;
  auto copy = make_shared<ScratchArray>(array.shape());
  const std::size_t loop_axes = array.shape().empty() ? 0 : 1;
  const std::size_t rows = loop_axes == 0 ? 1 : array.shape().front();
  const std::size_t length = size_from(array.shape(), loop_axes);
  const std::size_t block = std::max<std::size_t>(1, most_numbers / std::max<std::size_t>(1, length));
  std::vector<double> numbers;
  for (std::size_t row = 0; row < rows; row += block) {
    const std::size_t count = std::min(block, rows - row);
    numbers.resize(count * length);
    array.read(whole_rows(array, loop_axes, row, count), numbers.data());
    copy->append(numbers);
  }
  return copy;
}

xt::xarray<double> load_array(const StoredArray& array) {
  const std::size_t size = size_of(array.shape());
  if (size > available_memory() / sizeof(double))
    throw FileError(message("expected an array that fits the memory, got ", bytes_text(size * sizeof(double)),
                            ", the shape ", shape_text(array.shape())));
  auto result = xt::xarray<double>::from_shape(array.shape());
  if (size == 0) return result;
  // In parts, so that progress can be told.
  constexpr std::size_t most_numbers = std::size_t{1} << 23;
  const std::size_t loop_axes = array.shape().empty() ? 0 : 1;
  const std::size_t rows = loop_axes == 0 ? 1 : array.shape().front();
  const std::size_t length = size / rows;
  const std::size_t block = std::max<std::size_t>(1, most_numbers / length);
  for (std::size_t row = 0; row < rows; row += block) {
    const std::size_t count = std::min(block, rows - row);
    array.read(whole_rows(array, loop_axes, row, count), result.data() + row * length);
    if (rows > block) note_file_progress("reading", row + count, rows);
  }
  return result;
}

StoredMatrixRows::StoredMatrixRows(std::shared_ptr<const StoredArray> array, std::string_view name)
    : array_(std::move(array)) {
  if (array_->shape().size() != 2)
    throw InvalidArgument(
        message(name, ": expected snapshots of the shape (dof, num_samples), got ", shape_text(array_->shape())));
}

std::size_t StoredMatrixRows::block_rows() const {
  return array_->is_fortran_order() ? scattered_rows(cols()) : RowSource<double>::block_rows();
}

MatrixView<const double> StoredMatrixRows::read(std::size_t first, std::size_t count,
                                                std::vector<double>& buffer) const {
  buffer.resize(count * cols());
  array_->read(whole_rows(*array_, 1, first, count), buffer.data());
  return {buffer.data(), count, cols()};
}

MatrixView<const double> StoredMatrixRows::read_columns(std::size_t first, std::size_t count,
                                                        std::vector<double>& buffer) const {
  buffer.resize(count * rows());
  const MatrixView<double> columns{buffer.data(), count, rows()};
  array_->read_transposed({1, 0, rows(), first, count}, columns);
  return readable(columns);
}

StoredFieldRows::StoredFieldRows(std::vector<StoredField> fields, std::size_t grid_axes) : fields_(std::move(fields)) {
  if (fields_.empty()) throw InvalidArgument("fields: expected at least one, got none");
  Shape first;
  for (const auto& [name, array, components] : fields_) {
    num_qoi_ += components;
    const Shape& given = array->shape();
    Shape shape = given;
    if (components > 1 && (shape.empty() || shape.back() != components))
      throw InvalidArgument(message("field ", name, ": expected ", components,
                                    " components on the last axis, got the shape ", shape_text(given)));
    if (components > 1) shape.pop_back();
    if (shape.size() < grid_axes)
      throw InvalidArgument(message("field ", name, ": expected at least the ",
                                    grid_axes == 1 ? "axis of points" : message(grid_axes, " axes of the grid"),
                                    ", got the shape ", shape_text(given)));
    if (&array == &fields_.front().array) first = shape;
    if (shape != first)
      throw InvalidArgument(message(
          "field ", name, ": expected the shape ", shape_text(first), " of the field ", fields_.front().name, ", got ",
          shape_text(shape),
          shape.size() == first.size() + 1 ? "; a vector field needs the number of components on its last axis" : ""));
  }
  const auto grid = first.end() - static_cast<std::ptrdiff_t>(grid_axes);
  loop_shape_.assign(first.begin(), grid);
  grid_shape_.assign(grid, first.end());
}

std::size_t StoredFieldRows::block_rows() const { return scattered_rows(cols()); }

MatrixView<const double> StoredFieldRows::read(std::size_t first, std::size_t count,
                                               std::vector<double>& buffer) const {
  const std::size_t first_point = first / num_qoi_;
  const std::size_t points = count == 0 ? 0 : (first + count - 1) / num_qoi_ + 1 - first_point;
  buffer.resize(points * num_qoi_ * cols());
  const MatrixView<double> block{buffer.data(), points * num_qoi_, cols()};
  std::vector<double> own;
  std::size_t qoi = 0;
  for (const auto& [name, array, components] : fields_) {
    if (points == 0) break;
    const ArrayPart part{loop_shape_.size(), 0, cols(), first_point * components, points * components};
    if (components == num_qoi_) {
      array->read_transposed(part, block);
    } else if (components == 1) {
      array->read_transposed(part, every(num_qoi_, qoi, block));
    } else {
      own.resize(part.cols * part.rows);
      const MatrixView<double> rows{own.data(), part.cols, part.rows};
      array->read_transposed(part, rows);
      for (std::size_t i = 0; i < points; ++i)
        for (std::size_t k = 0; k < components; ++k)
          std::ranges::copy(rows.row(i * components + k), block.row(i * num_qoi_ + qoi + k).begin());
    }
    qoi += components;
  }
  return {block.row(first - first_point * num_qoi_).data(), count, cols()};
}

bool StoredFieldRows::reads_columns() const {
  return !std::ranges::any_of(fields_, [](const StoredField& field) { return field.array->is_fortran_order(); });
}

MatrixView<const double> StoredFieldRows::read_columns(std::size_t first, std::size_t count,
                                                       std::vector<double>& buffer) const {
  if (!reads_columns()) return RowSource<double>::read_columns(first, count, buffer);
  const std::size_t num_pts = size_of(grid_shape_);
  buffer.resize(count * rows());
  std::vector<double> own;
  std::size_t qoi = 0;
  for (const auto& [name, array, components] : fields_) {
    const ArrayPart part = whole_rows(*array, loop_shape_.size(), first, count);
    if (components == num_qoi_) {
      array->read(part, buffer.data());
      break;
    }
    own.resize(part.rows * part.cols);
    array->read(part, own.data());
    for (std::size_t j = 0; j < count; ++j)
      for (std::size_t p = 0; p < num_pts; ++p)
        for (std::size_t k = 0; k < components; ++k)
          buffer[j * rows() + p * num_qoi_ + qoi + k] = own[j * part.cols + p * components + k];
    qoi += components;
  }
  return {buffer.data(), count, rows()};
}

}  // namespace fieldfold
