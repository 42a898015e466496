// SPDX-License-Identifier: PostgreSQL
// What a function may remember from one call to the next of the same query, and which query that is. A place in a
// plpgsql expression lives as long as the transaction, so whoever remembers an answer keeps the caller's identity and
// the snapshot with it and asks again when one differs. Used by rpc/.
#pragma once

#include <cstdint>
#include <type_traits>

#include "pg/postgres.hpp"

namespace atelier::pg {

// What the running query sees.
struct SnapshotKey {
  uint32_t xmin = 0;
  uint32_t xmax = 0;
  uint32_t running = 0;  // how many transactions between the two it does not see
  uint32_t command = 0;

  friend bool operator==(const SnapshotKey&, const SnapshotKey&) = default;
};
SnapshotKey current_snapshot() noexcept;

// Zeroed memory of that size that belongs to the place in the query from which the function is called.
void* call_memory(FunctionCallInfo fcinfo, size_t bytes);

// The same as a value; a value of zeroes has to mean "nothing remembered".
template <typename T>
T& remembered(FunctionCallInfo fcinfo) {
  static_assert(std::is_trivially_copyable_v<T>);
  return *static_cast<T*>(call_memory(fcinfo, sizeof(T)));
}

}  // namespace atelier::pg
