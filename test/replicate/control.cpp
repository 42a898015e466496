// SPDX-License-Identifier: PostgreSQL
#include "control.hpp"

#include <initializer_list>

namespace stand_in {

namespace {

Answer wrong_field(const std::string& name) {
  return problem(422, "Control request", "unknown or wrong field: " + name);
}

// The first member that is not among the known ones; empty when there is none.
std::string unknown_member(const JsonValue& object, std::initializer_list<std::string_view> known) {
  for (const auto& member : object.GetObject()) {
    bool found = false;
    for (const std::string_view name : known) found = found || name == view(member.name);
    if (!found) return std::string(view(member.name));
  }
  return {};
}

std::string json_text(const JsonValue& object, const char* name) {
  const auto member = object.FindMember(name);
  if (member == object.MemberEnd()) return {};
  return canonical_json(member->value);
}

// Reads an optional whole number; false when it is something else.
bool read_number(const JsonValue& object, const char* name, int64_t& number) {
  const auto member = object.FindMember(name);
  if (member == object.MemberEnd()) return true;
  if (!member->value.IsInt64() || member->value.GetInt64() < 0) return false;
  number = member->value.GetInt64();
  return true;
}

bool read_kind(std::string_view name, ModelKind& kind) {
  if (name.empty()) return true;
  for (const ModelKind known :
       {ModelKind::kOfficial, ModelKind::kCommunity, ModelKind::kPrivate, ModelKind::kMissing}) {
    if (kind_name(known) != name) continue;
    kind = known;
    return true;
  }
  return false;
}

// Tokens that throttle or cannot pay still read; a token that is invalid or broken does nothing.
Route usual_route(Fault fault) {
  switch (fault_status(fault)) {
    case 402:
    case 403:
    case 404:
    case 422:
    case 429:
      return Route::kCreate;
    default:
      return Route::kAll;
  }
}

Answer put_model(Service& service, const std::string& name, const JsonValue& body) {
  const std::string unknown = unknown_member(body, {"words", "kind", "version", "output", "error"});
  if (!unknown.empty()) return wrong_field(unknown);
  Model model;
  model.name = name;
  model.words = string_member(body, "words");
  model.version = string_member(body, "version");
  if (!read_kind(string_member(body, "kind"), model.kind)) return wrong_field("kind");
  std::string unknown_word;
  model.behaviour = service.behaviours.find(model.words, unknown_word);
  if (model.behaviour == nullptr) return wrong_field("words: " + unknown_word);
  model.output_json = json_text(body, "output");
  model.error_json = json_text(body, "error");
  service.models.set(model);
  const Model* made = service.models.find(name);
  JsonWriter json;
  json.StartObject();
  json.member("version", made == nullptr ? std::string_view() : std::string_view(made->version));
  json.EndObject();
  return json_answer(200, json.take());
}

Answer put_token(Service& service, const std::string& token, const JsonValue& body) {
  const std::string unknown = unknown_member(body, {"account", "refuse", "for_ms", "times", "route"});
  if (!unknown.empty()) return wrong_field(unknown);
  TokenRule rule;
  rule.account = string_member(body, "account");
  if (body.HasMember("refuse")) {
    const auto fault = find_fault(string_member(body, "refuse"));
    if (!fault) return wrong_field("refuse");
    rule.refuse = *fault;
    rule.route = usual_route(*fault);
  }
  if (body.HasMember("route")) {
    const auto route = find_route(string_member(body, "route"));
    if (!route) return wrong_field("route");
    rule.route = *route;
  }
  int64_t for_ms = 0;
  if (!read_number(body, "for_ms", for_ms)) return wrong_field("for_ms");
  if (for_ms > 0) rule.until_us = now_us() + for_ms * kMillisecond;
  if (!read_number(body, "times", rule.times)) return wrong_field("times");
  service.accounts.set_rule(token, rule);
  return json_answer(200, "{}");
}

Answer order_failure(Service& service, const JsonValue& body) {
  const std::string unknown = unknown_member(body, {"route", "error", "times", "created"});
  if (!unknown.empty()) return wrong_field(unknown);
  OrderedFault order;
  const auto route = find_route(string_member(body, "route"));
  if (!route) return wrong_field("route");
  const auto fault = find_fault(string_member(body, "error"));
  if (!fault) return wrong_field("error");
  if (!read_number(body, "times", order.times)) return wrong_field("times");
  const auto created = body.FindMember("created");
  if (created != body.MemberEnd() && !created->value.IsBool()) return wrong_field("created");
  order.route = *route;
  order.fault = *fault;
  order.created = created != body.MemberEnd() && created->value.GetBool();
  if (order.times > 0) service.ordered.order(order);
  return json_answer(200, "{}");
}

Answer go_away(Service& service, const JsonValue& body) {
  const std::string unknown = unknown_member(body, {"for_ms"});
  if (!unknown.empty()) return wrong_field(unknown);
  int64_t for_ms = 0;
  if (!read_number(body, "for_ms", for_ms) || for_ms == 0) return wrong_field("for_ms");
  service.go_away(for_ms);
  return json_answer(200, "{}");
}

Answer finish(Service& service, const std::string& id, const JsonValue& body) {
  const std::string unknown = unknown_member(body, {"status"});
  if (!unknown.empty()) return wrong_field(unknown);
  struct Ending {
    std::string_view status;
    End end;
    Failure failure;
  };
  const Ending endings[] = {{"succeeded", End::kSucceeded, Failure::kNone},
                            {"failed", End::kFailed, find_failure("text").value_or(Failure::kNone)},
                            {"canceled", End::kCanceled, Failure::kNone},
                            {"aborted", End::kAborted, Failure::kNone}};
  for (const Ending& ending : endings) {
    if (ending.status != string_member(body, "status")) continue;
    for (const Kind kind : {Kind::kPrediction, Kind::kTraining}) {
      const auto found = service.store.find(id, std::nullopt, kind, Store::Touch::kNone);
      if (!found) continue;
      const int64_t now = now_us();
      service.store.end(id, ending.end, ending.failure, now);
      service.webhooks.end_moved(*found, now);
      return json_answer(200, "{}");
    }
    return not_found();
  }
  return wrong_field("status");
}

void reset(Service& service) {
  service.settings.reset();
  service.ordered.reset();
  service.models.reset();
  service.accounts.reset();
  service.store.reset();
  service.arrivals.reset();
  service.files.reset();
  service.webhooks.reset();
  service.stats.reset();
}

template <typename Write>
Answer written(Write write) {
  JsonWriter json;
  write(json);
  return json_answer(200, json.take());
}

size_t limit_of(const Request& request) {
  return static_cast<size_t>(parse_count(query_value(request.query, "limit"), INT32_MAX).value_or(1000));
}

void write_counters(JsonWriter& json, const Stats& stats) {
  json.key("creates");
  json.StartObject();
  json.member("posts", stats.posts.load());
  json.member("accepted", stats.accepted.load());
  json.member("refused", stats.refused.load());
  json.member("unanswered", stats.unanswered.load());
  json.EndObject();
  json.key("outputs");
  json.StartObject();
  json.member("downloads", stats.downloads.load());
  json.member("with_token", stats.downloads_with_token.load());
  json.EndObject();
  json.key("webhooks");
  json.StartObject();
  json.member("sent", stats.hooks_sent.load());
  json.member("accepted", stats.hooks_accepted.load());
  json.member("failed", stats.hooks_failed.load());
  json.EndObject();
  json.key("connections");
  json.StartObject();
  json.member("accepted", stats.connections_accepted.load());
  json.member("open", stats.connections_open.load());
  json.EndObject();
}

void write_requests(JsonWriter& json, const Stats& stats) {
  int64_t total = 0;
  json.key("requests");
  json.StartObject();
  json.key("by_route");
  json.StartObject();
  for (size_t i = 0; i < kRouteCount; i++) {
    total += stats.by_route[i];
    json.member(kRouteNames[i], stats.by_route[i].load());
  }
  json.EndObject();
  json.key("by_status");
  json.StartObject();
  for (size_t status = 0; status < stats.by_status.size(); status++) {
    if (stats.by_status[status] > 0) json.member(std::to_string(status), stats.by_status[status].load());
  }
  json.EndObject();
  json.member("total", total);
  json.member("outstanding", stats.outstanding.load());
  json.member("peak_outstanding", stats.peak_outstanding.load());
  json.member("expect_continue", stats.expect_continue.load());
  json.EndObject();
}

Answer stats_answer(Service& service) {
  return written([&](JsonWriter& json) {
    json.StartObject();
    write_counters(json, service.stats);
    write_requests(json, service.stats);
    json.key("inputs");
    service.store.write_input_totals(json);
    json.key("predictions");
    service.store.write_counts(json, Kind::kPrediction, service.retention_us());
    json.key("trainings");
    service.store.write_counts(json, Kind::kTraining, service.retention_us());
    json.key("tokens");
    service.accounts.write_stats(json);
    json.EndObject();
  });
}

// Without a look at all predictions, for those who ask all the time.
Answer outstanding_answer(Service& service) {
  return written([&](JsonWriter& json) {
    json.StartObject();
    json.member("outstanding", service.stats.outstanding.load());
    json.EndObject();
  });
}

Answer inputs_answer(Service& service, const Request& request) {
  const auto min_posts = parse_count(query_value(request.query, "min_posts"), INT32_MAX).value_or(1);
  const std::string prompt = query_value(request.query, "prompt");
  return written([&](JsonWriter& json) {
    json.StartObject();
    json.key("inputs");
    service.store.write_inputs(json, static_cast<int>(min_posts), prompt.empty() ? nullptr : &prompt,
                               limit_of(request));
    json.EndObject();
  });
}

Answer arrivals_answer(Service& service, const Request& request) {
  const bool all = query_value(request.query, "limit").empty();
  return written([&](JsonWriter& json) {
    json.StartObject();
    service.arrivals.write(json, all ? SIZE_MAX : limit_of(request));
    json.EndObject();
  });
}

Answer webhooks_answer(Service& service) {
  return written([&](JsonWriter& json) {
    json.StartObject();
    json.key("deliveries");
    service.webhooks.write_log(json);
    json.EndObject();
  });
}

Answer read(Service& service, const Request& request, const std::vector<std::string>& parts) {
  if (parts.size() != 2) return not_found();
  if (parts[1] == "settings") return json_answer(200, service.settings.json());
  if (parts[1] == "stats") return stats_answer(service);
  if (parts[1] == "outstanding") return outstanding_answer(service);
  if (parts[1] == "inputs") return inputs_answer(service, request);
  if (parts[1] == "uploaded") {
    const auto content = service.files.last();
    if (!content) return not_found();
    Answer answer;
    answer.content_type = "application/zip";
    answer.body = *content;
    return answer;
  }
  if (parts[1] == "arrivals") return arrivals_answer(service, request);
  if (parts[1] == "webhooks") return webhooks_answer(service);
  return not_found();
}

Answer change(Service& service, std::string_view method, const std::vector<std::string>& parts, const JsonValue& body) {
  const size_t count = parts.size();
  if (method == "PATCH" && count == 2 && parts[1] == "settings") {
    const std::string wrong = service.settings.patch(body);
    return wrong.empty() ? json_answer(200, service.settings.json()) : wrong_field(wrong);
  }
  if (method == "PUT" && count == 4 && parts[1] == "models") {
    return put_model(service, parts[2] + "/" + parts[3], body);
  }
  if (method == "DELETE" && count == 4 && parts[1] == "models") {
    service.models.forget(parts[2] + "/" + parts[3]);
    return json_answer(200, "{}");
  }
  if (method == "PUT" && count == 3 && parts[1] == "tokens") return put_token(service, parts[2], body);
  if (method == "DELETE" && count == 3 && parts[1] == "tokens") {
    service.accounts.forget_rule(parts[2]);
    return json_answer(200, "{}");
  }
  if (method == "DELETE" && count == 2 && parts[1] == "fail") {
    service.ordered.reset();
    return json_answer(200, "{}");
  }
  if (method != "POST") return not_found();
  if (count == 2 && parts[1] == "away") return go_away(service, body);
  if (count == 2 && parts[1] == "fail") return order_failure(service, body);
  if (count == 4 && parts[1] == "predictions" && parts[3] == "finish") return finish(service, parts[2], body);
  if (count != 2 || parts[1] != "reset") return not_found();
  reset(service);
  return json_answer(200, "{}");
}

}  // namespace

Answer control_answer(Service& service, const Request& request, const std::vector<std::string>& parts) {
  if (request.method == "GET") return read(service, request, parts);
  JsonDocument body;
  if (!parse_json(request.body.empty() ? "{}" : request.body, body) || !body.IsObject()) {
    return problem(422, "Control request", "the body is not a JSON object");
  }
  return change(service, request.method, parts, body);
}

}  // namespace stand_in
