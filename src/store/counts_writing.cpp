// SPDX-License-Identifier: PostgreSQL
#include "store/counts_writing.hpp"

#include "pg/counter_table.hpp"
#include "pg/named_lock.hpp"
#include "pg/shmem.hpp"
#include "pg/spi.hpp"
#include "pg/transaction.hpp"
#include "pg/transaction_hooks.hpp"
#include "store/counts.hpp"

namespace atelier::store::counts {

namespace {

using core::counts::Change;
using core::counts::Deltas;
using core::counts::kNumbers;

// A key has one line as long as its writers do not meet; then up to so many.
constexpr int kSlots = 12;
// Each raised line costs a lock until the end of the transaction, of which the server has few; sessions are many, the
// dispatcher is one, and writes the results of many users at once.
constexpr size_t kMostRaised = 48;
constexpr size_t kMostRaisedByWorkers = 512;
static_assert(kNumbers == 13, "the statements name them all");

#define NUMBERS                                                                         \
  "credits, generations, completed, time_ms, completed_cost_micros, failed, cancelled," \
  " other_cost_micros, untimed, parts, parts_under_way, parts_failed, favorites"
// $1 to $4 the keys, $6 the numbers of all one after the other.
#define GIVEN                                                                                                   \
  " $6[n * 13 - 12], $6[n * 13 - 11], $6[n * 13 - 10], $6[n * 13 - 9], $6[n * 13 - 8], $6[n * 13 - 7],"         \
  " $6[n * 13 - 6], $6[n * 13 - 5], $6[n * 13 - 4], $6[n * 13 - 3], $6[n * 13 - 2], $6[n * 13 - 1], $6[n * 13]" \
  " FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::bigint[], $5::smallint[]) WITH ORDINALITY"          \
  " AS k (scope, user_id, workspace_id, hour, slot, n) ORDER BY n"

pg::Statement raise_statement(
    "INSERT INTO atelier.generation_counts AS c (scope, user_id, workspace_id, hour, slot, " NUMBERS
    ")"
    " SELECT k.scope, k.user_id, k.workspace_id, k.hour, k.slot," GIVEN
    " ON CONFLICT (scope, user_id, workspace_id, hour, slot) DO UPDATE SET"
    " credits = c.credits + excluded.credits, generations = c.generations + excluded.generations,"
    " completed = c.completed + excluded.completed, time_ms = c.time_ms + excluded.time_ms,"
    " completed_cost_micros = c.completed_cost_micros + excluded.completed_cost_micros,"
    " failed = c.failed + excluded.failed, cancelled = c.cancelled + excluded.cancelled,"
    " other_cost_micros = c.other_cost_micros + excluded.other_cost_micros,"
    " untimed = c.untimed + excluded.untimed, parts = c.parts + excluded.parts,"
    " parts_under_way = c.parts_under_way + excluded.parts_under_way,"
    " parts_failed = c.parts_failed + excluded.parts_failed, favorites = c.favorites + excluded.favorites");

pg::Statement append_statement(
    "INSERT INTO atelier.generation_count_deltas (scope, user_id, workspace_id, hour, " NUMBERS
    ")"
    " SELECT k.scope, k.user_id, k.workspace_id, k.hour," GIVEN);

pg::Statement truncate_statement("TRUNCATE atelier.generation_counts, atelier.generation_count_deltas");

#undef GIVEN
#undef NUMBERS

// Never freed: a destructor would run when the server's memory is gone.
Deltas& own() {
  static auto* deltas = new Deltas;
  return *deltas;
}

constinit Oid counted_table = InvalidOid;

struct Batch {
  std::vector<int16_t> scopes;
  std::vector<core::Uuid> users;
  std::vector<core::Uuid> workspaces;
  std::vector<int64_t> hours;
  std::vector<int16_t> slots;
  std::vector<int64_t> numbers;

  void add(const Change& change, int16_t slot) {
    scopes.push_back(static_cast<int16_t>(change.key.scope));
    users.push_back(change.key.user);
    workspaces.push_back(change.key.workspace);
    hours.push_back(change.key.hour);
    slots.push_back(slot);
    numbers.insert(numbers.end(), change.numbers.values.begin(), change.numbers.values.end());
  }
  void write(pg::Statement& statement) const {
    if (!scopes.empty()) statement(scopes, users, workspaces, hours, slots, numbers);
  }
};

// How many more keys of a kind go to the slot of this process first: whoever has met another writer is likely to meet
// him again. What all that is private has together is met by more writers than any workspace.
constexpr int kApart = 256;
constinit int apart_of_kind[4] = {};

size_t kind_of(const core::counts::Key& key) {
  return key.scope == core::counts::Scope::workspace && key.workspace == core::Uuid{} ? 0
                                                                                      : static_cast<size_t>(key.scope);
}

bool take_slot(const core::counts::Key& key, int slot) {
  const size_t place = core::counts::hash_of(key) + 0x9e3779b97f4a7c15 * static_cast<size_t>(slot);
  return pg::try_lock_for_transaction(counted_table, static_cast<uint16_t>(place >> 48));
}

// A slot of the key that nobody else is writing: the common one, or that of this process.
std::optional<int16_t> free_slot(const core::counts::Key& key) {
  const int own_slot = 1 + MyProcPid % (kSlots - 1);
  int& apart = apart_of_kind[kind_of(key)];
  if (apart > 0) {
    --apart;
  } else if (take_slot(key, 0)) {
    return int16_t{0};
  } else {
    apart = kApart;
  }
  if (take_slot(key, own_slot)) return static_cast<int16_t>(own_slot);
  return std::nullopt;
}

void wake_keeper(bool committed) {
  if (committed) pg::wake_keeper();
}

struct KeyDatums {
  Datum values[5];

  KeyDatums(const core::counts::Key& key, Datum last)
      : values{pg::to_datum(static_cast<int16_t>(key.scope)), core::to_datum(key.user), core::to_datum(key.workspace),
               pg::to_datum(key.hour), last} {}
};

void write(const std::vector<Change>& changes, bool appending) {
  Batch raised, appended;
  bool any_appended = false;
  const size_t most_raised = pg::is_worker() ? kMostRaisedByWorkers : kMostRaised;
  const pg::AsRole owner(pg::owner_role());
  {
    pg::CounterTable lines("generation_counts", 5, kNumbers), deltas("generation_count_deltas", 5, kNumbers);
    for (const Change& change : changes) {
      const int64_t* numbers = change.numbers.values.data();
      const bool may_raise = !appending && changes.size() <= most_raised;
      const std::optional<int16_t> slot = may_raise ? free_slot(change.key) : std::nullopt;
      if (slot) {
        if (!lines.raise(KeyDatums(change.key, pg::to_datum(*slot)).values, numbers)) raised.add(change, *slot);
        continue;
      }
      any_appended = true;
      if (!deltas.append(KeyDatums(change.key, pg::to_datum(pg::CounterTable::new_number())).values, numbers))
        appended.add(change, 0);
    }
  }
  if (!raised.scopes.empty() || !appended.scopes.empty()) {
    const pg::Spi spi;
    raised.write(raise_statement);
    appended.write(append_statement);
  }
  if (any_appended) pg::at_commit(wake_keeper);
}

void before_end(bool appending) {
  if (own().empty()) return;
  const std::vector<Change> changes = own().changes();
  own().reset();
  if (changes.empty()) return;
  const pg::WritingAtEnd writing;
  write(changes, appending);
}

constexpr pg::TransactionHooks kHooks{before_end,
                                      [](int level, bool committed) noexcept { own().end_level(level, committed); },
                                      []() noexcept { own().reset(); }};

}  // namespace

const Deltas& own_changes() noexcept { return own(); }

void note(Oid table, const core::counts::Row& row, int sign) {
  pg::follow_transactions(kHooks);
  counted_table = table;
  own().add(row, sign, pg::nesting_level());
}

void note_truncated() {
  pg::follow_transactions(kHooks);
  own().clear(pg::nesting_level());
  const pg::AsRole owner(pg::owner_role());
  const pg::Spi spi;
  truncate_statement();
}

void write_now() {
  const std::vector<Change> changes = own().changes();
  if (changes.empty()) return;
  // When this subtransaction is rolled back, what it wrote goes, and what it covers here counts again.
  own().clear(pg::nesting_level());
  write(changes, true);
}

std::vector<Change> unwritten() { return own().changes(); }

}  // namespace atelier::store::counts
