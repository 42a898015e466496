// SPDX-License-Identifier: PostgreSQL
// The cursor of poll_generations(): what a client has seen, as a text that it passes back. Also how long it should wait
// before it asks again. Called by rpc/poll.cpp. A forged cursor fools nobody but its client: it holds no rights.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/uuid.hpp"

namespace atelier::core::poll {

// Which transactions had committed, in the terms and the text form of PostgreSQL's pg_snapshot.
struct Snapshot {
  uint64_t xmin = 0;              // all before it had ended
  uint64_t xmax = 0;              // none from here on had
  std::vector<uint64_t> running;  // of those between, these had not

  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};
std::string print(const Snapshot& snapshot);
std::optional<Snapshot> parse_snapshot(std::string_view text);

// What a client will have seen that takes in what `now` shows. A transaction that asks in the middle of its own changes
// has to be told of them again (`own` is its number, 0 for none), and a standby does not know what is running.
Snapshot seen_at(Snapshot now, uint64_t own, bool standby);

// What remains seen of it when the numbers from `first` on may mean other transactions now.
Snapshot seen_below(Snapshot seen, uint64_t first);
// What both have seen.
Snapshot seen_by_both(const Snapshot& one, const Snapshot& other);

// Where a page ended, in the order (transaction, id, row or deletion).
struct Position {
  uint64_t transaction = 0;
  Uuid id;
  bool row = false;

  friend bool operator==(const Position&, const Position&) = default;
};

struct Cursor {
  uint64_t place = 0;  // which server and database it belongs to
  uint64_t start = 0;  // and which start of the server; 0: not known
  bool workspace = false;
  Uuid scope;            // the workspace, or the user
  int64_t issued_s = 0;  // when `seen` was taken, seconds since the Unix epoch
  std::array<int64_t, 4> counts{};
  Snapshot seen;
  // While more is to come: the page's end, and from where on changes are told. Then `seen` is for after the last page.
  struct Page {
    Snapshot since;
    Position end;

    friend bool operator==(const Page&, const Page&) = default;
  };
  std::optional<Page> page;

  friend bool operator==(const Cursor&, const Cursor&) = default;
};
std::string print(const Cursor& cursor);
// Nullopt for a text that print() has not written.
std::optional<Cursor> parse_cursor(std::string_view text);

// Milliseconds until the next poll.
int next_poll_ms(bool background, bool active) noexcept;

}  // namespace atelier::core::poll
