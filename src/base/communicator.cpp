module fieldfold.base.communicator;

namespace fieldfold {
namespace {

/// A hash of the bits of numbers (FNV-1a), as a double that represents it exactly.
double hash_of(std::span<const double> numbers) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const double number : numbers) hash = (hash ^ std::bit_cast<std::uint64_t>(number)) * 0x100000001b3;
  return static_cast<double>(hash >> 11);
}

}  // namespace

Communicator::~Communicator() = default;

Share equal_share(const Communicator& communicator, std::size_t total, std::optional<std::size_t> rank) {
  const std::size_t place = rank.value_or(communicator.rank());
  const std::size_t less = total / communicator.size();
  const std::size_t with_more = total % communicator.size();
  return {place * less + std::min(place, with_more), less + (place < with_more ? 1 : 0)};
}

std::vector<Message> deliver(const Communicator& communicator, const std::vector<Message>& sent) {
  std::vector<double> lengths(communicator.size(), 0.0);
  for (const Message& message : sent) lengths[message.rank] = static_cast<double>(message.numbers.size());
  lengths = communicator.transpose(lengths);
  std::vector<Message> received;
  for (std::size_t rank = 0; rank < lengths.size(); ++rank)
    if (lengths[rank] > 0.0) received.push_back({rank, std::vector<double>(static_cast<std::size_t>(lengths[rank]))});
  communicator.exchange(sent, received);
  return received;
}

std::pair<double, double> range_of(const Communicator& communicator, double number) {
  std::array extremes{-number, number};
  communicator.maximum(extremes);
  return {-extremes[0], extremes[1]};
}

std::vector<double> as_numbers(std::string_view text) {
  std::vector<double> numbers(numbers_of_text(text.size()));
  if (!text.empty()) std::memcpy(numbers.data(), text.data(), text.size());
  return numbers;
}

std::string as_text(std::span<const double> numbers, std::size_t length) {
  const char* const letters = reinterpret_cast<const char*>(numbers.data());
  return {letters, letters + length};
}

std::string broadcast_text(const Communicator& communicator, std::string_view text) {
  std::array length{static_cast<double>(text.size())};
  communicator.broadcast(length);
  const auto letters = static_cast<std::size_t>(length[0]);
  std::vector<double> numbers(numbers_of_text(letters));
  if (communicator.rank() == 0) numbers = as_numbers(text);
  communicator.broadcast(numbers);
  return as_text(numbers, letters);
}

RowPartition::RowPartition(const Communicator& communicator, std::size_t rows) : communicator_(&communicator) {
  const std::array own{static_cast<double>(rows)};
  const std::vector<double> counts = communicator.gather(own);
  for (std::size_t rank = 0; rank < counts.size(); ++rank) {
    if (rank < communicator.rank()) first_ += static_cast<std::size_t>(counts[rank]);
    total_ += static_cast<std::size_t>(counts[rank]);
  }
}

void RowPartition::sum(std::span<double> numbers) const {
  if (is_distributed()) communicator_->sum(numbers);
}

void RowPartition::maximum(std::span<double> numbers) const {
  if (is_distributed()) communicator_->maximum(numbers);
}

void RowPartition::agree(std::span<double> numbers) const {
  if (!is_distributed()) return;
  const double hash = hash_of(numbers);
  std::array extremes{hash, -hash};
  communicator_->maximum(extremes);
  if (extremes[0] != -extremes[1]) communicator_->broadcast(numbers);
}

std::size_t RowPartition::sum(std::size_t count) const {
  std::array number{static_cast<double>(count)};
  sum(number);
  return static_cast<std::size_t>(number[0]);
}

std::size_t RowPartition::largest(std::size_t count) const {
  std::array number{static_cast<double>(count)};
  maximum(number);
  return static_cast<std::size_t>(number[0]);
}

std::size_t RowPartition::smallest(std::size_t count) const {
  std::array number{-static_cast<double>(count)};
  maximum(number);
  return static_cast<std::size_t>(-number[0]);
}

bool RowPartition::any(bool holds) const {
  std::array number{holds ? 1.0 : 0.0};
  maximum(number);
  return number[0] > 0.0;
}

}  // namespace fieldfold
