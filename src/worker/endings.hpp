// SPDX-License-Identifier: PostgreSQL
// From a verdict to what is written: the entry that moves an attempt and its generation on. The rules about retry,
// refusal and failure are in replicate/outcome.hpp; this only fills in columns. It also says which provider calls are
// logged.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "replicate/outcome.hpp"
#include "worker/context.hpp"

namespace atelier::worker {

// The attempt was accepted: a prediction exists.
Entry accepted_entry(const Job& job, const replicate::Answer& answer);
// The answer was lost: the attempt has to be looked up.
Entry unknown_entry(const Job& job, const replicate::Answer& answer, const replicate::Failure& failure);
// The attempt did not reach the provider or was refused; the generation waits for another one, or ends as cancelled
// when its user has asked for that.
Entry returned_entry(Context& context, const Job& job, core::AttemptState state, const replicate::Answer* answer,
                     const replicate::Failure* failure, int64_t not_before_us);
// The attempt was refused and the generation fails.
Entry refused_entry(const Job& job, const replicate::Answer* answer, const replicate::Failure& failure);
// The prediction has ended, or is given up: completed, tried again, failed or cancelled.
Entry ended_entry(Context& context, const Job& job, const replicate::PollVerdict& verdict, int64_t now_us);

// The attempt cannot be followed any more, and its generation fails; `reason` is for admins.
Entry unreachable_entry(Context& context, const Job& job, const std::string& reason, int64_t now_us);

// Nothing shows whether the request arrived, since the provider has deleted what would: the generation fails.
Entry expired_entry(Context& context, const Job& job, int64_t now_us);

// Adds a row for api_logs to the entry when the setting asks for it.
void log_call(Entry& entry, const Arrival& arrival, const Job& job, const replicate::Failure* failure,
              const std::string& external_status);
// The same for a call that comes with no entry.
void log_call(Recorder& recorder, const Arrival& arrival, const Job* job, const replicate::Failure* failure);

// What judge_poll has to know of a job.
replicate::PollContext poll_context(Context& context, const Job& job, int64_t now_us);

}  // namespace atelier::worker
