// SPDX-License-Identifier: PostgreSQL
// A generation that is watched, for the tests of the decision table about predictions that exist. Included by those
// replicate_outcome tests only.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "replicate/outcome.hpp"
#include "unit/replicate_answers.hpp"

namespace atelier::replicate {

// A generation that was sent ten seconds ago and has 15 minutes.
inline PollContext watching() {
  PollContext context;
  context.now_us = kNow;
  context.random = 0.5;
  context.sent_at_us = kNow - 10 * kSecond;
  context.watched_since_us = kNow - 9 * kSecond;
  context.deadline_us = context.sent_at_us + 15 * kMinute;
  return context;
}

// The same, that long after its deadline.
inline PollContext overdue(int64_t by_us) {
  PollContext context = watching();
  context.now_us = context.deadline_us + by_us;
  return context;
}

inline PollVerdict look(const std::string& body, const PollContext& context = watching()) {
  return judge_poll(answered(200, body), context);
}

inline void expect_end(const PollVerdict& verdict, PollAction action, core::AttemptState attempt) {
  EXPECT_EQ(verdict.action, action);
  EXPECT_EQ(core::name(verdict.attempt), core::name(attempt));
  EXPECT_EQ(verdict.failure.user_message.empty(), action == PollAction::completed);
  EXPECT_EQ(verdict.failure.admin_message.empty(), action == PollAction::completed);
}

}  // namespace atelier::replicate
