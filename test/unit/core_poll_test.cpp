// SPDX-License-Identifier: PostgreSQL
#include "core/poll.hpp"

#include <gtest/gtest.h>

namespace atelier::core::poll {
namespace {

constexpr uint64_t kLargest = 9'223'372'036'854'775'807;

Cursor example() {
  Cursor cursor;
  cursor.place = 0xfedcba9876543210;
  cursor.scope = *parse_uuid("01234567-89ab-cdef-fedc-ba9876543210");
  cursor.issued_s = 1'795'758'654;
  cursor.counts = {150, 3, 0, 7};
  cursor.seen = {770, 780, {770, 775}};
  return cursor;
}

TEST(CorePoll, SnapshotsHaveTheFormOfTheServer) {
  EXPECT_EQ(print(Snapshot{770, 780, {770, 775}}), "770:780:770,775");
  EXPECT_EQ(print(Snapshot{770, 770, {}}), "770:770:");
  EXPECT_EQ(parse_snapshot("770:780:770,775"), (Snapshot{770, 780, {770, 775}}));
  EXPECT_EQ(parse_snapshot("770:770:"), (Snapshot{770, 770, {}}));
  EXPECT_EQ(parse_snapshot("1:9223372036854775807:"), (Snapshot{1, kLargest, {}}));
}

TEST(CorePoll, OtherTextsAreNoSnapshots) {
  for (const char* text : {"", ":", "::", "1:2", "1:2:3:4", "2:1:", "-1:2:", "1:2:x", "1:2:,", "1:2:3,", " 1:2:",
                           "+1:2:", "1:9223372036854775808:", "1:99999999999999999999999:", "0x1:2:", "1.0:2:"})
    EXPECT_FALSE(parse_snapshot(text)) << text;
}

TEST(CorePoll, CursorsComeBackAsTheyWere) {
  const Cursor cursor = example();
  EXPECT_EQ(print(cursor),
            "1.fedcba9876543210.u01234567-89ab-cdef-fedc-ba9876543210.1795758654.150,3,0,7.770:780:770,775");
  EXPECT_EQ(parse_cursor(print(cursor)), cursor);
  EXPECT_EQ(parse_cursor(print(Cursor{})), Cursor{});
}

TEST(CorePoll, CursorsOfPagesComeBackAsTheyWere) {
  Cursor cursor = example();
  cursor.workspace = true;
  cursor.page = Cursor::Page{{700, 701, {}}, {771, cursor.scope, true}};
  EXPECT_EQ(parse_cursor(print(cursor)), cursor);
  cursor.page->end.row = false;
  EXPECT_EQ(parse_cursor(print(cursor)), cursor);
}

TEST(CorePoll, EveryBeginningAndEveryChangedByteIsReadSafely) {
  Cursor cursor = example();
  cursor.page = Cursor::Page{{700, 701, {}}, {771, cursor.scope, true}};
  const std::string text = print(cursor);
  const Cursor plain = example();
  for (size_t length = 0; length < text.size(); ++length) {
    const auto parsed = parse_cursor(std::string_view(text).substr(0, length));
    // A cursor without its page is one too.
    if (parsed) {
      EXPECT_FALSE(parsed->page) << length;
    }
  }
  for (size_t place = 0; place < text.size(); ++place)
    for (const char byte : {'\0', '.', ',', ':', '-', 'x', '9', '\xff'}) {
      std::string changed = text;
      changed[place] = byte;
      const auto parsed = parse_cursor(changed);
      if (parsed) {
        EXPECT_EQ(parse_cursor(print(*parsed)), parsed) << changed;
      }
    }
}

TEST(CorePoll, AHugeTextIsNoCursor) { EXPECT_FALSE(parse_cursor(print(example()) + std::string(100'000, '1'))); }

TEST(CorePoll, ASnapshotIsTakenAsItIs) {
  const Snapshot now{770, 780, {770, 775}};
  EXPECT_EQ(seen_at(now, 0, false), now);
  EXPECT_EQ(seen_at(now, 780, false), now);  // not below xmax: not shown anyway
  EXPECT_EQ(seen_at(now, 775, false), now);
}

TEST(CorePoll, OnesOwnChangesAreToldAgain) {
  EXPECT_EQ(seen_at({770, 780, {775}}, 777, false), (Snapshot{770, 780, {775, 777}}));
  EXPECT_EQ(seen_at({780, 780, {}}, 760, false), (Snapshot{760, 780, {760}}));
}

TEST(CorePoll, AStandbyDoesNotKnowWhatIsRunning) {
  EXPECT_EQ(seen_at({770, 780, {}}, 0, true), (Snapshot{770, 770, {}}));
}

TEST(CorePoll, WhatACrashTookBackIsNotSeen) {
  const Snapshot seen{770, 780, {770, 775}};
  EXPECT_EQ(seen_below(seen, 780), seen);
  EXPECT_EQ(seen_below(seen, 1000), seen) << "it has seen none of those";
  EXPECT_EQ(seen_below(seen, 777), (Snapshot{770, 777, {770, 775}}));
  EXPECT_EQ(seen_below(seen, 775), (Snapshot{770, 775, {770}}));
  EXPECT_EQ(seen_below(seen, 760), (Snapshot{760, 760, {}}));
}

TEST(CorePoll, WhatBothHaveSeen) {
  const Snapshot earlier{770, 780, {770, 775}};
  const Snapshot later{775, 790, {775, 785}};
  EXPECT_EQ(seen_by_both(earlier, later), earlier);
  EXPECT_EQ(seen_by_both(later, earlier), earlier);
  EXPECT_EQ(seen_by_both(earlier, earlier), earlier);
  EXPECT_EQ(seen_by_both(earlier, {772, 772, {}}), (Snapshot{770, 772, {770}})) << "a standby that is behind";
  EXPECT_EQ(seen_by_both(earlier, {760, 790, {760, 778}}), (Snapshot{760, 780, {760, 770, 775, 778}}));
}

TEST(CorePoll, CursorsOfAStartComeBackAsTheyWere) {
  Cursor cursor = example();
  cursor.start = 0x64f00d;
  const std::string text = print(cursor);
  EXPECT_TRUE(text.starts_with("1.fedcba9876543210-64f00d.u")) << text;
  EXPECT_EQ(parse_cursor(text), cursor);
  for (const char* start : {"-", "-0", "-064f00d", "-64F00D", "-64f00d-1", "-10000000000000000"})
    EXPECT_FALSE(parse_cursor("1.fedcba9876543210" + std::string(start) + text.substr(text.find(".u")))) << start;
}

TEST(CorePoll, Intervals) {
  EXPECT_EQ(next_poll_ms(false, true), 5'000);
  EXPECT_EQ(next_poll_ms(false, false), 60'000);
  EXPECT_EQ(next_poll_ms(true, true), 120'000);
  EXPECT_EQ(next_poll_ms(true, false), 120'000);
}

}  // namespace
}  // namespace atelier::core::poll
