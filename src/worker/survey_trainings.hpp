// SPDX-License-Identifier: PostgreSQL
// The trainings in the survey: which of those that the provider lists belong to trainings of which this database knows
// only that they are open. Told by the name of the uploaded set, where that is gone by the webhook; what cannot be told
// apart is counted, and nobody guesses. The survey fetches the pages and the names, and calls adopt() in its
// transaction.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/token_pool.hpp"
#include "replicate/response.hpp"
#include "store/survey.hpp"

namespace atelier::worker {

class SurveyTrainings {
 public:
  void begin(std::vector<store::survey::OpenTraining> open);
  bool are_wanted() const noexcept { return !open_.empty(); }
  // What was created before belongs to none of them.
  int64_t since_us() const noexcept { return since_us_; }

  void collect(int32_t token, const replicate::Page& page);
  // Uploads of this token's account whose names are not known yet; each is returned once.
  std::vector<std::string> take_files(int32_t token);
  // Empty when the provider does not know the upload any more.
  void name_file(const std::string& file, const std::string& name);

  store::survey::Outcome adopt(const core::TokenPool& pool);

 private:
  struct Seen {
    int32_t token = 0;
    int64_t created_at_us = 0;
    std::optional<std::string> input;  // nullopt when the provider does not show it
    std::string trigger_word;
    std::string webhook;
    std::string file;                 // empty when the set was uploaded elsewhere, not by us
    std::optional<std::string> name;  // of the upload
    bool asked = false;
  };
  const store::survey::OpenTraining* owner_of(const Seen& seen) const;
  bool may_be_ours(const Seen& seen) const;

  std::vector<store::survey::OpenTraining> open_;
  int64_t since_us_ = 0;
  std::map<std::string, Seen> seen_;  // by id
};

}  // namespace atelier::worker
