// SPDX-License-Identifier: PostgreSQL
// Watching many predictions of one account at once: where single looks would use up the account's requests, the pages
// of its list answer for a hundred predictions each. A roll call only tells that a prediction still runs; one that has
// ended, or that the list does not show, is looked at by itself. Part of the dispatcher.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "worker/context.hpp"

namespace atelier::worker {

class RollCall {
 public:
  explicit RollCall(Context& context) : context_(context) {}

  // Takes over the look that this job is due for; false when a look of its own is the better way.
  bool take(Job& job, int64_t now_us);
  // Asks for the pages that are due.
  void ask(int64_t now_us);
  std::optional<int64_t> due_us() const;

  void on_page(const Arrival& arrival, int64_t now_us);

 private:
  struct Account {
    int watched = 0;  // predictions, counted now and then
    int32_t token = 0;
    bool out = false;
    int64_t next_us = 0;
    int64_t began_us = 0;
    int pages = 0;
    int failures = 0;
    std::unordered_map<std::string, int64_t> waiting;  // attempts by their predictions
    std::optional<replicate::Request> page;            // the one that could not be asked for yet
  };

  std::string key_of(int32_t token) const;
  void count(int64_t now_us);
  void ask(Account& account, int64_t now_us);
  void note(Account& account, replicate::Prediction& prediction, int64_t now_us);
  // Those that have waited since before then are looked at by themselves, the others with the next one.
  void finish(Account& account, int64_t before_us, int64_t now_us);

  Context& context_;
  std::map<std::string, Account> accounts_;
  int64_t next_count_us_ = 0;
};

}  // namespace atelier::worker
