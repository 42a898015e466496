// SPDX-License-Identifier: PostgreSQL
// The queue and the attempts as the triggers on generations need them: putting a generation in, taking it out, asking
// for its cancellation. Taking rows from the queue is store/claims.hpp. Everything runs as the owner, whoever writes to
// generations. The caller holds the lock on the generation's row.
#pragma once

#include <cstdint>
#include <string>

#include "store/uuid.hpp"

namespace atelier::store::queue {

// Puts a generation behind its user's others of the same priority, with a new permission to pay for predictions. One
// that is in the queue already keeps its place.
void add(const core::Uuid& generation, const core::Uuid& user, int16_t priority);

// Takes a generation out; false when the dispatcher was faster or it was not there. Waits for a claim under way.
bool remove(const core::Uuid& generation);

// Asks the dispatcher to cancel the open attempt of a generation; false when it has none. The generation ends as the
// provider says.
bool request_cancel(const core::Uuid& generation);

// The same, and whatever the attempt brings is not applied any more: somebody else has the last word.
bool disown(const core::Uuid& generation);

// What was sent, kept for the search of an answer that is not known yet: the generation is about to say something else
// or to go. Waits for a claim under way.
void keep_sent(const core::Uuid& generation, const std::string& model, const pg::Jsonb& input);

// After TRUNCATE: takes out what is no generation any more, and disowns what such rows have open.
void clear();

// Whether atelier has ever sent this generation to the provider, and whether an attempt may still bring a result.
bool has_attempt(const core::Uuid& generation);
bool has_open_attempt(const core::Uuid& generation);

// Whether atelier knows the id from a generation: it was sent, or credits were taken for it.
bool is_used(const core::Uuid& generation);

}  // namespace atelier::store::queue
