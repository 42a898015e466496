// SPDX-License-Identifier: PostgreSQL
// Writes what the network brought into the database: one short durable transaction per batch. An attempt that somebody
// else has closed meanwhile is fenced off, and nothing of its entry applies. When a batch fails, each entry is tried
// alone; one that fails alone waits and is tried again, and one that keeps failing is set aside, so that it never stops
// the others. Entries of one attempt are written in the order in which they came. Used by the dispatcher; it does not
// touch the network.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pg/error.hpp"
#include "store/attempts.hpp"
#include "store/results.hpp"

namespace atelier::worker {

// One step of an attempt with everything that belongs to it.
struct Entry {
  store::attempts::Step step;
  core::Uuid user;
  std::optional<store::results::Change> change;
  std::optional<store::results::Return> requeue;
  std::vector<store::results::Call> calls;
  int failures = 0;
  int64_t not_before_us = 0;
};

struct Recorded {
  int64_t attempt;
  core::AttemptState state;
  bool applied;   // false: the attempt had been closed by somebody else, or the entry was set aside
  bool returned;  // its generation is in the queue again
};

class Recorder {
 public:
  void add(Entry entry) { waiting_.push_back(std::move(entry)); }
  // A provider call that belongs to no step, for api_logs.
  void add_call(store::results::Call call) { calls_.push_back(std::move(call)); }

  // How far a prediction has come; lost without harm.
  void add_progress(int64_t attempt, int16_t percent) { progress_.push_back({attempt, percent}); }

  // When the earliest postponed entry is due; nullopt when nothing waits.
  std::optional<int64_t> due_us() const;

  // Writes what is due; returns what became of each entry that is done with.
  std::vector<Recorded> flush(int64_t now_us);

 private:
  void one_by_one(std::vector<Entry> entries, int64_t now_us, std::vector<Recorded>& done);
  void postpone_or_set_aside(Entry entry, const pg::Error& error, int64_t now_us, std::vector<Recorded>& done);
  // What may be written now: of each attempt the first that waits.
  std::vector<Entry> take_due(int64_t now_us);

  std::vector<Entry> waiting_;
  std::vector<store::results::Call> calls_;
  std::vector<store::attempts::Progress> progress_;
};

}  // namespace atelier::worker
