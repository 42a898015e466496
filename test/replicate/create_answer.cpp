// SPDX-License-Identifier: PostgreSQL
#include "create_answer.hpp"

#include <algorithm>

#include "render.hpp"

namespace stand_in {

namespace {

// How long the final webhook of `hook-early` is ahead of the answer.
constexpr int64_t kHookLead = 100 * kMillisecond;

// The n of "wait=n"; 60 for "wait" alone; 0 when the header is absent or asks for something else.
int64_t wait_of(std::string_view prefer) {
  constexpr std::string_view kWait = "wait=";
  if (prefer == "wait") return 60;
  if (!prefer.starts_with(kWait)) return 0;
  const auto seconds = parse_count(prefer.substr(kWait.size()), 60);
  return seconds.value_or(0);
}

void lose(Answer& answer, Loss loss, const std::string& anonymous) {
  switch (loss) {
    case Loss::kNone:
      return;
    case Loss::kHang:
      answer.delivery = Delivery::kHang;
      return;
    case Loss::kReset:
      answer.delivery = Delivery::kReset;
      return;
    case Loss::kClose:
      answer.delivery = Delivery::kClose;
      return;
    case Loss::kTruncated:
      answer.delivery = Delivery::kTruncated;
      return;
    case Loss::kNoId:
      answer.body = anonymous;
      break;
    case Loss::kNotJson:
      answer.content_type = "text/html";
      answer.body = "<!DOCTYPE html>\n<html><body>Created</body></html>\n";
      break;
    case Loss::kEmptyBody:
      answer.content_type = {};
      answer.body.clear();
      break;
  }
  answer.headers.clear();
}

// The answer held back until the prediction has ended or the time that the client granted is over. A prediction that
// ended meanwhile is still shown as `processing`, as the service does it.
Answer held_answer(Service& service, const Snapshot& made, Answer answer, int64_t wait_seconds) {
  const Prediction& record = made.record;
  answer.headers += "Preference-Applied: wait=" + std::to_string(wait_seconds) + "\r\n";
  Answer held;
  held.status = answer.status;
  held.delay_us =
      std::max<int64_t>(0, std::min(record.ended_us, record.created_us + wait_seconds * kSecond) - now_us());
  held.later = [&service, id = made.id, kind = record.kind, answer = std::move(answer)] {
    Answer final_answer = answer;
    const auto found = service.store.find(id, std::nullopt, kind, Store::Touch::kNone);
    Showing showing{now_us()};
    showing.early_output = true;
    if (found) final_answer.body = prediction_json(service, *found, showing);
    return final_answer;
  };
  return held;
}

Answer answer_about(const Making& making, const Snapshot& made) {
  Service& service = making.service;
  const Behaviour& behaviour = *made.record.behaviour;
  if (making.fault != Fault::kNone) return fault_answer(making.fault, behaviour.wait_seconds);
  Showing showing{made.record.created_us};
  Answer answer = json_answer(behaviour.status, prediction_json(service, made, showing));
  answer.coding = behaviour.coding;
  answer.headers = "Location: " + service.origin + "/v1/predictions/" + made.id + "\r\n";
  if (making.loss != Loss::kNone) {
    showing.without_id = true;
    lose(answer, making.loss, prediction_json(service, made, showing));
    return answer;
  }
  answer.delay_us = std::max(behaviour.slow_us, service.settings.create_delay_ms * kMillisecond);
  if (behaviour.hook == Hook::kEarly && made.record.ended_us != kNever) {
    answer.delay_us = std::max(answer.delay_us, made.record.ended_us + kHookLead - now_us());
  }
  const int64_t wait_seconds = answer.delay_us > 0 ? 0 : wait_of(making.prefer);
  return wait_seconds > 0 ? held_answer(service, made, std::move(answer), wait_seconds) : answer;
}

Answer make_now(const Making& making) {
  Service& service = making.service;
  const Snapshot made = service.store.add(making.prediction, making.pace);
  service.stats.accepted++;
  service.accounts.count_accepted(making.token);
  service.webhooks.follow(made);
  return answer_about(making, made);
}

}  // namespace

Answer created_answer(const Making& making) {
  const Behaviour& behaviour = *making.prediction.behaviour;
  if (behaviour.late_us == 0) return make_now(making);
  Answer answer;
  answer.status = behaviour.status;
  answer.delay_us = behaviour.late_us;
  answer.later = [making] { return make_now(making); };
  return answer;
}

Answer imagined_answer(const Making& making) {
  Snapshot imagined{making.prediction, "0123456789abcdefghjkmnpqrs", "{}"};
  imagined.record.created_us = now_us();
  plan(imagined.record, 1, making.pace);
  return answer_about(making, imagined);
}

}  // namespace stand_in
