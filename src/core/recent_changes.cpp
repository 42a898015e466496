// SPDX-License-Identifier: PostgreSQL
#include "core/recent_changes.hpp"

#include <algorithm>

namespace atelier::core {

namespace {

bool is_running(const poll::Snapshot& snapshot, uint64_t transaction) noexcept {
  return transaction >= snapshot.xmax ||
         std::find(snapshot.running.begin(), snapshot.running.end(), transaction) != snapshot.running.end();
}

}  // namespace

void RecentChanges::begin(uint64_t transaction) noexcept {
  complete_from_ = transaction;
  count_ = 0;
  for (auto& buckets : newest_) buckets.fill(0);
  highest_.fill(0);
}

const Uuid& RecentChanges::id_of(const RecentChange& change, Scope scope) noexcept {
  return scope == Scope::user ? change.user : change.workspace;
}

size_t RecentChanges::bucket_of(uint32_t database, const Uuid& id) noexcept {
  return (UuidHash{}(id) ^ database) % kBuckets;
}

void RecentChanges::add(const RecentChange& change) noexcept {
  const uint64_t number = ++count_;
  uint64_t& highest = highest_[number % kPlaces / kBlock];
  if (number % kBlock == 0) {
    // What the block held is forgotten as a whole.
    complete_from_ = std::max(complete_from_, highest + 1);
    highest = 0;
  }
  highest = std::max(highest, change.transaction);
  Place& place = places_[number % kPlaces];
  place.change = change;
  for (const Scope scope : {Scope::user, Scope::workspace}) {
    const auto which = static_cast<size_t>(scope);
    place.distance[which] = 0;
    const Uuid& id = id_of(change, scope);
    if (id == Uuid{}) continue;
    uint64_t& newest = newest_[which][bucket_of(change.database, id)];
    if (newest != 0 && number - newest < kPlaces) place.distance[which] = static_cast<uint32_t>(number - newest);
    newest = number;
  }
}

bool RecentChanges::reaches_back_to(const poll::Snapshot& since, const poll::Snapshot& now,
                                    uint64_t own) const noexcept {
  if (since.xmax < complete_from_) return false;
  return std::all_of(since.running.begin(), since.running.end(), [&](uint64_t transaction) {
    return transaction >= complete_from_ || (transaction != own && is_running(now, transaction));
  });
}

uint64_t RecentChanges::first_from(uint64_t xmin) const noexcept {
  uint64_t first = count_ < kPlaces ? 1 : (count_ / kBlock + 1) * kBlock - kPlaces;
  while (first <= count_ && highest_[first % kPlaces / kBlock] < xmin) first += kBlock - first % kBlock;
  return first;
}

std::optional<std::vector<Uuid>> RecentChanges::find(uint32_t database, Scope scope, const Uuid& id,
                                                     const poll::Snapshot& since, const poll::Snapshot& now,
                                                     uint64_t own, size_t most) const {
  if (!reaches_back_to(since, now, own)) return std::nullopt;
  std::vector<Uuid> found;
  const auto which = static_cast<size_t>(scope);
  const uint64_t first = first_from(since.xmin);
  uint64_t number = newest_[which][bucket_of(database, id)];
  while (number >= first && number != 0) {
    const Place& place = places_[number % kPlaces];
    if (place.change.database == database && id_of(place.change, scope) == id &&
        is_running(since, place.change.transaction)) {
      if (found.size() == most) return std::nullopt;
      found.push_back(place.change.generation);
    }
    if (place.distance[which] == 0) break;
    number -= place.distance[which];
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace atelier::core
