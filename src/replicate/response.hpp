// SPDX-License-Identifier: PostgreSQL
// What the provider answered, parsed leniently: every field but id and status may be missing or of another type. Called
// by outcome.hpp and the dispatcher. Bodies are cleaned for jsonb before they are parsed, so every text that comes from
// here can be stored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.hpp"

namespace atelier::replicate {

// How a transfer ended, as far as the request is concerned.
enum class Delivery {
  delivered,   // a complete answer with a status came back
  not_sent,    // no byte of the request left: no name, no connection, no TLS
  maybe_sent,  // anything else: the provider may have acted on it
};

struct Answer {
  Delivery delivery = Delivery::maybe_sent;
  int status = 0;  // HTTP; 0 unless delivered
  std::string body;
  std::string retry_after;      // header, as sent; empty when absent
  std::string ratelimit_reset;  // the same
  std::string content_type;     // the same
  std::string transport_error;  // for people, when not delivered
};

constexpr bool is_success(const Answer& answer) noexcept {
  return answer.delivery == Delivery::delivered && answer.status >= 200 && answer.status < 300;
}

enum class PredictionStatus { starting, processing, succeeded, failed, canceled, aborted, unknown };

// starting, processing, succeeded (or successful), failed, canceled (or cancelled), aborted; unknown for all else.
PredictionStatus parse_prediction_status(std::string_view text) noexcept;
constexpr bool is_terminal(PredictionStatus status) noexcept {
  return status != PredictionStatus::starting && status != PredictionStatus::processing &&
         status != PredictionStatus::unknown;
}

struct Prediction {
  std::string id;
  PredictionStatus status = PredictionStatus::unknown;
  std::string status_text;  // as sent
  std::string error;        // text; other JSON as compact text; empty when absent or null
  std::string webhook;
  std::string model;                   // may differ from what was asked for
  std::string version;                 // 64 hex digits, or a word
  std::optional<double> predict_time;  // seconds
  std::optional<int64_t> created_at_us;
  std::optional<int64_t> completed_at_us;
  std::optional<int64_t> deadline_us;  // when the provider ends it by itself
  bool data_removed = false;

  core::json::Document document;  // keeps the views alive
  core::json::Value object;       // the whole prediction
  core::json::Value input;
  core::json::Value output;
};

// nullopt unless it is an object with a non-empty string id.
std::optional<Prediction> parse_prediction(std::string_view body);
std::optional<Prediction> parse_prediction(const core::json::Document& document, core::json::Value object);

// The prediction as JSON text for generations.replicate_output: as sent, but logs cut to their last 8 kB.
std::string stored_prediction(const Prediction& prediction);

// The end of a text that is kept of logs.
constexpr size_t kKeptLogBytes = 8192;

struct Page {
  std::vector<Prediction> predictions;  // newest first
  std::string next;                     // empty on the last page; need not lead anywhere
};
// nullopt unless it is an object with an array `results`; items that are no predictions are left out.
std::optional<Page> parse_page(std::string_view body);

// The name of the account from GET /account; nullopt when the body has none.
std::optional<std::string> parse_account(std::string_view body);
// latest_version.id from GET /models/...; nullopt when there is none or it is no 64 hex digits.
std::optional<std::string> parse_latest_version(std::string_view body);

struct InvalidField {
  std::string type;
  std::string field;
  std::string description;
};

// An error body of any form. For bodies that are no JSON (HTML of a front end) all but `text` is empty.
struct Problem {
  std::string title;
  std::string detail;  // arrays joined with "; ", objects by their message
  std::vector<InvalidField> invalid_fields;
  std::optional<double> retry_after;  // seconds
  std::string text;  // title and detail, or the beginning of the body without tags; one line, for people
};
Problem parse_problem(std::string_view body);

}  // namespace atelier::replicate
