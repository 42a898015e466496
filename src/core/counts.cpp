// SPDX-License-Identifier: PostgreSQL
#include "core/counts.hpp"

#include <algorithm>
#include <utility>

namespace atelier::core::counts {

namespace {

constexpr int64_t kHourUs = 3'600'000'000;
constexpr size_t kOdd = 0x9e3779b97f4a7c15;

size_t mix(size_t seed, size_t value) noexcept { return (seed ^ value) * kOdd + (seed >> 29); }

}  // namespace

void Numbers::add(const Numbers& other, int sign) noexcept {
  for (size_t i = 0; i < kNumbers; ++i) values[i] += sign * other.values[i];
}

bool Numbers::is_zero() const noexcept {
  return std::all_of(values.begin(), values.end(), [](int64_t value) { return value == 0; });
}

int64_t Numbers::under_way() const noexcept {
  return values[kGenerations] - values[kCompleted] - values[kFailed] - values[kCancelled];
}

int64_t Numbers::shown() const noexcept { return values[kGenerations] - values[kParts]; }

int64_t Numbers::shown_under_way() const noexcept { return under_way() - values[kPartsUnderWay]; }

int64_t Numbers::shown_failed() const noexcept { return values[kFailed] - values[kPartsFailed]; }

Numbers numbers_of(const Row& row) noexcept {
  const bool under_way = row.status && is_active(*row.status);
  const bool failed = row.status == GenerationStatus::failed;
  const bool completed = row.status == GenerationStatus::completed;
  Numbers numbers;
  numbers[kCredits] = row.credits;
  numbers[kGenerations] = 1;
  numbers[kCompleted] = completed;
  numbers[kTimeMs] = completed ? row.time_ms.value_or(0) : 0;
  numbers[kCompletedCostMicros] = completed ? row.cost_micros : 0;
  numbers[kFailed] = failed;
  numbers[kCancelled] = !under_way && !failed && !completed;
  numbers[kOtherCostMicros] = completed ? 0 : row.cost_micros;
  numbers[kUntimed] = completed && !row.time_ms;
  numbers[kParts] = row.part_of_film;
  numbers[kPartsUnderWay] = row.part_of_film && under_way;
  numbers[kPartsFailed] = row.part_of_film && failed;
  numbers[kFavorites] = !row.part_of_film && row.favorite;
  return numbers;
}

int64_t hour_of(int64_t us) noexcept { return us / kHourUs - (us % kHourUs < 0 ? 1 : 0); }

size_t hash_of(const Key& key) noexcept {
  size_t hash = mix(static_cast<size_t>(key.scope), static_cast<size_t>(key.hour));
  hash = mix(hash, UuidHash{}(key.user));
  return mix(hash, UuidHash{}(key.workspace));
}

size_t Deltas::PairHash::operator()(const Pair& pair) const noexcept {
  return mix(UuidHash{}(pair.user), UuidHash{}(pair.workspace));
}

Deltas::Level& Deltas::level_at(int depth) {
  if (levels_.empty() || levels_.back().depth < depth) levels_.emplace_back().depth = depth;
  return levels_.back();
}

void Deltas::add(const Row& row, int sign, int level) {
  Level& place = level_at(level);
  place.pairs[Pair{row.user, row.workspace}].add(numbers_of(row), sign);
  if (row.hour) place.hours[*row.hour] += sign;
}

void Deltas::clear(int level) {
  Level& place = level_at(level);
  place.cleared = true;
  place.pairs.clear();
  place.hours.clear();
}

void Deltas::merge(Level& parent, Level&& child) {
  if (child.cleared) {
    const int depth = parent.depth;
    parent = std::move(child);
    parent.depth = depth;
    return;
  }
  if (child.pairs.size() > parent.pairs.size()) std::swap(parent.pairs, child.pairs);
  for (const auto& [pair, numbers] : child.pairs) parent.pairs[pair].add(numbers);
  for (const auto& [hour, number] : child.hours) parent.hours[hour] += number;
}

void Deltas::end_level(int level, bool kept) {
  while (!levels_.empty() && levels_.back().depth >= level) {
    if (!kept) {
      levels_.pop_back();
      continue;
    }
    if (levels_.size() > 1 && levels_[levels_.size() - 2].depth >= level - 1) {
      merge(levels_[levels_.size() - 2], std::move(levels_.back()));
      levels_.pop_back();
    } else {
      levels_.back().depth = level - 1;
    }
  }
}

size_t Deltas::first_valid() const noexcept {
  size_t first = levels_.size();
  while (first > 0 && !levels_[--first].cleared) continue;
  return first;
}

std::vector<Change> Deltas::changes() const {
  std::map<Key, Numbers> sums;
  for (size_t i = first_valid(); i < levels_.size(); ++i) {
    for (const auto& [pair, numbers] : levels_[i].pairs) {
      if (numbers.is_zero()) continue;
      sums[Key{Scope::user, pair.user, pair.workspace, 0}].add(numbers);
      sums[Key{Scope::workspace, {}, pair.workspace, 0}].add(numbers);
    }
    for (const auto& [hour, number] : levels_[i].hours) sums[Key{Scope::hour, {}, {}, hour}][kGenerations] += number;
  }
  std::vector<Change> found;
  found.reserve(sums.size());
  for (const auto& [key, numbers] : sums)
    if (!numbers.is_zero()) found.push_back({key, numbers});
  return found;
}

Numbers Deltas::of_user(const Uuid& user) const {
  Numbers sum;
  for (size_t i = first_valid(); i < levels_.size(); ++i)
    for (const auto& [pair, numbers] : levels_[i].pairs)
      if (pair.user == user) sum.add(numbers);
  return sum;
}

Numbers Deltas::of_workspace(const Uuid& workspace, const std::optional<Uuid>& user) const {
  Numbers sum;
  if (workspace == Uuid{}) return sum;
  for (size_t i = first_valid(); i < levels_.size(); ++i)
    for (const auto& [pair, numbers] : levels_[i].pairs)
      if (pair.workspace == workspace && (!user || pair.user == *user)) sum.add(numbers);
  return sum;
}

}  // namespace atelier::core::counts
