// SPDX-License-Identifier: PostgreSQL
// What the parts of the dispatcher share: the open attempts, the requests on their way, the results to be written, the
// token pool, the versions of community models, and a tally for the views. One per process, passed by reference.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <unordered_set>
#include <vector>

#include "pg/shmem.hpp"
#include "worker/catalogue.hpp"
#include "worker/jobs.hpp"
#include "worker/models.hpp"
#include "worker/recorder.hpp"
#include "worker/token_bank.hpp"
#include "worker/transfers.hpp"
#include "worker/turns.hpp"

namespace atelier::worker {

struct Context {
  Transfers transfers;
  Jobs jobs;
  Recorder recorder;
  TokenBank tokens;
  Catalogue catalogue;
  Models models;
  pg::WorkerReport report;

  // Generations whose last prediction was not started in time.
  std::unordered_set<core::Uuid, core::UuidHash> short_of_time;

  // Predictions of which a webhook told before the answer to their creating request.
  std::unordered_set<std::string> early;

  // Whose turn it is.
  Turns turns;

  // A number in [0, 1), for backoff and for spreading polls.
  double random() { return std::uniform_real_distribution<double>(0.0, 1.0)(generator_); }

 private:
  std::mt19937_64 generator_{std::random_device{}()};
};

}  // namespace atelier::worker
