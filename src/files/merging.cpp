module fieldfold.files.merging;

import fieldfold.base.communicator;
import fieldfold.base.diagnostics;
import fieldfold.compression.any;
import fieldfold.decomposition.rank_rule;
import fieldfold.files.map;
import fieldfold.pod.map;
import fieldfold.pod.merging;
import fieldfold.pod.svd;

namespace fieldfold {
namespace {

/// The share of the final squared error that merging may add.
constexpr double share_of_error = 0.01;

template <class T>
BasicSVD<T> svd_in(const std::string& bytes) {
  AnyCompressor compressor = from_bytes(bytes);
  const auto* const svd = compressor.target<BasicSVD<T>>();
  if (svd == nullptr) throw InvalidArgument("maps: expected the same precision on all ranks");
  return *svd;
}

/// A text of any length as a message: its length, and its letters.
Message message_to(std::size_t rank, const std::string& text) {
  Message message{rank, {static_cast<double>(text.size())}};
  const std::vector<double> letters = as_numbers(text);
  message.numbers.insert(message.numbers.end(), letters.begin(), letters.end());
  return message;
}

std::string text_of(const Message& message) {
  return as_text(std::span(message.numbers).subspan(1), static_cast<std::size_t>(message.numbers[0]));
}

/// The rule of a merge inside the tree: what it truncates is a small share of the least error of the final map.
template <class T>
RankRule inner_rule(const BasicSVDMap<T>& a, const BasicSVDMap<T>& b, const RankRule& rule, std::size_t levels) {
  const double all = sum_of_squares(a) + sum_of_squares(b);
  const double lost = truncated_squares(a, a.latent_ranges.size()) + truncated_squares(b, b.latent_ranges.size());
  double least = 0.0;
  if (rule.rank)
    // No basis of this rank is better on a part of the snapshots than that of the part.
    least = truncated_squares(a, *rule.rank) + truncated_squares(b, *rule.rank);
  else if (rule.reconstruction_tol)
    least = *rule.reconstruction_tol * *rule.reconstruction_tol * all;
  else
    least = (1.0 - rule.energy_tol.value_or(0.95)) * all;
  return {.reconstruction_tol = std::sqrt((lost + share_of_error / static_cast<double>(levels) * least) / all)};
}

template <class T>
std::optional<BasicSVD<T>> merged_on_tree(const Communicator& communicator, const BasicSVD<T>& own,
                                          const RankRule& rule) {
  std::optional<BasicSVD<T>> all;
  if (own.map_exists()) all = own;
  std::size_t levels = 0;
  for (std::size_t step = 1; step < communicator.size(); step *= 2) ++levels;
  for (std::size_t step = 1; step < communicator.size(); step *= 2) {
    std::vector<Message> sent;
    if (communicator.rank() % (2 * step) == step && all) {
      sent.push_back(message_to(communicator.rank() - step, bytes_of(*all)));
      all.reset();
    }
    for (const Message& message : deliver(communicator, sent)) {
      const BasicSVD<T> other = svd_in<T>(text_of(message));
      all = all ? merged(*all, other, inner_rule(all->map(), other.map(), rule, levels)) : other;
    }
  }
  return all;
}

}  // namespace

template <class T>
BasicSVD<T> merged(const Communicator& communicator, const BasicSVD<T>& own, const RankRule& given) {
  std::optional<BasicSVD<T>> result;
  communicator.together([&] {
    RankRule rule = merging_rule(own, given);
    validate(rule);
    if (rule.is_empty()) rule.energy_tol = 0.95;
    std::string bytes;
    if (const auto all = merged_on_tree(communicator, own, rule)) {
      bytes = bytes_of(truncated(*all, rule));
    } else if (communicator.rank() == 0) {
      throw NotReady("maps: expected one on a rank at least, got none");
    }
    result = svd_in<T>(broadcast_text(communicator, bytes));
  });
  return std::move(*result);
}

template SVD merged(const Communicator&, const SVD&, const RankRule&);
template BasicSVD<float> merged(const Communicator&, const BasicSVD<float>&, const RankRule&);

}  // namespace fieldfold
