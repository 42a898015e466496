// SPDX-License-Identifier: PostgreSQL
// The whole state of the stand-in in one place, handed to every handler by reference. It is made once by main and lives
// as long as the program.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "accounts.hpp"
#include "arrivals.hpp"
#include "behaviour.hpp"
#include "files.hpp"
#include "models.hpp"
#include "settings.hpp"
#include "stats.hpp"
#include "store.hpp"
#include "webhooks.hpp"

namespace stand_in {

struct Service {
  std::string origin;  // "http://127.0.0.1:PORT"
  Settings settings;
  Stats stats;
  OrderedFaults ordered;
  Behaviours behaviours;
  Catalog models{behaviours};
  Accounts accounts{settings};
  Store store;
  Arrivals arrivals;
  Files files;
  Webhooks webhooks{*this};

  // While set, nobody is let in and nobody is answered, as when the machine is away.
  std::atomic<bool> away{false};
  // Goes away for that many milliseconds; set by the server.
  std::function<void(int64_t)> go_away;

  int64_t retention_us() const { return settings.retention_ms * kMillisecond; }
};

}  // namespace stand_in
