// SPDX-License-Identifier: PostgreSQL
#include "worker/turns.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "pg/settings.hpp"
#include "pg/transaction.hpp"
#include "store/claims.hpp"

namespace atelier::worker {

namespace {

namespace claims = store::claims;

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr int64_t kPostponedUs = 100'000;
// Users that are looked up at once, and the pause in between when nobody has asked for it.
constexpr int32_t kUsersOfSlice = 1'000;
constexpr int64_t kSliceUs = 500'000;
constexpr int32_t kMostReleased = 1'000;

}  // namespace

void Turns::read_limits() {
  core::Fairness::PerUser own = claims::own_limits();
  if (const int limit = pg::settings::workspace_concurrency(); limit != workspaces_.limit()) {
    workspaces_.set_limit(limit);
    unpark_us_ = 0;
    look_for_parked_ = true;
  }
  const int per_user = pg::settings::user_concurrency();
  if (own == own_limits_ && per_user == per_user_) return;
  own_limits_ = own;
  per_user_ = per_user;
  fairness_.set_limits(per_user, std::move(own));
}

void Turns::learn(int64_t now_us) {
  bool all = false;
  for (const pg::AnnouncedUser& user : announced_.take(all)) fairness_.add({user});
  if (all) begin_round();
  if (!looking_round_ || now_us < next_slice_us_) return;
  std::vector<claims::Waiting> users;
  const auto error =
      pg::in_owner_transaction([&] { users = claims::waiting_users(round_cursor_, kUsersOfSlice, {now_us}); });
  if (error) {
    next_slice_us_ = now_us + kPostponedUs;
    return;
  }
  for (const claims::Waiting& one : users)
    if (one.may_have) fairness_.add(one.user);
  looking_round_ = users.size() == static_cast<size_t>(kUsersOfSlice);
  if (looking_round_) round_cursor_ = users.back().user;
  next_slice_us_ = hurried_ ? 0 : now_us + kSliceUs;
}

void Turns::begin_round() {
  looking_round_ = hurried_ = true;
  round_cursor_ = {};
  next_slice_us_ = 0;
}

void Turns::look_round() {
  release_us_ = unpark_us_ = 0;
  look_for_parked_ = true;
  if (looking_round_) return;
  begin_round();
  hurried_ = false;
}

void Turns::release(int64_t now_us) {
  if (now_us < release_us_) return;
  std::vector<core::Uuid> users;
  std::optional<pg::Timestamp> next;
  const auto error = pg::in_owner_transaction([&] {
    users = claims::release({now_us}, kMostReleased);
    next = claims::next_release();
  });
  if (error) {
    pg::report(pg::Level::log, std::string("atelier: release postponed: ") + error->what());
    release_us_ = now_us + kPostponedUs;
    return;
  }
  for (const core::Uuid& user : users) fairness_.add(user);
  release_us_ = next ? std::max(next->us, users.empty() ? now_us + kPostponedUs : now_us) : kNever;
}

// As many rows as there is room for, one of each user in turns from `cursor` on; false when no others are
// left there.
bool Turns::unpark_in(const core::Workspaces::State& full, core::Uuid& cursor, std::vector<core::Uuid>& users) {
  bool from_start = cursor == core::Uuid{};
  for (int room = full.room; room > 0;) {
    const std::vector<core::Uuid> found = claims::unpark(full.workspace, cursor, room);
    if (found.empty() && from_start) return false;
    users.insert(users.end(), found.begin(), found.end());
    room -= static_cast<int>(found.size());
    from_start = found.empty();
    cursor = found.empty() ? core::Uuid{} : *std::max_element(found.begin(), found.end());
  }
  return true;
}

void Turns::unpark(int64_t now_us) {
  if (now_us < unpark_us_) return;
  if (!look_for_parked_ && workspaces_.with_room().empty()) {
    unpark_us_ = kNever;
    return;
  }
  std::vector<core::Uuid> parking, users, emptied;
  std::unordered_map<core::Uuid, core::Uuid, core::UuidHash> last;
  bool more = false;
  const auto error = pg::in_owner_transaction([&] {
    if (look_for_parked_) parking = claims::parking_workspaces();
    if (workspaces_.limit() == 0) {
      if (!parking.empty()) users = claims::unpark_any(kMostReleased);
      more = !users.empty();
      return;
    }
    for (const core::Uuid& workspace : parking) workspaces_.parked(workspace);
    for (const core::Workspaces::State& one : workspaces_.with_room()) {
      const auto before = last_unparked_.find(one.workspace);
      core::Uuid cursor = before == last_unparked_.end() ? core::Uuid{} : before->second;
      if (!unpark_in(one, cursor, users)) emptied.push_back(one.workspace);
      last[one.workspace] = cursor;
    }
  });
  if (error) {
    pg::report(pg::Level::log, std::string("atelier: rows of full workspaces postponed: ") + error->what());
    unpark_us_ = now_us + kPostponedUs;
    return;
  }
  for (const auto& [workspace, user] : last) last_unparked_[workspace] = user;
  for (const core::Uuid& workspace : emptied) {
    workspaces_.none_parked(workspace);
    last_unparked_.erase(workspace);
  }
  for (const core::Uuid& user : users) fairness_.add(user);
  look_for_parked_ = more;
  unpark_us_ = more ? now_us : kNever;
}

int64_t Turns::due_us() const { return std::min({release_us_, unpark_us_, looking_round_ ? next_slice_us_ : kNever}); }

void Turns::opened(const core::Uuid& user, const std::optional<core::Uuid>& workspace) {
  fairness_.opened(user);
  workspaces_.opened(workspace);
}

void Turns::parked(const core::Uuid& workspace) {
  workspaces_.parked(workspace);
  unpark_us_ = 0;
}

void Turns::ended(const core::Uuid& user, const std::optional<core::Uuid>& workspace, bool returned) {
  fairness_.closed(user);
  workspaces_.closed(workspace);
  if (workspace && workspaces_.limit() > 0) unpark_us_ = 0;
  if (returned) fairness_.add(user);
}

}  // namespace atelier::worker
