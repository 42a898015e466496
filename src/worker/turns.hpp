// SPDX-License-Identifier: PostgreSQL
// Whose turn it is to be sent: core::Fairness in the dispatcher's hands. It hears who has queued rows, looks at all
// users where that is not known, lets rows whose time has come be claimed, and knows the limits of single users. It
// reads the queue and claims nothing. Part of the dispatcher.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/fairness.hpp"
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
  // When one of these is to be called.
  int64_t due_us() const;

  bool anybody() const noexcept { return fairness_.anybody(); }
  std::vector<core::Fairness::Turn> next(int most) { return fairness_.next(most); }
  void took(const core::Fairness::Turn& turn, int rows) { fairness_.took(turn, rows); }
  // An attempt has begun, or was taken over from a former process; one has ended, and its row is back in the queue or
  // not.
  void opened(const core::Uuid& user) { fairness_.opened(user); }
  void ended(const core::Uuid& user, bool returned);

 private:
  void begin_round();

  core::Fairness fairness_;
  core::Fairness::PerUser own_limits_;
  int per_user_ = -1;
  pg::AnnouncementReader announced_;
  core::Uuid round_cursor_;  // of the look at all users
  bool looking_round_ = false;
  bool hurried_ = false;
  int64_t next_slice_us_ = 0;
  int64_t release_us_ = 0;  // the first look is at the start
};

}  // namespace atelier::worker
