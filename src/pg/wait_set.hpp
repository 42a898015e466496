// SPDX-License-Identifier: PostgreSQL
// What a worker sleeps on: its latch, the postmaster's death (which ends the process) and, for the dispatcher, the one
// descriptor behind which libcurl's sockets are. The set is made once and lives as long as the process.
#pragma once

#include "pg/postgres.hpp"

struct WaitEventSet;

namespace atelier::pg {

class WaitSet {
 public:
  static constexpr int kNoDescriptor = -1;

  // `descriptor` is watched for being readable; kNoDescriptor for none.
  explicit WaitSet(int descriptor = kNoDescriptor);
  ~WaitSet() = default;
  WaitSet(const WaitSet&) = delete;
  WaitSet& operator=(const WaitSet&) = delete;

  struct Woken {
    bool by_latch = false;
    bool by_descriptor = false;
  };
  // Sleeps until something happens or `timeout_ms` (-1: for ever) is over; resets the latch. Answers interrupts: ends
  // the process on SIGTERM.
  Woken wait(long timeout_ms);

 private:
  ::WaitEventSet* set_;
};

}  // namespace atelier::pg
