#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../terminal/progress.hpp"
#include "../terminal/session.hpp"

// These import fieldfold; g++ includes nothing after it.
#include "../commands.hpp"
#include "../input/field_files.hpp"
#include "../input/files.hpp"
#include "../input/map_file.hpp"
#include "../input/watched.hpp"
#include "../terminal/map_facts.hpp"
#include "../terminal/words.hpp"

import fieldfold;
import fieldfold.formats;

namespace fieldfold::cli {
namespace {

/// The errors as a table: of the snapshot, and of each field in it.
xt::xarray<double> table_of(const SnapshotErrors& errors) {
  const std::size_t fields = errors.fields.size();
  auto table = xt::xarray<double>::from_shape({errors.snapshots.size(), fields + 1});
  for (std::size_t j = 0; j < table.shape(0); ++j) {
    table(j, 0) = errors.snapshots(j);
    for (std::size_t field = 0; field < fields; ++field) table(j, field + 1) = errors.snapshot_fields(j, field);
  }
  return table;
}

}  // namespace

void check(const CheckArguments& arguments) {
  double largest = 0.0;
  with_svd(arguments.map, [&](const auto& svd) {
    const GivenFields given = open_fields(arguments.field_files, svd.fields());
    const auto rows = rows_of_map(svd, given);
    const SnapshotErrors errors = projection_errors(svd, WatchedRows(*rows, "checking"));
    const auto order = worst_first(errors.snapshots);
    const auto unknown = std::ranges::count_if(errors.snapshots, [](double error) { return std::isnan(error); });
    if (unknown > 0)
      warn(message(unknown, " of ", order.size(), " snapshots have missing numbers, and no error is known of them"));
    largest = errors.snapshots(order.front());
    auto facts = nlohmann::ordered_json::object();
    auto worst = nlohmann::ordered_json::array();
    std::string line =
        message(arguments.map.string(), ": ", order.size(), " snapshots, largest error ", rounded(largest));
    for (std::size_t field = 0; field < svd.num_qoi(); ++field)
      line += message(field == 0 ? "; of fields " : ", ", svd.fields()[field], " ", rounded(errors.fields(field)));
    facts["num_samples"] = order.size();
    facts["largest_snapshot_error"] = finite_or_null(largest);
    auto by_field = nlohmann::ordered_json::object();
    for (std::size_t field = 0; field < svd.num_qoi(); ++field)
      by_field[svd.fields()[field]] = finite_or_null(errors.fields(field));
    facts["field_errors"] = std::move(by_field);
    for (std::size_t i = 0; i < std::min(arguments.worst, order.size()); ++i) {
      const std::size_t sample = order[i];
      nlohmann::ordered_json own{{"snapshot", sample}, {"error", finite_or_null(errors.snapshots(sample))}};
      line += message("\n  snapshot ", sample);
      if (sample < given.times.size()) {
        own["time"] = given.times[sample];
        line += message(", time ", rounded(given.times[sample]));
      }
      line += message(": ", rounded(errors.snapshots(sample)));
      auto own_fields = nlohmann::ordered_json::object();
      for (std::size_t field = 0; field < svd.num_qoi() && svd.num_qoi() > 1; ++field) {
        own_fields[svd.fields()[field]] = finite_or_null(errors.snapshot_fields(sample, field));
        line += message(field == 0 ? " (" : ", ", svd.fields()[field], " ",
                        rounded(errors.snapshot_fields(sample, field)), field + 1 == svd.num_qoi() ? ")" : "");
      }
      if (svd.num_qoi() > 1) own["fields"] = std::move(own_fields);
      worst.push_back(std::move(own));
    }
    facts["worst"] = std::move(worst);
    if (!arguments.output.empty()) save_output<double>(arguments.output, table_of(errors), "error");
    conclude(std::move(facts), line);
  });
  if (arguments.tolerance && !(largest <= *arguments.tolerance))
    throw NumericalError(
        message("--tolerance: expected errors of at most ", *arguments.tolerance, ", got ", rounded(largest)));
}

}  // namespace fieldfold::cli
