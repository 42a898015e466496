// SPDX-License-Identifier: PostgreSQL
// What the control endpoint can set for the whole stand-in. Read by every handler without a lock, written by PATCH and
// reset only.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "json.hpp"

namespace stand_in {

class Settings {
 public:
  std::atomic<int64_t> create_delay_ms, poll_delay_ms, queue_ms, run_ms, creates_per_minute, requests_per_minute,
      rate_window_ms, retention_ms, webhook_retry_ms, cancel_finished, page_size, arrivals, max_body_bytes;
  std::atomic<bool> instant, cut_lists, keep_inputs;
  std::atomic<double> deadline_scale;

  Settings() { reset(); }

  // Back to the defaults.
  void reset();

  // Takes over the members of an object; when one is unknown or of the wrong type its name is returned and nothing is
  // changed, else an empty string.
  std::string patch(const JsonValue& object);

  std::string json() const;

  // Where output files are said to be; "local" means the stand-in itself.
  std::string output_base() const;

 private:
  mutable std::mutex mutex_;
  std::string output_base_;
};

}  // namespace stand_in
