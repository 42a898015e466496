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
  release_us_ = 0;
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

int64_t Turns::due_us() const { return std::min(release_us_, looking_round_ ? next_slice_us_ : kNever); }

void Turns::ended(const core::Uuid& user, bool returned) {
  fairness_.closed(user);
  if (returned) fairness_.add(user);
}

}  // namespace atelier::worker
