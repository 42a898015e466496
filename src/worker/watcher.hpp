// SPDX-License-Identifier: PostgreSQL
// From the wire to the end: looks at predictions until they have ended, cancels the ones whose user or deadline asks
// for it, and hands their results to the recorder. Part of the dispatcher.
#pragma once

#include <cstdint>

#include "replicate/outcome.hpp"
#include "worker/context.hpp"

namespace atelier::worker {

class Watcher {
 public:
  explicit Watcher(Context& context) : context_(context) {}

  // Sends the look (or the cancel) that this job is due for, or puts it off when its account has no budget.
  void look(Job& job, int64_t now_us);

  void on_look(const Arrival& arrival, int64_t now_us);
  void on_cancel(const Arrival& arrival, int64_t now_us);

  // The user of this attempt's generation has asked for its end.
  void want_cancel(int64_t attempt, int64_t now_us);

 private:
  void note_progress(Job& job, const replicate::Prediction& prediction, int64_t now_us);
  void act_on(Job& job, const Arrival& arrival, const replicate::PollVerdict& verdict, int64_t now_us);

  Context& context_;
};

}  // namespace atelier::worker
