// SPDX-License-Identifier: PostgreSQL
// The dispatcher's memory of its open attempts: what each waits for and when it is due. The table in the database is
// the truth; this is rebuilt from it at every start. Times are microseconds since the Unix epoch.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/uuid.hpp"
#include "store/attempts.hpp"
#include "store/claims.hpp"

namespace atelier::worker {

enum class Phase {
  sending,    // the creating request is out
  resolving,  // it was refused; the model's latest version is being looked up
  watching,   // a prediction exists; a look is due at due_us, or out when `looking`
  searching,  // the answer was lost; a search of the provider's list is due at due_us, or out when `looking`
  settling,   // its end is being written
};

struct Job {
  int64_t attempt = 0;
  core::Uuid generation;
  core::Uuid user;
  std::optional<core::Uuid> workspace;  // when it was claimed
  int16_t number = 0;
  int32_t token = 0;
  std::string model;
  std::string action;
  int32_t retries = 0;  // predictions of its series that were accepted before
  int16_t series = 1;
  bool hidden = false;
  std::optional<int64_t> seq;  // its old place in the queue, known to the dispatcher that claimed it
  bool generation_exists = true;
  int64_t sent_at_us = 0;
  int64_t deadline_us = 0;
  std::string prediction_id;
  size_t input_hash = 0;  // of the input as it was sent; of attempts of a former process once they are searched for
  bool named_without_version = false;  // the request named a model and no version
  int64_t not_before_us = 0;           // when the provider lets it be sent again, if that is needed

  Phase phase = Phase::sending;
  int64_t due_us = 0;
  bool looking = false;
  bool hinted = false;           // a webhook says that there is news: the next look does not wait for its time
  bool in_roll_call = false;     // the look comes with the pages of its account's list
  bool alone = false;            // the next look is one of its own
  int16_t percent = -1;          // how far it has come, as its logs say; -1 while they say nothing
  int64_t percent_again_us = 0;  // when that may be written next
  int looks = 0;                 // answered polls or searches of this phase
  int failed_looks = 0;          // in a row
  int64_t watched_since_us = 0;
  int32_t other_token = 0;           // watches instead of the one that created it, of the same account; 0: none
  bool inherited = false;            // from a former process
  bool unreadable = false;           // no token can read its account
  int64_t search_leader = 0;         // the attempt whose listing serves this one too
  bool unclear = false;              // a request with an equal input is out, whose answer decides
  bool may_have_expired = false;     // this search has seen a prediction of its time that cannot be compared
  bool cancel_wanted = false;        // by the user
  bool cancel_for_deadline = false;  // by us
  bool cancel_sent = false;
  int cancel_tries = 0;         // that the provider did not take
  int64_t cancel_again_us = 0;  // when the next one is due

  int32_t watching_token() const { return other_token != 0 ? other_token : token; }
  bool is_video() const { return action.rfind("video", 0) == 0; }
  bool is_text() const { return action.rfind("analyze_", 0) == 0; }
};

class Jobs {
 public:
  Job& add(const store::claims::Claimed& claimed);
  Job& add(const store::attempts::OpenAttempt& open);
  Job* find(int64_t attempt);
  // By the prediction's id, among all: for what comes seldom.
  Job* find_prediction(std::string_view prediction_id);
  void remove(int64_t attempt);

  // Sets when the job is to be looked at next.
  void schedule(Job& job, int64_t due_us);
  // The next job that is due at `now_us`; null when none is.
  Job* next_due(int64_t now_us);
  std::optional<int64_t> next_due_us();

  size_t size() const noexcept { return jobs_.size(); }
  std::unordered_map<int64_t, Job>& all() noexcept { return jobs_; }

 private:
  struct Due {
    int64_t us;
    int64_t attempt;
    bool operator>(const Due& other) const { return us > other.us; }
  };
  void drop_stale();

  std::unordered_map<int64_t, Job> jobs_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
};

}  // namespace atelier::worker
