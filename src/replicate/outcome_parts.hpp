// SPDX-License-Identifier: PostgreSQL
// What the sources of outcome.hpp share: how a refused or lost answer is told to users and to admins, and how long to
// keep away after it. For outcome*.cpp only; it decides nothing about what happens next.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "replicate/failure.hpp"
#include "replicate/response.hpp"

namespace atelier::replicate::parts {

constexpr size_t kMaxAdminBytes = 2000;

// For admins: one line, without secrets, at most kMaxAdminBytes.
std::string admin_text(std::string_view raw);
// The status and what the body says, or why there was no answer.
std::string describe(const Answer& answer, const Problem& problem);

// That part of a time; a random number that is none counts as one half.
int64_t share_of(int64_t whole_us, double random) noexcept;

// The end of a cooling after 429: what the provider says, or a few seconds, and a little more, so that not everybody
// comes back in the same moment.
int64_t throttled_until_us(const Answer& answer, const Problem& problem, int64_t now_us, double random, int tries);
// The delay of a repeated question: grows with the failures, never shorter than what the provider asks for.
int64_t repeat_delay_us(const Answer& answer, const Problem& problem, int64_t now_us, double random, int failures);

// Whether the body is what the API itself answers with, and not a page of something in between.
bool is_json_object(std::string_view body);

// The category of an answer that is no success.
ErrorCategory category_of(const Answer& answer) noexcept;

}  // namespace atelier::replicate::parts
