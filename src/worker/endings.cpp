// SPDX-License-Identifier: PostgreSQL
#include "worker/endings.hpp"

#include "core/text.hpp"
#include "pg/fault.hpp"
#include "pg/settings.hpp"

namespace atelier::worker {

namespace {

namespace settings = pg::settings;
using core::AttemptState;
using core::GenerationStatus;

// The provider deletes the files of a prediction an hour after its end.
constexpr int64_t kFilesLiveUs = 60LL * 60 * 1'000'000;

std::optional<int16_t> http_status(const replicate::Answer* answer) {
  if (answer == nullptr || answer->status == 0) return std::nullopt;
  return static_cast<int16_t>(answer->status);
}

Entry entry_for(const Job& job, AttemptState state, const replicate::Answer* answer,
                const replicate::Failure* failure) {
  Entry entry;
  entry.step.attempt = job.attempt;
  entry.user = job.user;
  entry.step.state = state;
  entry.step.http_status = http_status(answer);
  if (!job.prediction_id.empty()) entry.step.prediction_id = job.prediction_id;
  if (failure != nullptr && !failure->admin_message.empty()) entry.step.error = failure->admin_message;
  return entry;
}

store::results::Change& change(Entry& entry, const Job& job, GenerationStatus status) {
  entry.change.emplace();
  entry.change->generation = job.generation;
  entry.change->status = status;
  if (!job.prediction_id.empty()) {
    entry.change->prediction_id = job.prediction_id;
    entry.change->token = job.token;
    entry.change->sent_at = pg::Timestamp{job.sent_at_us};
  }
  return *entry.change;
}

void return_at(Context& context, Entry& entry, const Job& job, int64_t not_before_us) {
  entry.requeue = store::results::Return{job.generation, {not_before_us}, job.seq, job.series};
  context.turns.expect_release(not_before_us);
}

// What the provider asks for the prediction, whatever became of it. One that was never started is free.
void add_cost(Context& context, Entry& entry, const Job& job, const replicate::Prediction& prediction, int64_t now_us) {
  entry.step.predict_time = prediction.predict_time;
  if (prediction.status == replicate::PredictionStatus::aborted) {
    entry.step.cost_usd = "0";
    return;
  }
  const bool succeeded = prediction.status == replicate::PredictionStatus::succeeded;
  const auto cost = context.catalogue.cost(job.model, {prediction.object.find("metrics"), succeeded, now_us});
  if (!cost) return;
  entry.step.cost_usd = cost->usd;
  entry.step.cost_rule = cost->rule;
}

bool wants_log(Reason reason, bool failed) {
  switch (settings::log_calls()) {
    case settings::LogCalls::off:
      return false;
    case settings::LogCalls::failures:
      return failed;
    case settings::LogCalls::creates:
      return failed || reason == Reason::create || reason == Reason::cancel;
    case settings::LogCalls::all:
      return true;
  }
  return false;
}

std::optional<store::results::Call> call_of(const Arrival& arrival, const Job* job, const replicate::Failure* failure,
                                            const std::string& external_status) {
  const bool failed = failure != nullptr || !replicate::is_success(arrival.answer);
  if (!wants_log(arrival.transfer.reason, failed)) return std::nullopt;
  store::results::Call call;
  call.method = arrival.transfer.method;
  call.path = arrival.transfer.path;
  call.status_code = arrival.answer.status;
  call.duration_ms = static_cast<int32_t>(arrival.duration_us / 1000);
  if (job != nullptr) {
    call.user = job->user;
    call.generation = job->generation;
    call.model = job->model;
    call.retry_count = job->retries;
  }
  if (!external_status.empty()) call.external_status = external_status;
  if (failure != nullptr) {
    call.error_message = failure->admin_message;
    call.error_category = std::string(replicate::name(failure->category));
  } else if (failed) {
    call.error_message = core::text::redact(arrival.answer.transport_error);
    call.error_category = std::string(replicate::name(replicate::ErrorCategory::network));
  }
  return call;
}

}  // namespace

Entry accepted_entry(const Job& job, const replicate::Answer& answer) {
  Entry entry = entry_for(job, AttemptState::running, &answer, nullptr);
  change(entry, job, GenerationStatus::processing);
  return entry;
}

Entry unknown_entry(const Job& job, const replicate::Answer& answer, const replicate::Failure& failure) {
  return entry_for(job, AttemptState::unknown, &answer, &failure);
}

Entry returned_entry(Context& context, const Job& job, AttemptState state, const replicate::Answer* answer,
                     const replicate::Failure* failure, int64_t not_before_us) {
  Entry entry = entry_for(job, state, answer, failure);
  if (job.cancel_wanted) {
    change(entry, job, GenerationStatus::cancelled);
  } else {
    return_at(context, entry, job, not_before_us);
  }
  return entry;
}

Entry refused_entry(const Job& job, const replicate::Answer* answer, const replicate::Failure& failure) {
  Entry entry = entry_for(job, AttemptState::refused, answer, &failure);
  change(entry, job, GenerationStatus::failed).message = failure.user_message;
  return entry;
}

Entry ended_entry(Context& context, const Job& job, const replicate::PollVerdict& verdict, int64_t now_us) {
  using replicate::PollAction;
  const bool completed = verdict.action == PollAction::completed;
  Entry entry = entry_for(job, verdict.attempt, nullptr, completed ? nullptr : &verdict.failure);
  if (verdict.prediction && !core::is_open(verdict.attempt)) add_cost(context, entry, job, *verdict.prediction, now_us);

  const bool again = verdict.action == PollAction::try_again && !job.cancel_wanted;
  if (again) {
    change(entry, job, GenerationStatus::processing);
    return_at(context, entry, job, now_us + verdict.delay_us);
    return entry;
  }
  const bool cancelled = verdict.action == PollAction::cancelled || verdict.action == PollAction::try_again;
  store::results::Change& row = change(entry, job,
                                       completed   ? GenerationStatus::completed
                                       : cancelled ? GenerationStatus::cancelled
                                                   : GenerationStatus::failed);
  if (verdict.prediction) row.output = replicate::stored_prediction(*verdict.prediction);
  if (completed) {
    row.output_urls = verdict.output.urls;
    if (!verdict.output.text.empty()) row.output_text = verdict.output.text;
    row.cost_usd = entry.step.cost_usd;
    row.files_expire_at = pg::Timestamp{
        (verdict.prediction ? verdict.prediction->completed_at_us.value_or(now_us) : now_us) + kFilesLiveUs};
  } else if (!cancelled) {
    row.message = verdict.failure.user_message;
  }
  return entry;
}

Entry unreachable_entry(Context& context, const Job& job, const std::string& reason, int64_t now_us) {
  replicate::PollVerdict verdict;
  verdict.action = replicate::PollAction::failed;
  verdict.attempt = AttemptState::lost;
  verdict.failure = {"The result of this generation cannot be read any more.", reason, replicate::ErrorCategory::auth};
  return ended_entry(context, job, verdict, now_us);
}

Entry expired_entry(Context& context, const Job& job, int64_t now_us) {
  replicate::PollVerdict verdict;
  verdict.action = replicate::PollAction::failed;
  verdict.attempt = AttemptState::lost;
  verdict.failure = {"The result of this generation has expired.",
                     "its answer was lost, and the provider no longer shows the inputs of that time",
                     replicate::ErrorCategory::storage};
  return ended_entry(context, job, verdict, now_us);
}

void log_call(Entry& entry, const Arrival& arrival, const Job& job, const replicate::Failure* failure,
              const std::string& external_status) {
  if (auto call = call_of(arrival, &job, failure, external_status)) entry.calls.push_back(std::move(*call));
}

void log_call(Recorder& recorder, const Arrival& arrival, const Job* job, const replicate::Failure* failure) {
  if (auto call = call_of(arrival, job, failure, {})) recorder.add_call(std::move(*call));
}

replicate::PollContext poll_context(Context& context, const Job& job, int64_t now_us) {
  replicate::PollContext poll;
  poll.prediction_id = job.prediction_id;
  poll.now_us = now_us;
  poll.random = context.random();
  poll.sent_at_us = job.sent_at_us;
  poll.deadline_us = job.deadline_us;
  poll.poll_interval_us = settings::poll_interval_ms() * 1000;
  poll.watched_since_us = job.watched_since_us;
  poll.failed_looks = job.failed_looks;
  poll.retries = job.retries;
  poll.max_attempts = settings::max_attempts();
  poll.video = job.is_video();
  poll.cancel_requested = job.cancel_wanted;
  poll.cancel_sent = job.cancel_sent && job.cancel_for_deadline;
  poll.grace_us = pg::fault::scaled(poll.grace_us);
  poll.cancel_grace_us = pg::fault::scaled(poll.cancel_grace_us);
  poll.missing_us = pg::fault::scaled(poll.missing_us);
  poll.output = {job.is_text(), settings::is_loopback_api()};
  return poll;
}

}  // namespace atelier::worker
