#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <iomanip>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "words.hpp"

namespace fieldfold::cli {
namespace {

/// A word of the library and the option that it stands for. \tparam command  empty: any
struct Word {
  std::string_view library;
  std::string_view option;
  std::string_view command = {};
};

/// Words that stand for options wherever they occur.
constexpr std::array anywhere{
    Word{"normalize_field", "--normalize"},
    Word{"field_weights", "--field-weight"},
    Word{"point_weights", "--point-weights"},
    Word{"sample_weights", "--sample-weights"},
    Word{"gappy_snapshots", "--gappy"},
    Word{"gappy_states", "--gappy"},
    Word{"missing_values", "--missing-value"},
    Word{"mask_share", "--mask"},
    Word{"validate_every", "--validate"},
    Word{"field_coords", "--coords"},
    Word{"new_coords", "--coords"},
    Word{"grid_shape", "--grid-axes"},
    Word{"energy_tol", "--energy-tol"},
    Word{"reconstruction_tol", "--reconstruction-tol"},
    Word{"sample_tol", "--sample-tol"},
    Word{"optimal_threshold", "--optimal-threshold"},
    Word{"cluster_size", "--cluster-size"},
    Word{"interpolate_method", "--interpolate-method"},
    Word{"allow_lower_degree", "--allow-lower-degree"},
    Word{"merge_duplicates", "--merge-duplicates"},
    Word{"keep_training_latents", "--keep-training-latents"},
};

/// Words that stand for options where they name the argument: at the start, before a colon.
constexpr std::array arguments{
    Word{"queries", "--to", "interpolate"},
    Word{"queries", "--coords"},
    Word{"points", "--coords"},
    Word{"coords", "--coords"},
    Word{"fields", "--field"},
    Word{"mask", "--mask"},
    Word{"mass", "--mass"},
    Word{"normalize", "--normalize"},
    Word{"rank", "--rank"},
    Word{"noise", "--noise"},
    Word{"kernel", "--kernel"},
    Word{"epsilon", "--epsilon"},
    Word{"degree", "--degree"},
    Word{"smoothing", "--smoothing"},
    Word{"neighbors", "--neighbors"},
    Word{"overlap", "--overlap"},
    Word{"scales", "--scales"},
    Word{"periods", "--periods"},
    Word{"power", "--power"},
    Word{"method", "--rbf-method"},
    Word{"count", "--count"},
};

/// Phrases with words that are options there only.
constexpr std::array<std::pair<std::string_view, std::string_view>, 15> phrases{{
    {"a larger --mask", "--mask auto:SHARE"},
    {"coords are missing: the compression was constructed without them",
     "the map has no coordinates: it was learned without fit --coords"},
    {"the mask auto", "--mask auto"},
    {"; a mask leaves", "; --mask auto leaves"},
    {"partition_of_unity as the method", "--rbf-method partition_of_unity"},
    {"the method partition_of_unity", "--rbf-method partition_of_unity"},
    {"; neighbors, or", "; --neighbors, or"},
    {", or neighbors,", ", or --neighbors,"},
    {"; smoothing", "; --smoothing"},
    {"needs smoothing", "needs --smoothing"},
    {"use a lower degree", "use a lower --degree"},
    {"when degree is", "when --degree is"},
    {"The epsilon may", "--epsilon may"},
    {"a smaller epsilon", "a smaller --epsilon"},
    {"or epsilon is", "or --epsilon is"},
}};

bool is_letter(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

template <class Words>
std::optional<std::string_view> option_for(const Words& words, std::string_view word, std::string_view command) {
  for (const Word& entry : words)
    if (entry.library == word && (entry.command.empty() || entry.command == command)) return entry.option;
  return std::nullopt;
}

}  // namespace

std::string in_options(std::string_view text, std::string_view command) {
  // Rank rules are options of their own in the program.
  constexpr std::string_view rule = "rule: ";
  const bool is_rule = text.starts_with(rule);
  if (is_rule) text.remove_prefix(rule.size());
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    while (end < text.size() && is_letter(text[end])) ++end;
    if (end == i) {
      result += text[i++];
      continue;
    }
    const std::string_view word = text.substr(i, end - i);
    const bool names_argument = i == 0 && end < text.size() && text[end] == ':';
    const bool is_shape = i > 0 && text[i - 1] == '*';
    auto option = is_shape ? std::nullopt : option_for(anywhere, word, command);
    if (!option && (names_argument || is_rule)) option = option_for(arguments, word, command);
    result += option.value_or(word);
    i = end;
  }
  for (const auto& [library, option] : phrases)
    if (const std::size_t found = result.find(library); found != std::string::npos)
      result.replace(found, library.size(), option);
  return result;
}

std::string rounded(double number) {
  std::ostringstream text;
  text << std::setprecision(3) << number;
  return text.str();
}

std::string energy_text(double truncated_share) {
  if (truncated_share == 0.0) return "1";
  if (truncated_share < 1e-5) return "1 - " + rounded(truncated_share);
  std::ostringstream text;
  text << std::setprecision(6) << 1.0 - truncated_share;
  return text.str();
}

}  // namespace fieldfold::cli
