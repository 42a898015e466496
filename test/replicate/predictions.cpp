// SPDX-License-Identifier: PostgreSQL
#include "predictions.hpp"

#include <algorithm>

#include "render.hpp"

namespace stand_in {

namespace {

Answer prediction_answer(const Call& call, const Snapshot& prediction, int status) {
  Answer answer = json_answer(status, prediction_json(call.service, prediction, {now_us()}));
  answer.coding = prediction.record.behaviour->coding;
  return answer;
}

Answer get_one(const Call& call, Kind kind) {
  const auto found = call.service.store.find(call.parts[1], call.caller->account, kind, Store::Touch::kPoll);
  if (!found) return not_found();
  const Behaviour& behaviour = *found->record.behaviour;
  const int64_t delay_us = std::max(behaviour.poll_us, call.service.settings.poll_delay_ms * kMillisecond);
  const bool faulty = behaviour.poll != Fault::kNone && found->record.polls <= behaviour.poll_times;
  Answer answer = faulty ? fault_answer(behaviour.poll, behaviour.wait_seconds) : prediction_answer(call, *found, 200);
  answer.delay_us = delay_us;
  return answer;
}

// A moment in the query; false when it is there but no timestamp.
bool read_moment(const Call& call, std::string_view name, int64_t& moment) {
  std::string text = query_value(call.request.query, name);
  if (text.empty()) return true;
  const auto parsed = parse_timestamp(text);
  if (parsed) moment = *parsed;
  return parsed.has_value();
}

std::string next_url(const Call& call, std::string_view collection, uint64_t from) {
  std::string url = call.service.origin + "/v1/" + std::string(collection) + "?cursor=" + std::to_string(from);
  std::string_view query = call.request.query;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    if (!pair.starts_with("cursor=")) url.append("&").append(pair);
    query = query.substr(std::min(end + 1, query.size()));
  }
  return url;
}

Answer list_all(const Call& call, Kind kind, std::string_view collection) {
  int64_t after = INT64_MIN;
  int64_t before = kNever;
  std::optional<uint64_t> from;
  if (!read_moment(call, "created_after", after) || !read_moment(call, "created_before", before)) {
    return problem(422, "Invalid query", "created_after and created_before must be ISO 8601 timestamps.");
  }
  const std::string cursor = query_value(call.request.query, "cursor");
  if (!cursor.empty()) {
    const auto place = parse_count(cursor, INT64_MAX);
    if (!place) return problem(422, "Invalid query", "The cursor is invalid.");
    from = *place;
  }
  Page page;
  // Whatever is here was made through the API.
  if (query_value(call.request.query, "source") != "web") {
    page = call.service.store.list(call.caller->account, kind, from, after, before, now_us(),
                                   static_cast<size_t>(std::max<int64_t>(call.service.settings.page_size, 1)));
  }
  JsonWriter json;
  json.StartObject();
  json.key("next");
  if (page.next && call.service.settings.cut_lists) {
    json.text("https://elsewhere.invalid/more");
  } else if (page.next) {
    json.text(next_url(call, collection, *page.next));
  } else {
    json.Null();
  }
  json.member("previous", nullptr);
  json.key("results");
  json.StartArray();
  const Showing showing{now_us()};
  for (const Snapshot& prediction : page.results) write_prediction(json, call.service, prediction, showing);
  json.EndArray();
  json.EndObject();
  return json_answer(200, json.take());
}

Answer cancel_one(const Call& call, Kind kind) {
  Service& service = call.service;
  const auto found = service.store.find(call.parts[1], call.caller->account, kind, Store::Touch::kCancel);
  if (!found) return not_found();
  const Prediction& record = found->record;
  const Behaviour& behaviour = *record.behaviour;
  if (behaviour.cancel != Fault::kNone && record.cancels <= behaviour.cancel_times) {
    return fault_answer(behaviour.cancel, behaviour.wait_seconds);
  }
  const int64_t now = now_us();
  if (now >= record.ended_us) {
    if (service.settings.cancel_finished == 200) return prediction_answer(call, *found, 200);
    return problem(static_cast<int>(service.settings.cancel_finished), "Conflict", "The prediction has ended.");
  }
  if (behaviour.cancel_race) return prediction_answer(call, *found, 200);
  const int64_t moment = now + behaviour.cancel_late_us;
  service.store.end(found->id, End::kCanceled, Failure::kNone, moment);
  service.webhooks.end_moved(*found, moment);
  const auto changed = service.store.find(found->id, call.caller->account, kind, Store::Touch::kNone);
  return changed ? prediction_answer(call, *changed, 200) : not_found();
}

}  // namespace

Answer get_prediction(const Call& call) { return get_one(call, Kind::kPrediction); }
Answer list_predictions(const Call& call) { return list_all(call, Kind::kPrediction, "predictions"); }
Answer cancel_prediction(const Call& call) { return cancel_one(call, Kind::kPrediction); }

Answer get_training(const Call& call) { return get_one(call, Kind::kTraining); }
Answer list_trainings(const Call& call) { return list_all(call, Kind::kTraining, "trainings"); }
Answer cancel_training(const Call& call) { return cancel_one(call, Kind::kTraining); }

}  // namespace stand_in
