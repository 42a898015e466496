// SPDX-License-Identifier: PostgreSQL
// After a change of the timeline (a standby was promoted, or the server was restored to a point in time) the former one
// may have sent rows of which this database knows only that they are queued. Nothing is sent before the list of every
// account has been compared with them; what is found gets the attempt that was lost. The same for trainings, which are
// told by the name of the set that they were made from. Part of the dispatcher, which asks is_busy() before it claims.
// It never sends a creating request.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "replicate/request.hpp"
#include "store/survey.hpp"
#include "worker/context.hpp"
#include "worker/survey_trainings.hpp"

namespace atelier::worker {

class Survey {
 public:
  explicit Survey(Context& context) : context_(context) {}

  // Begins, once per change of timeline.
  void begin(int64_t now_us);
  bool is_busy() const noexcept { return phase_ == Phase::listing; }
  // The database has to be looked at again: it has been adopted from, or holds now.
  bool take_finished() noexcept;

  // Asks for the lists that are due, and compares when all have been read.
  void act(int64_t now_us);
  void on_list(const Arrival& arrival, int64_t now_us);
  std::optional<int64_t> due_us() const;

 private:
  enum class Phase { idle, listing, done };
  // A list of one account, or an upload in it, asked for by one of its tokens.
  enum class What { predictions, trainings, file };
  struct Source {
    int64_t id;
    What what;
    int32_t token;
    replicate::Request request;
    int64_t due_us;
    std::string file;
    int failures = 0;
    int refusals = 0;
    bool is_cut = false;  // it goes on, and cannot be followed
    bool out = false;
    bool read = false;
  };

  static std::string name_of(const Source& source);
  void add_source(What what, int32_t token, int64_t due_us, const std::string& file = {});
  void list_from_start(int64_t due_us);
  void collect(const Source& source, const replicate::Page& page);
  replicate::Request first_page(const Source& source) const;
  // To the next page, or the end; a list that is cut is read anew later.
  void turn_page(Source& source, const replicate::Page& page, int64_t now_us);
  void ask_for_files(int32_t token, int64_t now_us);
  void compare(int64_t now_us);

  Context& context_;
  Phase phase_ = Phase::idle;
  bool finished_ = false;
  int rounds_ = 0;
  int64_t since_us_ = 0;
  std::vector<Source> sources_;
  std::vector<store::survey::Seen> seen_;
  std::set<std::string> ids_;  // of seen_
  SurveyTrainings trainings_;
  int64_t last_source_ = 0;
};

}  // namespace atelier::worker
