// SPDX-License-Identifier: PostgreSQL
#include "worker/news.hpp"

#include <limits>
#include <vector>

#include "core/retry.hpp"
#include "pg/fault.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"
#include "replicate/webhook.hpp"
#include "store/webhooks.hpp"
#include "worker/endings.hpp"

namespace atelier::worker {

namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
// The provider repeats a message for about a minute, and none is accepted that was signed more than five minutes ago.
constexpr int64_t kRememberedUs = 10 * core::kMinuteUs;
constexpr int64_t kSecretGoodForUs = 60 * core::kMinuteUs;
constexpr size_t kMostEarly = 10'000;

}  // namespace

std::vector<store::webhooks::News> News::take(int64_t now_us) {
  std::vector<store::webhooks::News> news, others;
  if (pg::settings::webhook_url().empty()) return others;
  const auto error = pg::in_owner_transaction([&] {
    news = store::webhooks::take_news();
    if (now_us < next_forget_us_) return;
    next_forget_us_ = now_us + core::kMinuteUs;
    store::webhooks::forget_before({now_us - kRememberedUs});
  });
  if (error) {
    pg::report(pg::Level::log, std::string("atelier: webhooks postponed: ") + error->what());
    return others;
  }
  ATELIER_FAULT_IF(!news.empty(), webhook_taken);
  for (const store::webhooks::News& one : news) {
    if (one.training) {
      others.push_back(one);
      continue;
    }
    Job* job = one.attempt ? context_.jobs.find(*one.attempt) : context_.jobs.find_prediction(one.prediction_id);
    if (job != nullptr) {
      look_soon(*job, now_us);
    } else if (!one.attempt) {
      // It came before the answer to the creating request.
      if (context_.early.size() >= kMostEarly) context_.early.clear();
      context_.early.insert(one.prediction_id);
      others.push_back(one);
    }
  }
  return others;
}

void News::look_soon(Job& job, int64_t now_us) {
  if (job.phase == Phase::settling) return;
  job.hinted = true;
  const bool waits = job.phase == Phase::watching || job.phase == Phase::searching;
  if (!waits || (job.looking && !job.in_roll_call)) return;
  job.in_roll_call = false;
  context_.jobs.schedule(job, now_us);
}

void News::ask_secrets(int64_t now_us) {
  if (pg::settings::webhook_url().empty()) return;
  for (const auto& [account, token] : context_.tokens.accounts()) {
    const auto [place, is_new] = asked_.try_emplace(account, 0);
    if (is_new) {
      const auto error = pg::in_owner_transaction([&] {
        const auto due = store::webhooks::secret_due(account, kSecretGoodForUs);
        place->second = due ? due->us : kNever;
      });
      if (error) {
        asked_.erase(place);
        continue;
      }
    }
    const std::string* secret = context_.tokens.secret(token);
    if (now_us < place->second || secret == nullptr || context_.transfers.free_places() == 0 ||
        !context_.tokens.pool().begin_request(token, core::TokenPool::Use::other, now_us))
      continue;
    place->second = now_us + core::kMinuteUs;
    context_.transfers.send(Reason::webhook_secret, 0, token, *secret, replicate::get_webhook_secret());
  }
}

void News::on_secret(const Arrival& arrival, int64_t now_us) {
  const std::string account = context_.tokens.pool().account_of(arrival.transfer.token);
  const auto key =
      replicate::is_success(arrival.answer) ? replicate::parse_webhook_secret(arrival.answer.body) : std::nullopt;
  if (!key || account.empty()) return log_call(context_.recorder, arrival, nullptr, nullptr);
  const auto error = pg::in_owner_transaction([&] { store::webhooks::keep_secret(account, *key, {now_us}); });
  if (error) {
    pg::report(pg::Level::warning, std::string("atelier: a webhook secret could not be written: ") + error->what());
    return;
  }
  asked_[account] = now_us + kSecretGoodForUs;
}

}  // namespace atelier::worker
