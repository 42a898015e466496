// SPDX-License-Identifier: PostgreSQL
#include "worker/survey_trainings.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "core/json.hpp"
#include "core/retry.hpp"
#include "pg/settings.hpp"
#include "replicate/matching.hpp"
#include "replicate/training.hpp"
#include "replicate/webhook.hpp"
#include "store/trainings.hpp"

namespace atelier::worker {

using store::survey::OpenTraining;

void SurveyTrainings::begin(std::vector<OpenTraining> open) {
  open_ = std::move(open);
  if (open_.empty()) return;
  const auto oldest = std::min_element(open_.begin(), open_.end(), [](const OpenTraining& a, const OpenTraining& b) {
    return a.created_at.us < b.created_at.us;
  });
  since_us_ = oldest->created_at.us;
}

void SurveyTrainings::collect(int32_t token, const replicate::Page& page) {
  for (const replicate::Prediction& training : page.predictions) {
    const int64_t created_at_us = training.created_at_us.value_or(since_us_);
    if (created_at_us < since_us_ - replicate::kClockSkewUs) continue;
    const auto [place, is_new] = seen_.try_emplace(training.id);
    if (!is_new) continue;
    Seen& seen = place->second;
    seen.token = token;
    seen.created_at_us = created_at_us;
    seen.webhook = training.webhook;
    if (!replicate::is_readable(training)) continue;
    seen.input = core::json::to_text(training.input);
    seen.trigger_word = replicate::trigger_word_of(training);
    seen.file = replicate::file_id_in(replicate::set_url_of(training));
  }
}

std::vector<std::string> SurveyTrainings::take_files(int32_t token) {
  std::vector<std::string> files;
  for (auto& [id, seen] : seen_) {
    if (seen.token != token || seen.file.empty() || seen.name || std::exchange(seen.asked, true)) continue;
    files.push_back(seen.file);
  }
  return files;
}

void SurveyTrainings::name_file(const std::string& file, const std::string& name) {
  for (auto& [id, seen] : seen_)
    if (seen.file == file) seen.name = name;
}

// The training here that it was started for.
const OpenTraining* SurveyTrainings::owner_of(const Seen& seen) const {
  const auto named = replicate::owner_in_set_name(seen.name.value_or(""));
  const std::string url = pg::settings::webhook_url();
  for (const OpenTraining& one : open_) {
    if (seen.created_at_us < one.created_at.us - replicate::kClockSkewUs) continue;
    if (named && named->training == one.id && named->lora == one.lora) return &one;
    if (!seen.name.value_or("").empty() || url.empty()) continue;
    // Numbers begin anew in each database, so the webhook has to be ours, and the input must not say otherwise.
    if (seen.webhook == replicate::webhook_for_training(url, one.id) &&
        (!seen.input || (!seen.file.empty() && seen.trigger_word == one.trigger_word)))
      return &one;
  }
  return nullptr;
}

// Whether nothing shows that it is somebody else's.
bool SurveyTrainings::may_be_ours(const Seen& seen) const {
  if (!seen.name.value_or("").empty()) return false;
  return std::any_of(open_.begin(), open_.end(), [&](const OpenTraining& one) {
    if (seen.created_at_us < one.created_at.us - replicate::kClockSkewUs) return false;
    if (!seen.webhook.empty() && replicate::training_in_webhook(seen.webhook) != one.id) return false;
    return !seen.input || (!seen.file.empty() && seen.trigger_word == one.trigger_word);
  });
}

store::survey::Outcome SurveyTrainings::adopt(const core::TokenPool& pool) {
  store::survey::Outcome outcome;
  if (seen_.empty()) return outcome;
  std::vector<std::string> ids;
  for (const auto& [id, seen] : seen_) ids.push_back(id);
  const std::vector<std::string> list = store::trainings::owned(ids);
  const std::set<std::string> owned(list.begin(), list.end());
  const int64_t deadline_us = pg::settings::training_deadline_s() * core::kSecondUs;
  for (const auto& [id, seen] : seen_) {
    if (owned.count(id) != 0) continue;
    const OpenTraining* owner = owner_of(seen);
    if (owner == nullptr) {
      if (may_be_ours(seen)) ++outcome.unreadable;
      continue;
    }
    const bool adopted = store::trainings::adopt({owner->id,
                                                  owner->lora,
                                                  id,
                                                  seen.token,
                                                  pool.account_of(seen.token),
                                                  seen.input,
                                                  {seen.created_at_us},
                                                  {seen.created_at_us + deadline_us}});
    if (adopted) ++outcome.adopted;
  }
  return outcome;
}

}  // namespace atelier::worker
