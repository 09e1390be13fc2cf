/// Misspelled names.
export module fieldfold.base.names;

import fieldfold.base.standard;

export namespace fieldfold {

/// The known name nearest to a misspelled one: with the fewest insertions, deletions, substitutions and transpositions
/// (Damerau 1964, doi:10.1145/363958.363994), if these are at most a third of its length or two.
std::optional<std::string> nearest_name(std::string_view name, const std::vector<std::string>& known);

/// `NAME is not KIND; the nearest is OTHER`, or the known names if none is near.
std::string unknown_name(std::string_view name, std::string_view kind, const std::vector<std::string>& known);

}  // namespace fieldfold
