#pragma once

// The files that a command reads and writes. It writes to none of those that it reads, and to none twice.

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

import fieldfold;
import fieldfold.formats;

namespace fieldfold::cli {

/// Notes a file that is read.
void note_input(const std::filesystem::path& path);

/// Parses an address to read from, and notes its files.
Address input_address(std::string_view text);

/// Loads an array, or a grid, as `load_array` and `load_grid` do, and notes its files.
xt::xarray<double> load_input(std::string_view text);
Grid load_input_grid(std::string_view text);

/// \throws InvalidArgument  a path that is named as a file of fields
void expect_map_name(const std::filesystem::path& path);

/// Notes a file that will be written. \throws InvalidArgument  it is read, or has been noted to be written
void note_output(const std::filesystem::path& path);

/// What fields were written, for people and as facts.
std::string line_of(const std::filesystem::path& path, const FieldSet& set);
nlohmann::ordered_json facts_of(const std::filesystem::path& path, const FieldSet& set);

/// Writes fields, an array, or bytes, as `write_fields`, `save_array` and `write_file` do. A signal takes effect when
/// no file is half written. \throws InvalidArgument  also a file that is read, or that has been written
void write_output(const std::filesystem::path& path, const FieldSet& set);
void write_output(const std::filesystem::path& path, std::string_view bytes);
template <class T>
void save_output(std::string_view text, const xt::xarray<T>& array, std::string_view name);

}  // namespace fieldfold::cli
