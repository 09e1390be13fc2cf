#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <nlohmann/json.hpp>

#include "../terminal/progress.hpp"

// This imports fieldfold; g++ includes nothing after it.
#include "files.hpp"

import fieldfold;
import fieldfold.base.io;
import fieldfold.formats;

namespace fieldfold::cli {
namespace {

std::vector<std::filesystem::path> inputs;
std::vector<std::filesystem::path> outputs;

/// Whether two paths lead to one file, which may not exist yet.
bool are_same(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::error_code failure;
  if (std::filesystem::exists(a, failure) && std::filesystem::exists(b, failure))
    return std::filesystem::equivalent(a, b, failure);
  return std::filesystem::weakly_canonical(a, failure) == std::filesystem::weakly_canonical(b, failure);
}

}  // namespace

void note_input(const std::filesystem::path& path) { inputs.push_back(path); }

Address input_address(std::string_view text) {
  Address address = address_of(text);
  for (const auto& path : files_of(address)) inputs.push_back(path);
  return address;
}

xt::xarray<double> load_input(std::string_view text) {
  input_address(text);
  return load_array(text);
}

Grid load_input_grid(std::string_view text) {
  input_address(text);
  return load_grid(text);
}

void note_output(const std::filesystem::path& path) {
  const auto is_path = [&](const std::filesystem::path& other) { return are_same(path, other); };
  if (std::ranges::any_of(inputs, is_path))
    throw InvalidArgument(message(path.string(), ": expected another file to write: the command reads this one"));
  if (std::ranges::any_of(outputs, is_path))
    throw InvalidArgument(
        message(path.string(), ": expected another file to write: the command writes this one twice"));
  outputs.push_back(path);
}

void expect_map_name(const std::filesystem::path& path) {
  if (format_of(path) != nullptr)
    throw InvalidArgument(message("--output: expected a file for a map, such as map.fold, got ", path.string(),
                                  ", which is named as a file of fields"));
}

nlohmann::ordered_json facts_of(const std::filesystem::path& path, const FieldSet& set) {
  const std::size_t samples = check_fields(set);
  auto names = nlohmann::ordered_json::array();
  for (const NamedField& field : set.fields) names.push_back(field.name);
  return {{"output", path.string()},
          {"fields", std::move(names)},
          {"num_samples", samples},
          {"num_pts", set.fields.front().values.size() / std::max<std::size_t>(1, samples)},
          {"num_files", files_of(path, set).size()}};
}

std::string line_of(const std::filesystem::path& path, const FieldSet& set) {
  const std::size_t samples = check_fields(set);
  const std::size_t files = files_of(path, set).size();
  std::vector<std::string> names;
  for (const NamedField& field : set.fields) names.push_back(field.name);
  constexpr std::size_t most = 8;
  const std::size_t more = names.size() > most ? names.size() - most : 0;
  if (more > 0) names.resize(most);
  return message(escaped_name(path.string()), ": ", escaped_name(listing(names)),
                 more > 0 ? message(" and ", more, " more") : std::string(), " at ",
                 set.fields.front().values.size() / std::max<std::size_t>(1, samples), " points",
                 set.loop_axes > 0 ? message(", ", samples, samples == 1 ? " sample" : " samples") : std::string(),
                 files > 1 ? message(", in ", files, " files") : std::string());
}

void write_output(const std::filesystem::path& path, const FieldSet& set) {
  for (const auto& file : files_of(path, set)) note_output(file);
  const NotedSignals noted;
  write_fields(path, set);
}

void write_output(const std::filesystem::path& path, std::string_view bytes) {
  note_output(path);
  const NotedSignals noted;
  write_file(path, [&](std::ostream& out) { out.write(bytes.data(), static_cast<std::streamsize>(bytes.size())); });
}

template <class T>
void save_output(std::string_view text, const xt::xarray<T>& array, std::string_view name) {
  note_output(file_of(text));
  const NotedSignals noted;
  save_array<T>(text, array, name);
}

template void save_output(std::string_view, const xt::xarray<double>&, std::string_view);
template void save_output(std::string_view, const xt::xarray<float>&, std::string_view);

}  // namespace fieldfold::cli
