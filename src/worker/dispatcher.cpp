// SPDX-License-Identifier: PostgreSQL
// The dispatcher: one process per database, and the only place where the network and the database meet. Its loop takes
// what the network has brought, writes it, claims what may be sent, sends it, looks at what is due, and sleeps on one
// descriptor and its latch. Every transaction is short and over before it sleeps; none is open while an answer is
// awaited.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <limits>

#include "core/retry.hpp"
#include "pg/datum.hpp"
#include "pg/entry.hpp"
#include "pg/fault.hpp"
#include "pg/memory.hpp"
#include "pg/settings.hpp"
#include "pg/shmem.hpp"
#include "pg/spi.hpp"
#include "pg/transaction.hpp"
#include "pg/wait_set.hpp"
#include "pg/worker.hpp"
#include "pg/worker_names.hpp"
#include "store/attempts.hpp"
#include "store/claims.hpp"
#include "store/dispatch.hpp"
#include "store/trainings.hpp"
#include "worker/context.hpp"
#include "worker/news.hpp"
#include "worker/rescuer.hpp"
#include "worker/roll_call.hpp"
#include "worker/sender.hpp"
#include "worker/start.hpp"
#include "worker/survey.hpp"
#include "worker/trainer.hpp"
#include "worker/watcher.hpp"

namespace atelier::worker {

namespace {

using store::dispatch::kTableVersion;
using store::dispatch::Permit;

constexpr int64_t kMsUs = 1000;
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
// When somebody holds a lock on what has to be looked at.
constexpr int64_t kPostponedUs = 100'000;
// An attempt is neglected when its deadline has passed by so much and nobody has it in mind; looked for at most so
// often.
constexpr int64_t kNeglectedUs = 120'000'000;
constexpr int64_t kAuditUs = 1'000'000;

class Dispatcher {
 public:
  Dispatcher() = default;
  // An error ends the process only after this has been taken down.
  ~Dispatcher() { ending_ = nullptr; }
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  void run() {
    say("starting");
    ending_ = this;
    pg::before_end([] {
      if (ending_ != nullptr) ending_->context_.tokens.flush(0, true);
    });
    if (!look_around()) return;
    pg::WaitSet waits(context_.transfers.fd());
    for (;;) {
      const pg::ScratchContext scratch("atelier dispatcher turn");
      turn();
      if (leaving_) return;
      sleep(waits);
    }
  }

 private:
  void turn() {
    const int64_t now_us = pg::now().us;
    for (Arrival& arrival : context_.transfers.take_done()) receive(arrival, now_us);
    record(now_us);
    if (now_us >= next_safety_us_) {
      next_safety_us_ = now_us + pg::settings::safety_poll_ms() * kMsUs;
      if (probe()) {
        woken_ = true;
        context_.turns.look_round();
      }
    }
    if (woken_ || now_us >= look_again_us_) {
      woken_ = false;
      look_again_us_ = kNever;
      leaving_ = !look_around();
      if (leaving_) return;
    }
    look_at_due(now_us);
    // What the former timeline had sent and written down is looked up before what it may have sent besides.
    if (promoted_ && !rescuer_.is_busy()) survey_.begin(now_us);
    survey_.act(now_us);
    if (inherited_) {
      trainer_.allow(may_send_, promoted_);
      trainer_.act(now_us);
    }
    const bool surveyed = survey_.take_finished();
    reload_open_ = reload_open_ || surveyed;
    if (surveyed || (rescuing_ && !rescuer_.is_busy() && !promoted_)) {
      leaving_ = !look_around();
      if (leaving_) return;
    }
    [[maybe_unused]] const size_t open_before = context_.jobs.size();
    if (may_send_) {
      context_.turns.learn(now_us);
      context_.turns.release(now_us);
      context_.turns.unpark(now_us);
      more_to_claim_ = sender_.claim_and_send(now_us);
    }
    if (context_.transfers.in_flight() > 0) context_.transfers.act();
    ATELIER_FAULT_IF(context_.jobs.size() > open_before, request_sent);
    context_.tokens.flush(now_us);
    publish();
  }

  void receive(Arrival& arrival, int64_t now_us) {
    const Reason reason = arrival.transfer.reason;
    if (reason != Reason::download)
      context_.tokens.note_answer(arrival.transfer.token, reason == Reason::create || reason == Reason::train,
                                  arrival.answer.delivery != replicate::Delivery::not_sent, arrival.repeats, now_us);
    switch (reason) {
      case Reason::create:
        ATELIER_FAULT(answer_read);
        return sender_.on_created(arrival, now_us);
      case Reason::resolve_model:
        return sender_.on_model(arrival, now_us);
      case Reason::check_account:
        sender_.on_account(arrival, now_us);
        return news_.ask_secrets(now_us);
      case Reason::webhook_secret:
        return news_.on_secret(arrival, now_us);
      case Reason::look:
        return watcher_.on_look(arrival, now_us);
      case Reason::cancel:
        return watcher_.on_cancel(arrival, now_us);
      case Reason::search:
        return rescuer_.on_list(arrival, now_us);
      case Reason::survey:
        return survey_.on_list(arrival, now_us);
      case Reason::roll_call:
        return roll_call_.on_page(arrival, now_us);
      case Reason::training:
      case Reason::train:
      case Reason::download:
        return trainer_.on_answer(arrival, now_us);
    }
  }

  void look_at_due(int64_t now_us) {
    roll_call_.ask(now_us);
    while (context_.transfers.free_places() > 0) {
      Job* job = context_.jobs.next_due(now_us);
      if (job == nullptr) return;
      if (job->phase == Phase::watching && !roll_call_.take(*job, now_us)) watcher_.look(*job, now_us);
      if (job->phase == Phase::searching) rescuer_.search(*job, now_us);
      if (job->phase == Phase::resolving) sender_.resolve(*job, now_us);
    }
  }

  void record(int64_t now_us) {
    const auto due = context_.recorder.due_us();
    if (!due || *due > now_us) return;
    for (const Recorded& recorded : context_.recorder.flush(now_us)) {
      if (core::is_open(recorded.state) && recorded.applied) continue;
      if (const Job* job = context_.jobs.find(recorded.attempt))
        context_.turns.ended(job->user, job->workspace, recorded.returned);
      context_.jobs.remove(recorded.attempt);
      ++context_.report.finished;
    }
  }

  // The safety poll: whether there is reason to look around though nobody has called. One index probe.
  bool probe() {
    bool reason = false;
    const auto error = pg::in_owner_transaction([&] {
      reason = !pg::extension_exists(pg::kExtension);
      if (!reason && inherited_) reason = store::claims::anything_waits() || store::trainings::any_open();
    });
    return error.has_value() || reason;
  }

  // Reads what others may have changed: the right to dispatch, the tokens, cancel requests, the queue. Returns false
  // when the workers have nothing to do here any more.
  bool look_around() {
    bool wanted = false;
    store::dispatch::State state;
    std::vector<int64_t> cancels;
    std::vector<store::attempts::OpenAttempt> inherited;
    const int64_t now_us = pg::now().us;
    const auto error = pg::in_owner_transaction([&] {
      wanted = is_wanted();
      if (!wanted) return;
      state = store::dispatch::state();
      if (!state.serves()) return;
      pg::set_app_schema(state.app_schema);
      context_.tokens.refresh(now_us);
      context_.catalogue.refresh();
      if (now_us >= next_limits_us_) {
        next_limits_us_ = now_us + kAuditUs;
        context_.turns.read_limits();
      }
      if (!inherited_) {
        pg::make_commit_durable();
        store::attempts::orphan_all_sending();
        store::trainings::orphan_sending();
        inherited = store::attempts::open_attempts();
        context_.tokens.remember(now_us);
        ATELIER_FAULT(orphans_written);
      } else {
        if (reload_open_) {
          inherited = store::attempts::open_attempts();
        } else if (now_us >= next_audit_us_) {
          inherited = store::attempts::neglected_attempts({now_us - kNeglectedUs});
          next_audit_us_ = now_us + kAuditUs;
        } else {
          look_again_us_ = next_audit_us_;
        }
      }
      cancels = store::attempts::cancel_requests();
    });
    if (error && error->passes_by_itself()) {
      pg::report(pg::Level::log, std::string("atelier: look postponed: ") + error->what());
      look_again_us_ = now_us + kPostponedUs;
      return true;
    }
    if (error) throw *error;
    if (!wanted) return false;
    if (state.serves()) reload_open_ = false;
    if (!inherited_ && state.serves() && inherited.empty()) context_.tokens.trust_book();
    ATELIER_FAULT_IF(!inherited_ && state.serves(), orphans_committed);
    adopt(inherited, now_us);
    trainer_.look_soon();
    decide(state);
    for (const int64_t attempt : cancels) watcher_.want_cancel(attempt, now_us);
    if (inherited_) trainer_.hear(news_.take(now_us), now_us);
    if (inherited_) news_.ask_secrets(now_us);
    if (may_send_) sender_.ask_accounts(now_us);
    return true;
  }

  void adopt(const std::vector<store::attempts::OpenAttempt>& inherited, int64_t now_us) {
    for (const store::attempts::OpenAttempt& open : inherited) {
      if (context_.jobs.find(open.attempt) != nullptr) continue;
      Job& job = context_.jobs.add(open);
      context_.turns.opened(job.user, job.workspace);
      if (!inherited_) context_.tokens.assume_watched(open.token, now_us);
      job.watched_since_us = open.sent_at.us;
      // Spread over a second, so that a thousand of them are not asked about at once.
      context_.jobs.schedule(job,
                             now_us + pg::fault::scaled(static_cast<int64_t>(context_.random() * core::kSecondUs)));
    }
  }

  void decide(const store::dispatch::State& state) {
    may_send_ = rescuing_ = false;
    if (state.permit == Permit::not_installed) return say("not installed");
    if (state.permit == Permit::other_database) return say("held: another database");
    if (!state.code_is_current) return say("held: extension version");
    if (state.table_version != kTableVersion) return say("held: table version");
    if (state.permit == Permit::held) return say("held");
    inherited_ = true;
    promoted_ = state.promoted;
    if (state.permit == Permit::paused) return say("paused");
    // What a former timeline had sent is looked up before anything new goes out.
    rescuing_ = rescuer_.is_busy() || promoted_;
    may_send_ = !rescuing_;
    say(may_send_ ? "running" : "rescuing");
  }

  void sleep(pg::WaitSet& waits) {
    const int64_t now_us = pg::now().us;
    int64_t until_us = std::min(next_safety_us_, look_again_us_);
    const auto consider = [&](std::optional<int64_t> due) {
      if (due) until_us = std::min(until_us, *due);
    };
    if (context_.transfers.free_places() > 0) {
      consider(context_.jobs.next_due_us());
      consider(roll_call_.due_us());
    }
    if (may_send_) consider(context_.turns.due_us());
    consider(context_.recorder.due_us());
    consider(survey_.due_us());
    if (inherited_) consider(trainer_.due_us());
    if (may_send_ && more_to_claim_) consider(sender_.ready_at_us(now_us));
    if (const auto ms = context_.transfers.timeout_ms()) consider(now_us + *ms * kMsUs);
    const long timeout_ms = until_us <= now_us ? 0 : static_cast<long>((until_us - now_us + kMsUs - 1) / kMsUs);
    const pg::WaitSet::Woken woken = waits.wait(timeout_ms);
    woken_ = woken_ || woken.by_latch;
    context_.transfers.act();
    if (!pg::take_reload()) return;
    woken_ = true;
    next_limits_us_ = 0;
    context_.transfers.read_settings();
    sender_.forget_outage();
  }

  void say(const char* state) { snprintf(context_.report.state, sizeof(context_.report.state), "%s", state); }

  void publish() {
    context_.report.in_flight = static_cast<int32_t>(context_.transfers.in_flight());
    context_.report.running = static_cast<int32_t>(context_.jobs.size() + trainer_.size());
    if (std::memcmp(&context_.report, &published_, sizeof(published_)) == 0) return;
    std::memcpy(&published_, &context_.report, sizeof(published_));
    pg::publish(context_.report);
    pg::report_activity(false, "atelier dispatcher: " + std::string(context_.report.state) + ", " +
                                   std::to_string(context_.report.in_flight) + " in flight, " +
                                   std::to_string(context_.report.running) + " open");
    pg::report_statistics();
  }

  static inline Dispatcher* ending_ = nullptr;
  Context context_;
  Sender sender_{context_};
  Watcher watcher_{context_};
  Rescuer rescuer_{context_};
  Survey survey_{context_};
  News news_{context_};
  RollCall roll_call_{context_};
  Trainer trainer_{context_, sender_};
  pg::WorkerReport published_;
  bool inherited_ = false;
  bool promoted_ = false;
  bool may_send_ = false;
  bool rescuing_ = false;
  bool reload_open_ = false;  // attempts have been made elsewhere than by a claim
  bool more_to_claim_ = false;
  bool woken_ = false;
  bool leaving_ = false;
  int64_t next_safety_us_ = 0;
  int64_t next_audit_us_ = 0;
  int64_t next_limits_us_ = 0;
  int64_t look_again_us_ = kNever;
};

}  // namespace

}  // namespace atelier::worker

ATELIER_WORKER(dispatcher) {
  using namespace atelier;
  worker::run_worker(pg::WorkerKind::dispatcher, [] { worker::Dispatcher().run(); });
}
