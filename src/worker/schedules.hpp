// SPDX-License-Identifier: PostgreSQL
// The keeper's timetable: starts each job when its schedule says so, in batches that commit one by one, and writes down
// how it went. A run that was missed while no keeper was there is made up for once. Knows nothing of what a job does.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "store/jobs.hpp"

namespace atelier::worker {

// For the check of the settings that hold a cron expression: what is wrong with it, or nullopt.
std::optional<std::string> schedule_problem(const std::string& schedule);

class Schedules {
 public:
  // `between` is called between two batches; false ends the run, since the keeper has to leave.
  explicit Schedules(std::function<bool()> between) : between_(std::move(between)) {}

  // Reads the timetable anew at the next run_due().
  void reload() { known_ = false; }
  void run_due(int64_t now_us);
  std::optional<int64_t> next_due_us() const;

 private:
  struct Entry {
    const store::jobs::Job* job;
    std::optional<int64_t> due_us;
  };

  bool read(int64_t now_us);
  void run(const store::jobs::Job& job);

  std::function<bool()> between_;
  std::vector<Entry> entries_;
  bool known_ = false;
  bool first_ = true;
};

}  // namespace atelier::worker
