// SPDX-License-Identifier: PostgreSQL
// Time as the stand-in keeps it: microseconds since the Unix epoch, and the texts that stand for it in JSON and HTTP.
// Used everywhere; knows nothing of predictions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stand_in {

constexpr int64_t kMillisecond = 1000;
constexpr int64_t kSecond = 1000 * kMillisecond;

// A moment that never comes.
constexpr int64_t kNever = INT64_MAX;

int64_t now_us();

// RFC 3339 in Z with 3, 6 or 9 fractional digits.
std::string timestamp_text(int64_t time_us, int digits);

// Reads RFC 3339 with any fraction and a zone (Z or an offset), or without one, which means Z.
std::optional<int64_t> parse_timestamp(std::string_view text);

// The form of the headers Date and Retry-After.
std::string http_date(int64_t time_us);

// Reads "150ms", "2s", "1m"; the result is in microseconds.
std::optional<int64_t> parse_short_time(std::string_view text);

// Reads the value of Cancel-After: "30", "30s", "5m", "1h30m45s"; the result is in microseconds.
std::optional<int64_t> parse_duration(std::string_view text);

// A number without sign, at most `most`.
std::optional<int64_t> parse_count(std::string_view text, int64_t most);

}  // namespace stand_in
