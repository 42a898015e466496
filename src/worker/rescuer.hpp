// SPDX-License-Identifier: PostgreSQL
// Attempts whose answer was lost: searches the provider's list for their prediction and adopts it, or finds after the
// grace time that the request never arrived, and lets the generation be sent again. It asks the provider and never
// guesses. Part of the dispatcher.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "replicate/outcome.hpp"
#include "worker/context.hpp"

namespace atelier::worker {

class Rescuer {
 public:
  explicit Rescuer(Context& context) : context_(context) {}

  // Sends the search that this job is due for, or puts it off.
  void search(Job& job, int64_t now_us);
  void on_list(const Arrival& arrival, int64_t now_us);

  // Whether an attempt of a former process has not been searched for yet; nothing new is sent before that, so that a
  // new request can never be taken for an old one.
  bool is_busy();

 private:
  // Jobs that one listing is made for, the leader among them, in the order of their sending.
  using Party = std::vector<Job*>;

  bool is_of_account(const Job& job, const Job& other) const;
  Party followers(const Job& leader, int64_t now_us);
  Party party_of(int64_t leader);
  void send(Job& leader, const Party& party, const replicate::Request& request, int64_t now_us);
  void schedule(const Party& party, int64_t due_us);
  void act_on_failure(const Arrival& arrival, const replicate::ListVerdict& verdict, Job& leader, const Party& party,
                      int64_t now_us);
  // One page serves every job of its account that is searched for. Returns false when the database could not be asked.
  bool adopt_from(const Job& asking, const replicate::Page& page, int64_t now_us);
  Party searched_with(const Job& asking);
  void adopt(Job& job, const std::string& prediction_id, int64_t now_us);
  std::unordered_set<size_t> inputs_in_flight() const;
  void count_search(const Party& party, int64_t now_us);
  void put_off(const Party& party, const char* reason, int64_t now_us);
  void give_up(Job& job, int64_t now_us);
  void give_up_unreadable(Job& job, int64_t now_us);

  Context& context_;
};

}  // namespace atelier::worker
