#pragma once

// Options that several commands have.

#include <set>
#include <string>

#include <CLI/CLI.hpp>

// This imports fieldfold; g++ includes nothing after it.
#include "commands.hpp"

namespace fieldfold::cli {

/// The group of `add_interpolation` in the help of a command.
constexpr auto interpolation_group = "Interpolation";

/// Whole numbers, from 0 or from 1 on.
CLI::Validator not_negative();
CLI::Validator positive();

/// A command with the options of every command.
CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& description,
                      const std::string& example);

/// `--field NAME=FILE`, any number of times, and `--components`.
CLI::Option* add_field_files(CLI::App& command, FieldFiles& fields);
/// `DATA...`: files with fields of their own names.
CLI::Option* add_data_files(CLI::App& command, FieldFiles& fields);

void add_interpolation(CLI::App& command, InterpolationArguments& arguments);
/// The interpolation options that were given, without dashes.
std::set<std::string> given_interpolation(const CLI::App& command);

/// Options of the space of fields.
void add_space(CLI::App& command, FieldArguments& arguments);

/// The rank by number, energy or error.
void add_rank_rule(CLI::App& command, RankRule& rule);

/// What a picture shows of a grid in space.
void add_view(CLI::App& command, ViewArguments& view);

}  // namespace fieldfold::cli
