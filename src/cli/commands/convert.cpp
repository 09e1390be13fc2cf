#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "../terminal/progress.hpp"
#include "../terminal/session.hpp"

// These import fieldfold; g++ includes nothing after it.
#include "../commands.hpp"
#include "../input/field_files.hpp"
#include "../input/files.hpp"

import fieldfold;
import fieldfold.formats;

namespace fieldfold::cli {
namespace {

/// The number of leading axes of samples, where a file does not say: those that the grid does not have.
std::size_t loop_axes_of(const GivenFields& given) {
  if (given.loop_axes) return *given.loop_axes;
  const StoredField& first = given.arrays.front();
  const std::size_t axes = first.array->shape().size() - (first.components > 1 ? 1 : 0);
  const std::size_t grid_axes = grid_axes_of(given, std::nullopt, given.grid.coords);
  return axes > grid_axes ? axes - grid_axes : 0;
}

}  // namespace

void convert(const ConvertArguments& arguments) {
  const Ticker ticker("converting");
  GivenFields given = open_fields({.files = {}, .addresses = {arguments.source}, .components = {}}, arguments.fields);
  // One array to a file of arrays has any shape.
  const bool is_array = given.arrays.size() == 1 && given.arrays.front().components == 1 && !given.grid.coords;
  const std::string& output = arguments.output;
  const bool is_npy = output.ends_with(".npy");
  const bool is_table = output.ends_with(".csv") || output.ends_with(".tsv") || output.ends_with(".txt");
  const bool takes_any_shape = is_array && (is_npy || is_table || output.find(':') != std::string::npos);
  if (takes_any_shape || (is_npy && given.names.size() == 1)) {
    save_output<double>(output, load_fields(given).begin()->second, given.names.front());
    conclude({{"output", output}, {"fields", given.names}},
             escaped_name(output) + ": " + escaped_name(given.names.front()));
    return;
  }
  const std::size_t loop_axes = loop_axes_of(given);
  auto set = field_set(given.names, load_fields(given), loop_axes, given.units, std::move(given.grid));
  set.times = std::move(given.times);
  write_output(output, set);
  conclude(facts_of(output, set), line_of(output, set));
}

}  // namespace fieldfold::cli
