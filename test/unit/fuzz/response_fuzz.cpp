// SPDX-License-Identifier: PostgreSQL
// Any bytes as an answer of the provider, judged as the answer to every question. Nothing
// crashes, what users read names no secret, and what is stored is clean. The first byte chooses the delivery and the
// headers.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/json.hpp"
#include "core/text.hpp"
#include "replicate/matching.hpp"
#include "replicate/outcome.hpp"
#include "replicate/request.hpp"
#include "replicate/training.hpp"
#include "replicate/wait.hpp"
#include "require.hpp"

namespace {

using namespace atelier::replicate;
namespace json = atelier::core::json;
namespace text = atelier::core::text;

constexpr int64_t kNow = 1'763'805'600'000'000;
constexpr int64_t kHour = 3'600'000'000;
constexpr int kStatuses[16] = {200, 201, 202, 301, 400, 401, 402, 403, 404, 409, 413, 422, 429, 500, 502, 503};

void check_failure(const Failure& failure) {
  require(failure.admin_message.size() <= 2000 && text::is_clean_utf8(failure.admin_message));
  require(!text::has_control_characters(failure.admin_message));
  require(failure.user_message.size() <= 1000 && text::is_clean_utf8(failure.user_message));
  for (const std::string_view word : {"replicate", "r8_", "://", "credit", "billing"})
    require(!text::contains_ignoring_case(failure.user_message, word));
}

void check_prediction(const Prediction& prediction) {
  require(!prediction.id.empty());
  json::Limits limits;
  limits.max_depth = 300;
  const std::string stored = stored_prediction(prediction);
  const json::Parsed parsed = json::parse(stored, limits);
  require(parsed && parsed.root().find("id").string_or_empty() == prediction.id);
  require(parsed.root().find("logs").string_or_empty().size() <= kKeptLogBytes);
  require(text::is_clean_utf8(stored));
  const std::string path = get_prediction(prediction.id).path;
  require(path.find_first_of(" ?#\r\n") == std::string::npos);
}

void judge_creation(const Answer& answer) {
  CreateContext context;
  context.now_us = kNow;
  context.random = 0.5;
  const CreateVerdict verdict = judge_create(answer, context);
  require((verdict.action == CreateAction::accepted) == verdict.prediction.has_value());
  require(verdict.delay_us >= 0 && verdict.delay_us <= kHour);
  check_failure(verdict.failure);
}

void judge_looks(const Answer& answer, bool as_text) {
  PollContext context;
  context.now_us = kNow;
  context.random = 0.5;
  context.sent_at_us = kNow - kHour / 60;
  context.deadline_us = kNow + kHour / 4;
  context.output.text = as_text;
  for (const PollVerdict& verdict : {judge_poll(answer, context), judge_cancel(answer, context)}) {
    require((verdict.action == PollAction::completed) == !verdict.output.empty());
    require(atelier::core::is_open(verdict.attempt) || verdict.prediction);
    require(verdict.output.urls.size() <= 64);
    require(verdict.delay_us >= 0 && verdict.delay_us <= kHour);
    check_failure(verdict.failure);
    if (verdict.prediction) check_prediction(*verdict.prediction);
  }
}

void judge_questions(const Answer& answer) {
  const ListVerdict list = judge_list(answer, kNow, 0.5, 0);
  require((list.action == ListAction::page) == list.page.has_value());
  check_failure(list.failure);
  if (list.page) {
    SentAttempt sent;
    sent.sent_at_us = kNow;
    for (const Prediction& prediction : list.page->predictions) {
      sent.input = prediction.input;
      find_match(*list.page, sent, {});
    }
    may_be_on_next_page(*list.page, sent.sent_at_us);
    const auto next = next_page(list.page->next);
    require(!next || next->path.starts_with("/predictions?"));
  }
  const TokenVerdict token = judge_account(answer);
  require((token.action == TokenAction::valid) == !token.account.empty());
  check_failure(judge_model(answer, kNow, 0.5, 0).failure);
}

void judge_trainings(const Answer& answer) {
  if (const auto file = parse_file(answer.body)) require(!file->id.empty() && !file->url.empty());
  const std::string name = parse_file_name(answer.body);
  if (const auto owner = owner_in_set_name(name)) require(set_name(*owner) == name);
  const auto next = next_training_page(answer.body);
  require(!next || next->path.starts_with("/trainings?"));
  require(text::is_clean_utf8(file_id_in(answer.body)) || !text::is_clean_utf8(answer.body));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const unsigned choice = data[0];
  Answer answer;
  answer.delivery = (choice & 8) != 0 ? Delivery::maybe_sent : Delivery::delivered;
  answer.body.assign(reinterpret_cast<const char*>(data + 1), size - 1);
  if ((choice & 2) != 0) answer.retry_after = answer.body.substr(0, 64);
  if ((choice & 4) != 0) answer.ratelimit_reset = answer.body.substr(0, 64);
  if (answer.delivery == Delivery::delivered)
    answer.status = kStatuses[choice >> 4];
  else
    answer.transport_error = answer.body;
  judge_creation(answer);
  judge_looks(answer, (choice & 1) != 0);
  judge_questions(answer);
  judge_trainings(answer);
  const auto wait = requested_wait_us(answer, parse_problem(answer.body), kNow);
  require(!wait || (*wait >= 0 && *wait <= kHour));
  require(text::is_clean_utf8(user_message(text::clean_utf8(answer.body))));
  return 0;
}
