#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <numbers>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "../terminal/progress.hpp"
#include "../terminal/session.hpp"

// These import fieldfold; g++ includes nothing after it.
#include "../commands.hpp"
#include "../input/field_files.hpp"
#include "../input/files.hpp"
#include "../input/map_file.hpp"
#include "../input/watched.hpp"
#include "../terminal/words.hpp"

import fieldfold;
import fieldfold.formats;

namespace fieldfold::cli {
namespace {

/// Saves a map, and says what it is.
template <class T>
void save_map(const BasicSVD<T>& svd, const std::filesystem::path& output, const std::string& what) {
  expect_map_name(output);
  note_output(output);
  save(output, svd);
  const auto& map = svd.map();
  const double tail = tail_shares(map.singular_values, map.unresolved_squares)[svd.rank()];
  conclude({{"output", output.string()},
            {"rank", svd.rank()},
            {"energy", 1.0 - tail},
            {"num_samples", svd.num_samples()},
            {"num_dropped", svd.num_dropped()}},
           message(escaped_name(output.string()), ": ", what, "; rank ", svd.rank(), ", ", svd.num_samples(),
                   " snapshots, energy ", energy_text(tail)));
}

}  // namespace

void truncate(const TruncateArguments& arguments) {
  with_svd(arguments.map, [&](const auto& svd) {
    save_map(truncated(svd, arguments.rule), arguments.output, message("truncated from rank ", svd.rank()));
  });
}

void append(const AppendArguments& arguments) {
  with_svd(arguments.map, [&](const auto& svd) {
    const GivenFields given = open_fields(arguments.field_files, svd.fields());
    const auto rows = rows_of_map(svd, given);
    const Ticker ticker("appending");
    const auto longer = appended(svd, *rows, arguments.rule);
    const std::size_t dropped = longer.num_dropped() - svd.num_dropped();
    if (dropped > 0) warn(message(dropped, " snapshots dropped because of NaN or infinity"));
    save_map(longer, arguments.output, message(rows->cols() - dropped, " snapshots appended"));
  });
}

void merge(const MergeArguments& arguments) {
  std::optional<std::variant<SVD, BasicSVD<float>>> all;
  for (std::size_t i = 0; i < arguments.maps.size(); ++i)
    with_svd(arguments.maps[i], [&]<class T>(const BasicSVD<T>& part) {
      if (!all) {
        all.emplace(part);
        return;
      }
      BasicSVD<T>* const before = std::get_if<BasicSVD<T>>(&*all);
      if (before == nullptr)
        throw InvalidArgument(
            message("maps: expected maps of one precision, got ", arguments.maps.front(), " and ", arguments.maps[i]));
      // Modes are kept until the last part, so that no order of the parts is preferred.
      const bool is_last = i + 1 == arguments.maps.size();
      *before = merged(*before, part, is_last ? arguments.rule : RankRule{.reconstruction_tol = 0.0});
    });
  std::visit([&](const auto& svd) { save_map(svd, arguments.output, message(arguments.maps.size(), " maps merged")); },
             *all);
}

void compare(const CompareArguments& arguments) {
  with_svd(arguments.first, [&]<class T>(const BasicSVD<T>& first) {
    with_svd(arguments.second, [&]<class S>(const BasicSVD<S>& second) {
      if constexpr (std::is_same_v<T, S>) {
        if (first.fields() != second.fields())
          throw InvalidArgument(message("maps: expected the same fields, got ", listing(first.fields()), " and ",
                                        listing(second.fields())));
        const auto angles = principal_angles(first, second);
        auto facts = nlohmann::ordered_json{{"rank", {first.rank(), second.rank()}}};
        auto list = nlohmann::ordered_json::array();
        std::string line = message("ranks ", first.rank(), " and ", second.rank(), "; angles between the modes");
        for (std::size_t k = 0; k < angles.size(); ++k) {
          const double degrees = angles(k) * 180.0 / std::numbers::pi;
          list.push_back(degrees);
          line += message(k == 0 ? " " : ", ", rounded(degrees));
        }
        facts["angles_in_degrees"] = std::move(list);
        conclude(std::move(facts), line + " degrees");
      } else {
        throw InvalidArgument("maps: expected two of one precision");
      }
    });
  });
}

}  // namespace fieldfold::cli
