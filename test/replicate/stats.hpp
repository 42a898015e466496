// SPDX-License-Identifier: PostgreSQL
// Counters of what the stand-in did, and failures that were ordered for coming requests. All of it is safe to use from
// all threads; the control endpoint reads it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "faults.hpp"
#include "route.hpp"

namespace stand_in {

struct Stats {
  std::atomic<int64_t> posts, accepted, refused, unanswered;
  std::atomic<int64_t> outstanding, peak_outstanding, expect_continue;
  std::atomic<int64_t> downloads, downloads_with_token;
  std::atomic<int64_t> hooks_sent, hooks_accepted, hooks_failed;
  std::atomic<int64_t> connections_accepted, connections_open;
  std::array<std::atomic<int64_t>, kRouteCount> by_route;
  std::array<std::atomic<int64_t>, 600> by_status;

  Stats() { reset(); }

  // Everything to zero, but for what is open at the moment.
  void reset() {
    for (auto* counter : {&posts, &accepted, &refused, &unanswered, &peak_outstanding, &expect_continue, &downloads,
                          &downloads_with_token, &hooks_sent, &hooks_accepted, &hooks_failed, &connections_accepted}) {
      *counter = 0;
    }
    for (auto& counter : by_route) counter = 0;
    for (auto& counter : by_status) counter = 0;
  }

  void begin_request() {
    const int64_t now = ++outstanding;
    int64_t peak = peak_outstanding;
    while (now > peak && !peak_outstanding.compare_exchange_weak(peak, now)) {
    }
  }
  void end_request() { --outstanding; }
};

struct OrderedFault {
  Route route = Route::kAll;
  Fault fault = Fault::kNone;
  int64_t times = 1;
  bool created = false;  // the prediction is made nevertheless
};

// "The next N requests on this route fail."
class OrderedFaults {
 public:
  void order(const OrderedFault& fault) {
    const std::lock_guard lock(mutex_);
    ordered_.push_back(fault);
    any_ = true;
  }

  // The oldest order for this route, used up by one.
  std::optional<OrderedFault> take(Route route) {
    if (!any_) return std::nullopt;
    const std::lock_guard lock(mutex_);
    for (auto place = ordered_.begin(); place != ordered_.end(); ++place) {
      if (!covers(place->route, route)) continue;
      const OrderedFault taken = *place;
      if (--place->times <= 0) ordered_.erase(place);
      any_ = !ordered_.empty();
      return taken;
    }
    return std::nullopt;
  }

  void reset() {
    const std::lock_guard lock(mutex_);
    ordered_.clear();
    any_ = false;
  }

 private:
  std::atomic<bool> any_ = false;
  std::mutex mutex_;
  std::vector<OrderedFault> ordered_;
};

}  // namespace stand_in
