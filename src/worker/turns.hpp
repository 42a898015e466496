// SPDX-License-Identifier: PostgreSQL
// Whose turn it is to be sent: core::Fairness in the dispatcher's hands. It hears who has queued rows, looks at all
// users where that is not known, lets rows be claimed whose time has come or whose workspace has room again, and knows
// the limits. It reads the queue and claims nothing. Part of the dispatcher.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/fairness.hpp"
#include "core/workspaces.hpp"
#include "pg/announced.hpp"

namespace atelier::worker {

class Turns {
 public:
  // Reads the limits. Needs a transaction.
  void read_limits();
  // Who has rows: those who were announced, and a slice of all users while a look at all of them is under way.
  void learn(int64_t now_us);
  // Nobody announces what a prepared transaction has queued: look at all users, unhurried.
  void look_round();
  // Lets rows whose time has come be claimed; `hint_us` is when some of them may be due.
  void release(int64_t now_us);
  void expect_release(int64_t hint_us) { release_us_ = std::min(release_us_, hint_us); }
  // Lets rows of workspaces that were full be claimed.
  void unpark(int64_t now_us);
  // When one of these is to be called.
  int64_t due_us() const;

  bool anybody() const noexcept { return fairness_.anybody(); }
  std::vector<core::Fairness::Turn> next(int most) { return fairness_.next(most); }
  void took(const core::Fairness::Turn& turn, int rows) { fairness_.took(turn, rows); }
  // An attempt has begun, or was taken over from a former process; one has ended, and its row is back in the queue or
  // not.
  void opened(const core::Uuid& user, const std::optional<core::Uuid>& workspace);
  void ended(const core::Uuid& user, const std::optional<core::Uuid>& workspace, bool returned);

  // What a claim has to know of workspaces, and a row that it has set aside.
  const core::Workspaces& workspaces() const noexcept { return workspaces_; }
  void parked(const core::Uuid& workspace);

 private:
  void begin_round();
  static bool unpark_in(const core::Workspaces::State& full, core::Uuid& cursor, std::vector<core::Uuid>& users);

  core::Fairness fairness_;
  core::Fairness::PerUser own_limits_;
  int per_user_ = -1;
  pg::AnnouncementReader announced_;
  core::Uuid round_cursor_;  // of the look at all users
  bool looking_round_ = false;
  bool hurried_ = false;
  int64_t next_slice_us_ = 0;
  int64_t release_us_ = 0;  // the first look is at the start

  core::Workspaces workspaces_;
  // Who of a workspace came back last.
  std::unordered_map<core::Uuid, core::Uuid, core::UuidHash> last_unparked_;
  bool look_for_parked_ = true;
  int64_t unpark_us_ = 0;
};

}  // namespace atelier::worker
