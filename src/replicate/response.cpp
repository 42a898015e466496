// SPDX-License-Identifier: PostgreSQL
#include "replicate/response.hpp"

#include <algorithm>
#include <utility>

#include "core/text.hpp"
#include "replicate/wait.hpp"

namespace atelier::replicate {
namespace {

namespace json = core::json;
namespace text = core::text;

// An id must fit into an index of PostgreSQL. The provider's have 26 characters.
constexpr size_t kMaxIdBytes = 1024;
constexpr size_t kVersionDigits = 64;
constexpr size_t kShownBytes = 1500;
constexpr size_t kReadHtmlBytes = 16384;
constexpr std::string_view kNowhere = "nowhere";

// Outputs may be nested more deeply than what users send; jsonb takes this without trouble.
json::Limits body_limits() {
  json::Limits limits;
  limits.max_depth = 256;
  return limits;
}

json::Parsed parse_body(std::string_view body) { return json::parse(json::clean_for_jsonb(body), body_limits()); }

bool is_version(std::string_view id) noexcept {
  return id.size() == kVersionDigits && id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string text_of(json::Value value) {
  if (!value.exists() || value.is_null()) return {};
  if (const auto string = value.as_string()) return std::string(*string);
  return json::to_text(value);
}

std::optional<int64_t> time_of(json::Value value) { return parse_rfc3339(value.string_or_empty()); }

// What people can read in a value of an error body.
std::string message_of(json::Value value) {
  if (!value.is_object()) return text_of(value);
  for (const std::string_view key : {"message", "msg", "detail", "description", "title"}) {
    if (const auto message = value.find(key).as_string()) return std::string(*message);
  }
  return json::to_text(value);
}

std::string detail_of(json::Value value) {
  if (!value.is_array()) return message_of(value);
  std::string joined;
  for (const json::Value element : value.elements()) {
    if (!joined.empty()) joined += "; ";
    joined += message_of(element);
  }
  return joined;
}

std::vector<InvalidField> invalid_fields_of(json::Value value) {
  std::vector<InvalidField> fields;
  for (const json::Value element : value.elements()) {
    if (!element.is_object()) continue;
    fields.push_back({std::string(element.find("type").string_or_empty()),
                      std::string(element.find("field").string_or_empty()),
                      std::string(element.find("description").string_or_empty())});
  }
  return fields;
}

// What is between the tags, each of which separates words.
std::string without_tags(std::string_view html) {
  std::string out;
  for (size_t at = 0; at < html.size();) {
    const size_t tag = std::min(html.find('<', at), html.size());
    out += html.substr(at, tag - at);
    if (tag == html.size()) break;
    out += '\n';
    const size_t end = html.find('>', tag);
    at = end == std::string_view::npos ? html.size() : end + 1;
  }
  return out;
}

std::string shown(std::string_view raw) {
  return text::one_line(text::first_bytes(text::clean_utf8(text::one_line(raw)), kShownBytes));
}

std::string title_and_detail(const Problem& problem) {
  if (problem.title.empty()) return problem.detail;
  if (problem.detail.empty() || problem.detail == problem.title) return problem.title;
  return problem.title + ": " + problem.detail;
}

}  // namespace

PredictionStatus parse_prediction_status(std::string_view status) noexcept {
  struct Name {
    std::string_view text;
    PredictionStatus status;
  };
  static constexpr Name kNames[] = {
      {"starting", PredictionStatus::starting},   {"processing", PredictionStatus::processing},
      {"succeeded", PredictionStatus::succeeded}, {"successful", PredictionStatus::succeeded},
      {"failed", PredictionStatus::failed},       {"canceled", PredictionStatus::canceled},
      {"cancelled", PredictionStatus::canceled},  {"aborted", PredictionStatus::aborted},
  };
  for (const Name& known : kNames) {
    if (known.text == status) return known.status;
  }
  return PredictionStatus::unknown;
}

std::optional<Prediction> parse_prediction(std::string_view body) {
  const json::Parsed parsed = parse_body(body);
  if (!parsed) return std::nullopt;
  return parse_prediction(*parsed.document, parsed.root());
}

std::optional<Prediction> parse_prediction(const json::Document& document, json::Value object) {
  const std::string_view id = object.find("id").string_or_empty();
  if (id.empty() || id.size() > kMaxIdBytes) return std::nullopt;
  Prediction prediction;
  prediction.id = id;
  prediction.status_text = object.find("status").string_or_empty();
  prediction.status = parse_prediction_status(prediction.status_text);
  prediction.error = text_of(object.find("error"));
  prediction.webhook = object.find("webhook").string_or_empty();
  prediction.model = object.find("model").string_or_empty();
  prediction.version = object.find("version").string_or_empty();
  prediction.predict_time = object.find("metrics").find("predict_time").as_double();
  prediction.created_at_us = time_of(object.find("created_at"));
  prediction.completed_at_us = time_of(object.find("completed_at"));
  prediction.deadline_us = time_of(object.find("deadline"));
  prediction.data_removed = object.find("data_removed").as_bool().value_or(false);
  prediction.document = document;
  prediction.object = object;
  prediction.input = object.find("input");
  prediction.output = object.find("output");
  return prediction;
}

std::string stored_prediction(const Prediction& prediction) {
  json::Writer out;
  out.begin_object();
  for (const json::Member member : prediction.object.members()) {
    const auto logs = member.key == "logs" ? member.value.as_string() : std::nullopt;
    if (logs)
      out.member(member.key, text::last_bytes(*logs, kKeptLogBytes));
    else
      out.member(member.key, member.value);
  }
  return out.end_object().take();
}

std::optional<Page> parse_page(std::string_view body) {
  const json::Parsed parsed = parse_body(body);
  const json::Value results = parsed.root().find("results");
  if (!results.is_array()) return std::nullopt;
  Page page;
  // What is no text leads nowhere, but it is not the end either.
  const json::Value next = parsed.root().find("next");
  page.next = next.exists() && !next.is_null() && !next.is_string() ? kNowhere : next.string_or_empty();
  for (const json::Value item : results.elements()) {
    if (auto prediction = parse_prediction(*parsed.document, item)) page.predictions.push_back(std::move(*prediction));
  }
  return page;
}

std::optional<std::string> parse_account(std::string_view body) {
  const json::Parsed parsed = parse_body(body);
  const std::string_view name = parsed.root().find("username").string_or_empty();
  if (name.empty() || name.size() > kMaxIdBytes) return std::nullopt;
  return std::string(name);
}

std::optional<std::string> parse_latest_version(std::string_view body) {
  const json::Parsed parsed = parse_body(body);
  const std::string_view id = parsed.root().find("latest_version").find("id").string_or_empty();
  if (!is_version(id)) return std::nullopt;
  return std::string(id);
}

Problem parse_problem(std::string_view body) {
  Problem problem;
  const json::Parsed parsed = parse_body(body);
  if (!parsed) {
    problem.text = shown(without_tags(body.substr(0, kReadHtmlBytes)));
    return problem;
  }
  const json::Value root = parsed.root();
  if (!root.is_object()) {
    problem.detail = detail_of(root);
  } else {
    problem.title = root.find("title").string_or_empty();
    for (const std::string_view key : {"detail", "error", "message"}) {
      if (problem.detail.empty()) problem.detail = detail_of(root.find(key));
    }
    problem.invalid_fields = invalid_fields_of(root.find("invalid_fields"));
    problem.retry_after = root.find("retry_after").as_double();
  }
  problem.text = shown(title_and_detail(problem));
  return problem;
}

}  // namespace atelier::replicate
