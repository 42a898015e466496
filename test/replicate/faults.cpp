// SPDX-License-Identifier: PostgreSQL
#include "faults.hpp"

#include <iterator>

#include "clock.hpp"
#include "json.hpp"

namespace stand_in {

namespace {

constexpr std::string_view kProblemType = "application/problem+json";

Answer problem_json(int status, std::string body) {
  Answer answer = json_answer(status, std::move(body));
  answer.content_type = kProblemType;
  return answer;
}

std::string header(std::string_view name, std::string_view value) {
  return std::string(name).append(": ").append(value).append("\r\n");
}

Answer html(int status, std::string_view title) {
  Answer answer;
  answer.status = status;
  answer.content_type = "text/html";
  answer.headers = header("Server", "cloudflare") + header("CF-RAY", "8f0c2d1e4b7a9c35-FRA");
  answer.body = "<!DOCTYPE html>\n<html><head><title>";
  answer.body.append(title).append("</title></head>\n<body><h1>").append(title).append("</h1></body></html>\n");
  return answer;
}

Answer undelivered(Delivery delivery) {
  Answer answer = json_answer(200, R"({"id":"cut-off","status":"starting","input":{},"output":null})");
  answer.delivery = delivery;
  return answer;
}

Answer throttled_with(std::string_view detail) {
  JsonWriter json;
  json.StartObject();
  json.member("detail", detail);
  json.EndObject();
  return problem_json(429, json.take());
}

Answer throttled_text(int64_t wait) {
  return throttled_with("Request was throttled. Your rate limit resets in ~" + std::to_string(wait) + "s.");
}

Answer throttled_in_body(int64_t wait, std::string_view detail) {
  JsonWriter json;
  json.StartObject();
  json.member("detail", detail);
  json.member("status", int64_t{429});
  json.member("retry_after", wait);
  json.EndObject();
  return problem_json(429, json.take());
}

Answer throttled_low_credit(int64_t wait) {
  return throttled_in_body(wait,
                           "Request was throttled. Your rate limit for creating predictions is reduced to 6 requests "
                           "per minute with a burst of 1 requests while you have less than $5.0 in credit. Your rate "
                           "limit resets in ~" +
                               std::to_string(wait) + "s.");
}

Answer with_header(Answer answer, std::string_view name, std::string_view value) {
  answer.headers += header(name, value);
  return answer;
}

Answer server_error(int status, std::string_view detail) {
  JsonWriter json;
  json.StartObject();
  json.member("detail", detail);
  json.EndObject();
  return problem_json(status, json.take());
}

Answer sample_invalid_input() {
  return invalid_input(
      {{"enum", "input.aspect_ratio", "input.aspect_ratio must be one of the following: \"1:1\", \"16:9\", \"9:16\""}});
}

std::string in_seconds(int64_t wait) { return http_date(now_us() + wait * kSecond); }

struct Entry {
  std::string_view name;
  int status;
  Answer (*make)(int64_t wait);
};

constexpr std::string_view kThrottled = "Request was throttled.";

const Entry kEntries[] = {
    {"400", 400, [](int64_t) { return problem(400, "Bad request", "The request could not be understood."); }},
    {"401", 401, [](int64_t) { return unauthenticated(); }},
    {"402-billing", 402,
     [](int64_t) {
       return problem(402, "Billing required",
                      "You need to set up billing to run this model. Wait a few minutes after you have done so.");
     }},
    {"402-credit", 402,
     [](int64_t) {
       return problem(402, "Insufficient credit",
                      "You have insufficient credit to run this model. Purchase credit and wait a few minutes.");
     }},
    {"402-limit", 402,
     [](int64_t) {
       return problem(402, "Monthly spend limit reached", "Monthly spend limit reached. Raise it to run models.");
     }},
    {"403", 403, [](int64_t) { return problem(403, "Forbidden", "You do not have permission to do this."); }},
    {"404", 404, [](int64_t) { return not_found(); }},
    {"405", 405, [](int64_t) { return problem(405, "Method not allowed", "The method is not allowed here."); }},
    {"408", 408, [](int64_t) { return problem(408, "Request timeout", "The request took too long."); }},
    {"409", 409, [](int64_t) { return problem(409, "Conflict", "The request conflicts with the resource."); }},
    {"413", 413, [](int64_t) { return problem(413, "Payload too large", "The request body is too large."); }},
    {"415", 415, [](int64_t) { return problem(415, "Unsupported media type", "Send application/json."); }},
    {"422-input", 422, [](int64_t) { return sample_invalid_input(); }},
    {"422-version", 422, [](int64_t) { return invalid_version(); }},
    {"425", 425, [](int64_t) { return problem(425, "Too early", "Try again later."); }},
    {"429-text", 429, throttled_text},
    {"429-old-text", 429,
     [](int64_t wait) {
       return throttled_with("Request was throttled. Expected available in " + std::to_string(wait) + " second.");
     }},
    {"429-header", 429,
     [](int64_t wait) { return with_header(throttled_with(kThrottled), "Retry-After", std::to_string(wait)); }},
    {"429-date", 429,
     [](int64_t wait) { return with_header(throttled_with(kThrottled), "Retry-After", in_seconds(wait)); }},
    {"429-body", 429, [](int64_t wait) { return throttled_in_body(wait, kThrottled); }},
    {"429-reset", 429,
     [](int64_t wait) { return with_header(throttled_with(kThrottled), "ratelimit-reset", std::to_string(wait)); }},
    {"429-bare", 429, [](int64_t) { return throttled_with(kThrottled); }},
    {"429-credit", 429, throttled_low_credit},
    {"500", 500, [](int64_t) { return server_error(500, "Internal server error"); }},
    {"502-html", 502, [](int64_t) { return html(502, "502 Bad Gateway"); }},
    {"503", 503, [](int64_t) { return server_error(503, "Service unavailable"); }},
    {"503-date", 503,
     [](int64_t wait) {
       return with_header(server_error(503, "Service unavailable"), "Retry-After", in_seconds(wait));
     }},
    {"503-seconds", 503,
     [](int64_t wait) {
       return with_header(server_error(503, "Service unavailable"), "Retry-After", std::to_string(wait));
     }},
    {"504-html", 504, [](int64_t) { return html(504, "504 Gateway Time-out"); }},
    {"520-html", 520, [](int64_t) { return html(520, "520: Web server is returning an unknown error"); }},
    {"reset", 0, [](int64_t) { return undelivered(Delivery::kReset); }},
    {"close", 0, [](int64_t) { return undelivered(Delivery::kClose); }},
    {"hang", 0, [](int64_t) { return undelivered(Delivery::kHang); }},
    {"truncated", 0, [](int64_t) { return undelivered(Delivery::kTruncated); }},
};

const Entry& entry_of(Fault fault) { return kEntries[static_cast<size_t>(fault) - 1]; }

}  // namespace

std::optional<Fault> find_fault(std::string_view name) {
  for (size_t i = 0; i < std::size(kEntries); i++) {
    if (kEntries[i].name == name) return static_cast<Fault>(i + 1);
  }
  return std::nullopt;
}

int fault_status(Fault fault) { return entry_of(fault).status; }

Answer fault_answer(Fault fault, int64_t wait_seconds) { return entry_of(fault).make(wait_seconds); }

Answer problem(int status, std::string_view title, std::string_view detail) {
  JsonWriter json;
  json.StartObject();
  json.member("title", title);
  json.member("detail", detail);
  json.member("status", int64_t{status});
  json.EndObject();
  return problem_json(status, json.take());
}

Answer not_found() {
  return problem_json(404, R"({"detail":"The requested resource could not be found.","status":404})");
}

Answer unauthenticated() { return problem(401, "Unauthenticated", "You did not pass a valid authentication token"); }

Answer throttled(int64_t wait_seconds) { return throttled_text(wait_seconds); }

Answer invalid_version() {
  return problem(422, "Invalid version or not permitted",
                 "The specified version does not exist (or perhaps you don't have permission to use it?)");
}

Answer invalid_input(const std::vector<InvalidField>& fields) {
  JsonWriter json;
  json.StartObject();
  json.member("title", "Input validation failed");
  std::string detail;
  for (const InvalidField& field : fields) detail += "- " + field.description + "\n";
  json.member("detail", detail);
  json.member("status", int64_t{422});
  json.key("invalid_fields");
  json.StartArray();
  for (const InvalidField& field : fields) {
    json.StartObject();
    json.member("type", field.type);
    json.member("field", field.field);
    json.member("description", field.description);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return problem_json(422, json.take());
}

}  // namespace stand_in
