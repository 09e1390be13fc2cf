module fieldfold.base.names;

namespace fieldfold {

std::optional<std::string> nearest_name(std::string_view name, const std::vector<std::string>& known) {
  const auto distance = [name](std::string_view other) {
    std::vector<std::vector<std::size_t>> table(name.size() + 1, std::vector<std::size_t>(other.size() + 1));
    for (std::size_t i = 0; i <= name.size(); ++i)
      for (std::size_t j = 0; j <= other.size(); ++j) {
        if (i == 0 || j == 0) {
          table[i][j] = i + j;
          continue;
        }
        const std::size_t change = name[i - 1] == other[j - 1] ? 0 : 1;
        table[i][j] = std::min({table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + change});
        if (i > 1 && j > 1 && name[i - 1] == other[j - 2] && name[i - 2] == other[j - 1])
          table[i][j] = std::min(table[i][j], table[i - 2][j - 2] + 1);
      }
    return table[name.size()][other.size()];
  };
  std::optional<std::string> best;
  std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const std::string& other : known)
    if (const std::size_t found = distance(other); found < least) {
      least = found;
      best = other;
    }
  return best;
}

std::string unknown_name(std::string_view name, std::string_view kind, const std::vector<std::string>& known) {
  std::string text = std::string(name) + " is not " + std::string(kind) + "; ";
  const std::string_view word = name.substr(name.find_last_of(' ') + 1);
  if (const auto nearest = nearest_name(word, known)) return text + "the nearest is " + *nearest;
  text += "expected ";
  for (std::size_t i = 0; i < known.size(); ++i)
    text += (i == 0 ? "" : i + 1 == known.size() ? " or " : ", ") + known[i];
  return text;
}

}  // namespace fieldfold
