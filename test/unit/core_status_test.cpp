// SPDX-License-Identifier: PostgreSQL
#include "core/status.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>

namespace atelier::core {
namespace {

using enum GenerationStatus;
constexpr GenerationStatus kAll[] = {pending, queued, processing, completed, failed, cancelled};
constexpr AttemptState kStates[] = {
    AttemptState::sending,   AttemptState::running, AttemptState::unknown,  AttemptState::refused, AttemptState::absent,
    AttemptState::succeeded, AttemptState::failed,  AttemptState::canceled, AttemptState::aborted, AttemptState::lost};

constexpr int64_t kNow = 1'700'000'000'000'000;
constexpr int64_t kStart = kNow - 2'500'999;
constexpr int64_t kEnd = kNow - 1'000'000;

TEST(CoreStatus, NamesAreReadBack) {
  std::set<std::string_view> names;
  for (const GenerationStatus status : kAll) {
    EXPECT_FALSE(name(status).empty());
    EXPECT_EQ(parse_generation_status(name(status)), status);
    names.insert(name(status));
  }
  EXPECT_EQ(names.size(), std::size(kAll));
  names.clear();
  for (const AttemptState state : kStates) {
    EXPECT_EQ(parse_attempt_state(name(state)), state);
    names.insert(name(state));
  }
  EXPECT_EQ(names.size(), std::size(kStates));
}

TEST(CoreStatus, NamesAreThoseOfTheColumns) {
  EXPECT_EQ(name(pending), "pending");
  EXPECT_EQ(name(queued), "queued");
  EXPECT_EQ(name(processing), "processing");
  EXPECT_EQ(name(completed), "completed");
  EXPECT_EQ(name(failed), "failed");
  EXPECT_EQ(name(cancelled), "cancelled");  // two l
  EXPECT_EQ(name(AttemptState::canceled), "canceled");
}

TEST(CoreStatus, SucceededIsReadAsCompleted) { EXPECT_EQ(parse_generation_status("succeeded"), completed); }

TEST(CoreStatus, OtherTextsAreNoStatus) {
  for (const std::string_view text : {"", " ", "Pending", "pending ", "canceled", "unheard of", "complete"})
    EXPECT_EQ(parse_generation_status(text), std::nullopt) << text;
  for (const std::string_view text : {"", "queued", "cancelled", "Running"})
    EXPECT_EQ(parse_attempt_state(text), std::nullopt) << text;
}

TEST(CoreStatus, WhatHasEndedAndWhatIsOpen) {
  for (const GenerationStatus status : {pending, queued, processing}) EXPECT_TRUE(is_active(status));
  for (const GenerationStatus status : {completed, failed, cancelled}) EXPECT_TRUE(is_terminal(status));
  for (const GenerationStatus status : kAll) EXPECT_NE(is_active(status), is_terminal(status));
  for (const AttemptState state : kStates) {
    const bool open =
        state == AttemptState::sending || state == AttemptState::running || state == AttemptState::unknown;
    EXPECT_EQ(is_open(state), open) << name(state);
  }
}

TEST(CoreStatus, ProcessingStartsTheClock) {
  for (const GenerationStatus from : {pending, queued}) {
    const StatusChange change = change_status(from, processing, {}, kNow);
    EXPECT_EQ(change, (StatusChange{{kNow, std::nullopt, std::nullopt}, false}));
  }
}

TEST(CoreStatus, ProcessingThatGoesOnKeepsItsStart) {
  const StatusTimes before{kStart, std::nullopt, std::nullopt};
  EXPECT_EQ(change_status(processing, processing, before, kNow), (StatusChange{before, false}));
}

TEST(CoreStatus, AnEndSetsTheTimeAndHowLongItTook) {
  for (const GenerationStatus to : {completed, failed, cancelled}) {
    const StatusChange change = change_status(processing, to, {kStart, std::nullopt, std::nullopt}, kNow);
    EXPECT_EQ(change, (StatusChange{{kStart, kNow, 2'500}, false})) << name(to);
  }
}

TEST(CoreStatus, AnEndWithoutAStartHasNoDuration) {
  for (const GenerationStatus from : {pending, queued}) {
    const StatusChange change = change_status(from, failed, {}, kNow);
    EXPECT_EQ(change, (StatusChange{{std::nullopt, kNow, std::nullopt}, false}));
  }
}

TEST(CoreStatus, DurationsAreNeverNegative) {
  const StatusTimes before{kNow + 5'000'000, std::nullopt, std::nullopt};
  EXPECT_EQ(change_status(processing, completed, before, kNow).times.processing_time_ms, 0);
}

TEST(CoreStatus, DurationsFitTheColumn) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  const auto after_ms = [](int64_t ms) {
    return change_status(processing, completed, {kNow - ms * 1000, std::nullopt, std::nullopt}, kNow)
        .times.processing_time_ms;
  };
  EXPECT_EQ(after_ms(kMost), kMost);
  EXPECT_EQ(after_ms(kMost + 1), kMost);
  EXPECT_EQ(after_ms(kNow / 1000), kMost);
}

TEST(CoreStatus, AStartAtMinusInfinityHasNoDuration) {
  const StatusTimes before{std::numeric_limits<int64_t>::min(), std::nullopt, std::nullopt};
  const StatusChange change = change_status(processing, completed, before, kNow);
  EXPECT_EQ(change.times.completed_at_us, kNow);
  EXPECT_EQ(change.times.processing_time_ms, std::nullopt);
}

TEST(CoreStatus, TheFirstEndStays) {
  const StatusTimes ended{kStart, kEnd, 1'500};
  for (const GenerationStatus from : {completed, failed, cancelled})
    for (const GenerationStatus to : {completed, failed, cancelled})
      EXPECT_EQ(change_status(from, to, ended, kNow), (StatusChange{ended, false}));
}

TEST(CoreStatus, AnEndThatHasNoTimeGetsOne) {
  const StatusChange change = change_status(completed, completed, {kStart, std::nullopt, std::nullopt}, kNow);
  EXPECT_EQ(change.times, (StatusTimes{kStart, kNow, 2'500}));
}

TEST(CoreStatus, BackInTheQueueThereIsNoStart) {
  for (const GenerationStatus to : {pending, queued}) {
    const StatusChange change = change_status(processing, to, {kStart, std::nullopt, std::nullopt}, kNow);
    EXPECT_EQ(change, StatusChange{});
  }
}

TEST(CoreStatus, ARetryForgetsTheEndAndTheError) {
  const StatusTimes ended{kStart, kEnd, 1'500};
  for (const GenerationStatus from : {completed, failed, cancelled}) {
    for (const GenerationStatus to : {pending, queued})
      EXPECT_EQ(change_status(from, to, ended, kNow), (StatusChange{{}, true}));
    EXPECT_EQ(change_status(from, processing, ended, kNow), (StatusChange{{kNow, std::nullopt, std::nullopt}, true}));
  }
}

TEST(CoreStatus, OnlyARetryClearsTheError) {
  for (const GenerationStatus from : kAll)
    for (const GenerationStatus to : kAll)
      EXPECT_EQ(change_status(from, to, {}, kNow).clear_error, is_terminal(from) && is_active(to));
}

}  // namespace
}  // namespace atelier::core
