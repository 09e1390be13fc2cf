// Arrays in .npy files, read as a whole and by rows.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "input_file.hpp"

import fieldfold;

namespace {

/// Errors that a file may cause; others, and crashes, are findings.
template <class Action>
void attempt(const Action& action) try {
  action();
} catch (const fieldfold::FileError&) {
} catch (const fieldfold::InvalidArgument&) {
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const InputFile input({reinterpret_cast<const char*>(data), size});
  attempt([&] { fieldfold::load_npy<double>(input.path()); });
  attempt([&] { fieldfold::load_npy<float>(input.path()); });
  attempt([&] {
    const fieldfold::NpyRows<double> rows(input.path());
    std::vector<double> buffer;
    if (rows.rows() > 0) rows.read(rows.rows() - 1, 1, buffer);
    if (rows.cols() > 0) rows.read_columns(rows.cols() - 1, 1, buffer);
  });
  attempt([&] {
    const auto array = std::make_shared<fieldfold::NpyArray>(input.path());
    const fieldfold::StoredFieldRows rows({{"u", array}, {"v", array, 2}}, 1);
    std::vector<double> buffer;
    if (rows.rows() > 0) rows.read(rows.rows() - 1, 1, buffer);
    if (rows.cols() > 0) rows.read_columns(rows.cols() - 1, 1, buffer);
  });
  return 0;
}
