#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

import fieldfold;

/// The commands of the program, as functions of their options. They throw as the library does.
namespace fieldfold::cli {

/// A field and the address of its values, `(*loop_shape, *grid_shape)`: a file, and a name in it.
struct FieldFile {
  std::string name;
  std::string address;
};

/// Fields in files.
struct FieldFiles {
  std::vector<FieldFile> files;
  std::vector<std::string> addresses;   ///< files with fields of their own names
  std::vector<std::string> components;  ///< `COUNT` or `NAME=COUNT`: numbers of components on the last axis

  bool empty() const { return files.empty() && addresses.empty(); }
};

/// Interpolation options of the command line.
struct InterpolationArguments {
  std::string interpolate_method = "rbf";
  std::string kernel = "thin_plate_spline";
  std::optional<double> epsilon;
  std::optional<int> degree;
  std::string smoothing = "0";  ///< a number, or a file `(num_pts,)`
  std::optional<std::size_t> neighbors;
  std::string rbf_method = "direct";
  std::optional<std::size_t> cluster_size;
  std::optional<double> overlap;
  bool allow_lower_degree = false;
  bool merge_duplicates = false;
  std::vector<double> scales;
  std::vector<double> periods;
  double power = 2.0;
  std::set<std::string> given;  ///< the names of the options that were given, without dashes
};

/// Field options of the command line.
struct FieldArguments {
  std::vector<std::string> normalize;      ///< `METHOD`, or `FIELD=METHOD`
  std::vector<std::string> field_weights;  ///< `FIELD=WEIGHT`
  bool center = false;
  bool standardize = false;
  std::string point_weights;  ///< an array, or `latlon`
  std::string sample_weights;
  std::string mass;  ///< `lumped`, `consistent`, or a file of triplets `(entries, 3)`
  std::string cells;
  std::string mask = "none";
  std::vector<double> missing_values;
  std::string gappy = "drop";
};

struct FitArguments {
  FieldFiles field_files;
  std::string data;                 ///< `(dof, num_samples)`; instead of field files
  std::vector<std::string> fields;  ///< names in `data`, or of the fields to take from files
  std::string coords;
  std::optional<std::size_t> grid_axes;  ///< number of axes of the grid; none: those of the coords, or one
  RankRule rule;
  std::size_t validate_every = 0;
  std::size_t folds = 0;
  bool single_precision = false;
  bool keep_training_latents = false;
  FieldArguments space;
  InterpolationArguments interpolation;
  std::filesystem::path output;
};
/// A signal ends the program as usual, but leaves no file.
void fit(const FitArguments& arguments);

struct InfoArguments {
  std::filesystem::path map;
  bool verify = false;  ///< the checksum, and all numbers
};
void info(const InfoArguments& arguments);

struct CompressArguments {
  std::filesystem::path map;
  FieldFiles field_files;
  std::string coords;
  std::string states;  ///< `(*loop_shape, dof)`; instead of field files
  std::string gappy;   ///< policy for states with missing numbers; empty: that of the map
  bool whiten = false;
  std::string distances;                 ///< file of relative distances to write; empty: none
  InterpolationArguments interpolation;  ///< the given ones replace those of the map
  std::string output;
};
void compress(const CompressArguments& arguments);

struct ReconstructArguments {
  std::filesystem::path map;
  std::string latent;
  bool is_white = false;  ///< coefficients of `compress` with `whiten`
  std::string coords;
  std::filesystem::path output;  ///< a folder, or a file of fields
  std::string states;
  InterpolationArguments interpolation;  ///< the given ones replace those of the map
};
void reconstruct(const ReconstructArguments& arguments);

struct SensorsArguments {
  std::filesystem::path map;
  std::optional<std::size_t> count;  ///< none: the rank
  std::string output;                ///< for the indices `(count,)`; empty: none
};
void sensors(const SensorsArguments& arguments);

struct InterpolateArguments {
  FieldFiles field_files;
  std::string from;
  std::string to;
  InterpolationArguments interpolation;
  std::filesystem::path operator_file;       ///< replaces coordinates and options
  std::filesystem::path save_operator_file;  ///< file of the operator to write; empty: none
  bool choose_by_leave_one_out = false;      ///< epsilon, for these fields; prints the curve
  std::filesystem::path output;              ///< a folder, or a file of fields
};
void interpolate(const InterpolateArguments& arguments);

struct ConvertArguments {
  std::string source;
  std::vector<std::string> fields;  ///< names; empty: all
  std::string output;
};
void convert(const ConvertArguments& arguments);

struct ExportArguments {
  std::filesystem::path map;
  FieldFiles field_files;        ///< data for errors; may be empty
  std::filesystem::path output;  ///< of the mean, the modes and the errors; empty: none
  std::optional<std::size_t> modes;
  std::string spectrum;      ///< file of singular values; empty: none
  std::string coefficients;  ///< file of training coefficients; empty: none
};
void export_map(const ExportArguments& arguments);

struct TruncateArguments {
  std::filesystem::path map;
  RankRule rule;
  std::filesystem::path output;
};
void truncate(const TruncateArguments& arguments);

struct AppendArguments {
  std::filesystem::path map;
  FieldFiles field_files;
  RankRule rule;
  std::filesystem::path output;
};
void append(const AppendArguments& arguments);

struct MergeArguments {
  std::vector<std::string> maps;
  RankRule rule;
  std::filesystem::path output;
};
void merge(const MergeArguments& arguments);

struct CompareArguments {
  std::filesystem::path first;
  std::filesystem::path second;
};
void compare(const CompareArguments& arguments);

struct CheckArguments {
  std::filesystem::path map;
  FieldFiles field_files;
  std::size_t worst = 5;            ///< snapshots to list
  std::optional<double> tolerance;  ///< of the error of a snapshot
  std::string output;               ///< for the errors; empty: none
};
void check(const CheckArguments& arguments);

/// What a picture shows of a grid in space.
struct ViewArguments {
  std::string slice;         ///< `AXIS=VALUE`, for a volume; empty: the middle of its shortest axis
  std::vector<double> from;  ///< the direction from which a surface is seen
};

struct ReportArguments {
  std::filesystem::path map;
  FieldFiles field_files;                ///< data for errors and pictures of snapshots; may be empty
  std::optional<std::size_t> modes;      ///< in pictures; none: the leading ones
  std::optional<std::size_t> snapshots;  ///< in pictures; none: as many as a page of moderate size has
  ViewArguments view;
  std::filesystem::path output;
};
void report(const ReportArguments& arguments);

struct PlotArguments {
  std::filesystem::path map;
  std::string kind = "spectrum";  ///< `spectrum`, `energy`, `error` or `modes`
  std::string field;              ///< of the modes; empty: the first one
  std::size_t modes = 4;
  ViewArguments view;
  std::filesystem::path output;
};
void plot(const PlotArguments& arguments);

struct FormatsArguments {};
void formats(const FormatsArguments& arguments);

}  // namespace fieldfold::cli
