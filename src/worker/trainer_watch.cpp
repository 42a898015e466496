// SPDX-License-Identifier: PostgreSQL
// The part of the trainer that follows what was started, and looks up what may have been.
#include <algorithm>
#include <utility>

#include "core/json.hpp"
#include "core/retry.hpp"
#include "pg/fault.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"
#include "replicate/matching.hpp"
#include "worker/trainer.hpp"

namespace atelier::worker {

namespace {

namespace settings = pg::settings;
namespace trainings = store::trainings;
using replicate::PredictionStatus;

// A cancelled or overdue training is waited for so long.
constexpr int64_t kEndGraceUs = 5 * core::kMinuteUs;
constexpr int64_t kMissingUs = core::kMinuteUs;
constexpr int64_t kAgainUs = 2 * core::kSecondUs;
constexpr int64_t kCancelAgainUs = core::kMinuteUs;

}  // namespace

// After its deadline it has some time to be cancelled; also when nobody was there to do so at the deadline.
int64_t Trainer::given_up_us(const Training& training) {
  return std::max(training.row.deadline_us, training.watched_since_us) + pg::fault::scaled(kEndGraceUs);
}

void Trainer::accept(Training& training, const std::string& training_id, int64_t now_us) {
  training.row.training_id = training_id;
  training.step = Step::watch;
  training.tries = 0;
  training.watched_since_us = now_us;
  // They are not needed any more.
  training.set_file.reset();
  const int64_t id = training.row.id;
  const bool told = context_.early.erase(training_id) != 0;
  training.due_us =
      std::exchange(training.hinted, false) || told ? now_us : now_us + settings::poll_interval_ms() * 1000;
  record(
      training, [id, training_id] { trainings::accept(id, training_id); }, now_us);
  ATELIER_FAULT(training_accepted);
}

// One that cannot be looked up is not started again, but its LoRA fails when its time is over.
void Trainer::search(Training& training, int64_t now_us) {
  const bool readable = context_.tokens.secret(training.token) != nullptr;
  if (now_us >= given_up_us(training))
    return fail(training, "The answer of the provider was lost, and the training could not be looked up.",
                readable ? "the provider's list of trainings could not be read" : "the token that sent it is gone",
                now_us);
  if (!readable) {
    training.due_us = now_us + kAgainUs;
    return;
  }
  if (!training.next_page) training.may_be_hidden = false;
  ask(training, training.next_page ? *training.next_page : replicate::list_trainings(), now_us);
}

void Trainer::on_list(Training& training, const Arrival& arrival, int64_t now_us) {
  ATELIER_FAULT(training_listed);
  const replicate::ListVerdict verdict =
      replicate::judge_list(arrival.answer, now_us, context_.random(), training.tries);
  if (verdict.action != replicate::ListAction::page) {
    ++training.tries;
    training.next_page.reset();
    if (verdict.action == replicate::ListAction::throttle)
      context_.tokens.pool().cool_requests(training.token, verdict.until_us);
    if (verdict.action == replicate::ListAction::other_token)
      training.token = context_.tokens.pool().sibling(training.token).value_or(training.token);
    training.due_us = std::max(now_us + kAgainUs, std::max(verdict.until_us, now_us + verdict.delay_us));
    return;
  }
  training.tries = 0;
  const core::json::Parsed input = core::json::parse(training.input);
  if (const replicate::Prediction* found =
          replicate::find_training(*verdict.page, input.root(), webhook_of(training))) {
    training.next_page.reset();
    return accept(training, found->id, now_us);
  }
  training.may_be_hidden =
      training.may_be_hidden || replicate::may_hide_training(*verdict.page, training.row.sent_at_us, training.row.id);
  if (replicate::may_be_on_next_page(*verdict.page, training.row.sent_at_us)) {
    training.next_page = replicate::next_training_page(verdict.page->next);
    if (training.next_page) return;
    // While the rest of the list has not been seen, a search says nothing.
    training.due_us = now_us + kAgainUs;
    return;
  }
  training.next_page.reset();
  // A look before its time shows less, since a list may be late: it does not count.
  if (!std::exchange(training.hinted, false)) ++training.searches;
  if (const auto delay_us = core::search_delay_us(training.searches)) {
    training.due_us =
        std::max(now_us + pg::fault::scaled(core::kSecondUs), training.row.sent_at_us + pg::fault::scaled(*delay_us));
    return;
  }
  training.searches = 0;
  if (training.may_be_hidden)
    return fail(training, "The answer of the provider was lost, and the training could not be found again.",
                "the provider does not show the inputs of trainings of that time", now_us);
  replicate::Failure failure;
  failure.admin_message = "the creating request never arrived";
  return_training(training, failure, now_us, now_us);
}

void Trainer::watch(Training& training, int64_t now_us) {
  const std::string& id = *training.row.training_id;
  const bool overdue = now_us >= training.row.deadline_us;
  if (now_us >= given_up_us(training))
    return fail(training, "The training took too long and was given up.", "past its deadline, and not ended", now_us);
  if (training.cancel_again_us != 0 && now_us >= training.cancel_again_us) training.cancel_sent = false;
  if ((overdue || training.row.unwanted) && !training.cancel_sent) {
    training.cancel_again_us = 0;
    training.cancel_sent = ask(training, replicate::cancel_training(id), now_us);
    return;
  }
  ask(training, replicate::get_training(id), now_us);
}

void Trainer::on_look(Training& training, const Arrival& arrival, int64_t now_us) {
  const replicate::Answer& answer = arrival.answer;
  const bool of_cancel = arrival.transfer.method == "POST";
  const auto seen = replicate::is_success(answer) ? replicate::parse_prediction(answer.body) : std::nullopt;
  const bool hinted = std::exchange(training.hinted, false);
  if (seen && seen->id == *training.row.training_id) {
    training.tries = 0;
    training.missing_since_us = 0;
    if (replicate::is_terminal(seen->status)) return end_by(training, *seen, now_us);
    training.due_us = now_us + (training.cancel_sent && training.cancel_again_us == 0
                                    ? pg::fault::scaled(core::kSecondUs)
                                    : core::poll_delay_us(now_us - training.watched_since_us, true,
                                                          settings::poll_interval_ms() * 1000, context_.random()));
    if (hinted) training.due_us = now_us;
    return;
  }
  ++training.tries;
  training.due_us = now_us + core::backoff_us(training.tries, context_.random());
  if (of_cancel) {
    // A refusal may mean that it has ended: a look tells. What did not arrive is said again.
    if (answer.delivery != replicate::Delivery::delivered || answer.status >= 500 || answer.status == 429) {
      training.cancel_sent = false;
    } else {
      training.due_us = now_us;
      training.cancel_again_us = now_us + pg::fault::scaled(kCancelAgainUs);
    }
    return;
  }
  if (answer.status == 401 || answer.status == 403)
    training.token = context_.tokens.pool().sibling(training.token).value_or(training.token);
  if (answer.status != 404) return;
  if (training.missing_since_us == 0) training.missing_since_us = now_us;
  if (now_us >= training.missing_since_us + pg::fault::scaled(kMissingUs))
    fail(training, "The provider does not know the training any more.", "404 for a training that was accepted", now_us);
}

void Trainer::end_by(Training& training, const replicate::Prediction& seen, int64_t now_us) {
  trainings::End end;
  end.predict_time = seen.predict_time;
  const bool succeeded = seen.status == PredictionStatus::succeeded;
  if (seen.status == PredictionStatus::aborted)
    end.cost_usd = "0";
  else if (const auto cost =
               context_.catalogue.cost(training.row.trainer, {seen.object.find("metrics"), succeeded, now_us}))
    end.cost_usd = cost->usd;
  const replicate::TrainingResult result = replicate::training_result(seen);
  if (succeeded && (!result.weights.empty() || !result.version.empty())) {
    end.state = "succeeded";
    end.lora_url = result.weights.empty() ? result.version : result.weights;
    if (!result.version.empty()) end.model_version = result.version;
  } else if (succeeded) {
    end.state = "failed";
    end.message = "The training ended without a result.";
    end.error = "neither output.weights nor output.version";
  } else if (seen.status == PredictionStatus::failed) {
    end.state = "failed";
    end.message = replicate::user_message(seen.error);
    end.error = seen.error;
  } else {
    end.state = "cancelled";
    end.message = now_us >= training.row.deadline_us ? "The training took too long and was cancelled."
                                                     : "The training was cancelled.";
    end.error = "ended as " + seen.status_text;
  }
  finish(training, std::move(end), now_us);
}

}  // namespace atelier::worker
