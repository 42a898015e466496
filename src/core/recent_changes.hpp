// SPDX-License-Identifier: PostgreSQL
// The latest changes of generations, in memory that all processes share, so that a poll that finds nothing reads no
// table. A ring: the newest change takes the place of the oldest one, and what a client may have missed by that is
// known from the numbers of the transactions. It holds no pointers, does no I/O and is not told of commits: a change
// counts for those whose snapshot shows its transaction, which is the caller's matter, as is the lock. pg/change_memory
// owns it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/poll.hpp"
#include "core/uuid.hpp"

namespace atelier::core {

struct RecentChange {
  uint64_t transaction = 0;
  uint32_t database = 0;
  Uuid generation;
  // Who has to hear of it; nil for nobody.
  Uuid user;
  Uuid workspace;
};

class RecentChanges {
 public:
  static constexpr uint64_t kPlaces = 64 * 1024;

  enum class Scope : uint8_t { user, workspace };

  // To be called first, since no constructor runs there: changes of transactions from this number on will all be added.
  void begin(uint64_t transaction) noexcept;

  void add(const RecentChange& change) noexcept;

  // The generations whose changes in the scope `since` did not show, each once; nullopt when some may have been
  // overwritten, or when they are more than `most`. `now` is the snapshot of the asking query and `own` the number of
  // its transaction, 0 for none.
  std::optional<std::vector<Uuid>> find(uint32_t database, Scope scope, const Uuid& id, const poll::Snapshot& since,
                                        const poll::Snapshot& now, uint64_t own, size_t most) const;

 private:
  static constexpr size_t kScopes = 2;
  static constexpr size_t kBuckets = 16 * 1024;
  static constexpr uint64_t kBlock = 256;

  struct Place {
    RecentChange change;
    // How far back the next older change of the same bucket is; 0: there is none.
    std::array<uint32_t, kScopes> distance;
  };

  static const Uuid& id_of(const RecentChange& change, Scope scope) noexcept;
  static size_t bucket_of(uint32_t database, const Uuid& id) noexcept;
  bool reaches_back_to(const poll::Snapshot& since, const poll::Snapshot& now, uint64_t own) const noexcept;
  // The number of the oldest change that is still here and may be of a transaction from `xmin` on.
  uint64_t first_from(uint64_t xmin) const noexcept;

  uint64_t complete_from_;  // all changes of transactions from this number on are here
  uint64_t count_;          // changes so far; the newest has this number
  std::array<std::array<uint64_t, kBuckets>, kScopes> newest_;  // 0: none
  std::array<uint64_t, kPlaces / kBlock> highest_;              // number of a transaction in each block of places
  std::array<Place, kPlaces> places_;
};

}  // namespace atelier::core
