// SPDX-License-Identifier: PostgreSQL
#include "core/workspaces.hpp"

#include <algorithm>
#include <limits>

namespace atelier::core {

int Workspaces::room(const Entry& entry) const {
  return limit_ == 0 ? std::numeric_limits<int>::max() : std::max(0, limit_ - entry.open);
}

void Workspaces::forget_if_idle(const Uuid& workspace) {
  const auto place = entries_.find(workspace);
  if (place != entries_.end() && place->second.open == 0 && !place->second.parked) entries_.erase(place);
}

void Workspaces::opened(const std::optional<Uuid>& workspace) {
  if (workspace) ++entries_[*workspace].open;
}

void Workspaces::closed(const std::optional<Uuid>& workspace) {
  if (!workspace) return;
  const auto place = entries_.find(*workspace);
  if (place == entries_.end()) return;
  if (place->second.open > 0) --place->second.open;
  forget_if_idle(*workspace);
}

void Workspaces::parked(const Uuid& workspace) { entries_[workspace].parked = true; }

void Workspaces::none_parked(const Uuid& workspace) {
  entries_[workspace].parked = false;
  forget_if_idle(workspace);
}

std::vector<Workspaces::State> Workspaces::all() const {
  std::vector<State> states;
  states.reserve(entries_.size());
  for (const auto& [workspace, entry] : entries_) states.push_back({workspace, room(entry), entry.parked});
  return states;
}

std::vector<Workspaces::State> Workspaces::with_room() const {
  std::vector<State> states;
  for (const auto& [workspace, entry] : entries_)
    if (entry.parked && room(entry) > 0) states.push_back({workspace, room(entry), true});
  return states;
}

}  // namespace atelier::core
