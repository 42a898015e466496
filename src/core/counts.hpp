// SPDX-License-Identifier: PostgreSQL
// What a transaction has changed in the numbers of generations, until it commits: a map from (user, workspace) to
// differences, one level for each open subtransaction. trigger/generation_counts adds rows, store/counts writes the
// sum at the end of the transaction, readers ask for what is not written yet. Pure: levels and hours are arguments.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/status.hpp"
#include "core/uuid.hpp"

namespace atelier::core::counts {

// The numbers that are kept of a set of generations, in the order of the columns of atelier.generation_counts. The WAL
// of a change holds all that stands between the first and the last number that differs, so what changes in one step of
// a generation stands together, and what nearly always follows from others is kept as its exceptions. Dollars are
// counted in millionths.
enum Number : size_t {
  kCredits,
  kGenerations,
  kCompleted,
  kTimeMs,  // sum over the completed ones
  kCompletedCostMicros,
  kFailed,
  kCancelled,
  kOtherCostMicros,  // of those that are not completed
  kUntimed,          // completed ones without a processing time
  kParts,            // those that are parts of films
  kPartsUnderWay,
  kPartsFailed,
  kFavorites,  // those that are no parts
  kNumbers
};

struct Numbers {
  std::array<int64_t, kNumbers> values{};

  int64_t& operator[](Number number) noexcept { return values[number]; }
  int64_t operator[](Number number) const noexcept { return values[number]; }
  void add(const Numbers& other, int sign = 1) noexcept;
  bool is_zero() const noexcept;
  // Pending, queued and processing; and what the lists show: those that are no parts of films.
  int64_t under_way() const noexcept;
  int64_t shown() const noexcept;
  int64_t shown_under_way() const noexcept;
  int64_t shown_failed() const noexcept;

  friend bool operator==(const Numbers&, const Numbers&) = default;
};

// What a row is counted by.
struct Row {
  Uuid user;
  Uuid workspace;  // the nil UUID for none
  std::optional<GenerationStatus> status;
  bool part_of_film = false;
  bool favorite = false;
  int64_t cost_micros = 0;
  int64_t credits = 0;
  std::optional<int64_t> time_ms;
  std::optional<int64_t> hour;  // since the Unix epoch, when it was created; nullopt for one that is too long ago

  friend bool operator==(const Row&, const Row&) = default;
};
Numbers numbers_of(const Row& row) noexcept;

// The hour that a time is in.
int64_t hour_of(int64_t us) noexcept;

// What a line of the table is about. The values stand in its column `scope`. The whole is the sum over all workspaces,
// what is private being one of them.
enum class Scope : int16_t { user = 1, workspace = 2, hour = 3 };

struct Key {
  Scope scope = Scope::user;
  Uuid user;         // nil but for Scope::user
  Uuid workspace;    // nil for what is private, and for hours
  int64_t hour = 0;  // 0 but for Scope::hour

  friend auto operator<=>(const Key&, const Key&) = default;
};
size_t hash_of(const Key& key) noexcept;

struct Change {
  Key key;
  Numbers numbers;
};

class Deltas {
 public:
  // `level` is the nesting level of the running (sub)transaction, 1 being the outermost.
  void add(const Row& row, int sign, int level);
  // All rows are gone, whatever was added so far.
  void clear(int level);
  // The end of a subtransaction: what it added becomes its parent's, or is dropped.
  void end_level(int level, bool kept);
  void reset() noexcept { levels_.clear(); }

  bool empty() const noexcept { return levels_.empty(); }
  // The differences of all levels by key, in the order of keys, without those that are zero.
  std::vector<Change> changes() const;
  // The same of one user, of one workspace, or of a user in a workspace.
  Numbers of_user(const Uuid& user) const;
  Numbers of_workspace(const Uuid& workspace, const std::optional<Uuid>& user) const;

 private:
  struct Pair {
    Uuid user;
    Uuid workspace;

    friend bool operator==(const Pair&, const Pair&) = default;
  };
  struct PairHash {
    size_t operator()(const Pair& pair) const noexcept;
  };
  struct Level {
    int depth = 1;
    bool cleared = false;  // what is below does not count
    std::unordered_map<Pair, Numbers, PairHash> pairs;
    std::map<int64_t, int64_t> hours;
  };

  Level& level_at(int depth);
  size_t first_valid() const noexcept;
  static void merge(Level& parent, Level&& child);

  std::vector<Level> levels_;
};

}  // namespace atelier::core::counts
