// SPDX-License-Identifier: PostgreSQL
#include "replicate/training.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "core/json.hpp"
#include "core/text.hpp"
#include "replicate/matching.hpp"
#include "replicate/reference.hpp"
#include "replicate/webhook.hpp"

namespace atelier::replicate {

namespace {

namespace json = core::json;

constexpr std::string_view kTrainings = "/trainings";
constexpr size_t kMaxUrlBytes = 2048;
constexpr size_t kMaxIdBytes = 1024;
constexpr std::string_view kSetPrefix = "training-";
constexpr std::string_view kSetEnding = ".zip";
constexpr size_t kUuidChars = 36;

std::string training_path(std::string_view id) { return std::string(kTrainings) + "/" + percent_encode(id); }

}  // namespace

std::string_view picture_kind(std::string_view head) noexcept {
  if (head.starts_with("\xFF\xD8\xFF")) return "jpg";
  if (head.starts_with("\x89PNG\r\n\x1A\n")) return "png";
  if (head.starts_with("RIFF") && head.size() >= kPictureHeadBytes && head.substr(8, 4) == "WEBP") return "webp";
  return {};
}

std::string picture_name(std::string_view trigger_word, int number) {
  char digits[16];
  std::snprintf(digits, sizeof digits, "%03d", number);
  return "a_photo_of_" + std::string(trigger_word) + "_" + digits;
}

UploadFrame upload_frame(std::string_view boundary, std::string_view file_name) {
  const std::string line = "--" + std::string(boundary);
  UploadFrame frame;
  frame.before = line + "\r\nContent-Disposition: form-data; name=\"content\"; filename=\"" + std::string(file_name) +
                 "\"\r\nContent-Type: application/zip\r\n\r\n";
  frame.after = "\r\n" + line + "--\r\n";
  frame.content_type = "multipart/form-data; boundary=" + std::string(boundary);
  return frame;
}

std::string set_name(const SetOwner& owner) {
  return std::string(kSetPrefix) + std::to_string(owner.training) + "-" + core::to_string(owner.lora) +
         std::string(kSetEnding);
}

std::optional<SetOwner> owner_in_set_name(std::string_view name) {
  if (!name.starts_with(kSetPrefix) || !name.ends_with(kSetEnding)) return std::nullopt;
  name.remove_prefix(kSetPrefix.size());
  name.remove_suffix(std::min(kSetEnding.size(), name.size()));
  if (name.size() < kUuidChars + 2 || name[name.size() - kUuidChars - 1] != '-') return std::nullopt;
  const auto lora = core::parse_uuid(name.substr(name.size() - kUuidChars));
  const std::string_view digits = name.substr(0, name.size() - kUuidChars - 1);
  SetOwner owner;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), owner.training);
  if (!lora || error != std::errc() || end != digits.data() + digits.size() || owner.training <= 0) return std::nullopt;
  owner.lora = *lora;
  return owner;
}

std::optional<UploadedFile> parse_file(std::string_view body) {
  const json::Parsed parsed = json::parse(json::clean_for_jsonb(body));
  UploadedFile file;
  file.id = parsed.root().find("id").string_or_empty();
  file.url = parsed.root().find("urls").find("get").string_or_empty();
  if (file.id.empty() || file.id.size() > kMaxIdBytes || file.url.empty() || file.url.size() > kMaxUrlBytes)
    return std::nullopt;
  return file;
}

std::string file_id_in(std::string_view url) {
  const std::string mark = std::string(kFilesPath) + "/";
  const size_t place = url.rfind(mark);
  if (!core::text::is_http_url(url) || place == std::string_view::npos) return {};
  const std::string_view id = url.substr(place + mark.size());
  const bool usable = !id.empty() && id.size() <= kMaxIdBytes && std::all_of(id.begin(), id.end(), [](char c) {
    return c > ' ' && c < 0x7F && std::strchr("/?#%", c) == nullptr;
  });
  return usable ? std::string(id) : std::string();
}

Request get_file(std::string_view file_id) {
  Request request;
  request.path = std::string(kFilesPath) + "/" + percent_encode(file_id);
  return request;
}

std::string parse_file_name(std::string_view body) {
  const json::Parsed parsed = json::parse(json::clean_for_jsonb(body));
  return std::string(parsed.root().find("name").string_or_empty());
}

Request get_destination(std::string_view account) {
  Request request;
  request.path = "/models/" + percent_encode(account) + "/" + std::string(kDestinationName);
  return request;
}

Request make_destination(std::string_view account) {
  json::Writer body;
  body.begin_object().member("owner", account).member("name", kDestinationName);
  body.member("visibility", std::string_view("private")).member("hardware", std::string_view("cpu"));
  Request request;
  request.method = Method::post;
  request.path = "/models";
  request.body = body.end_object().take();
  return request;
}

std::string training_input(std::string_view file_url, std::string_view trigger_word, std::string_view lora_type) {
  json::Writer input;
  input.begin_object().member("input_images", file_url).member("trigger_word", trigger_word);
  input.member("lora_type", std::string_view(lora_type == "style" ? "style" : "subject"));
  return input.end_object().take();
}

std::optional<Request> create_training(std::string_view trainer, std::string_view version, std::string_view account,
                                       std::string_view input_json, std::string_view webhook) {
  const ParsedReference parsed = parse_model_reference(std::string(trainer));
  const json::Parsed input = json::parse(input_json);
  if (!parsed || parsed.reference->kind != ReferenceKind::model || !input.root().is_object()) return std::nullopt;
  json::Writer body;
  body.begin_object().member("destination", std::string(account) + "/" + std::string(kDestinationName));
  body.member("input", input.root());
  if (!webhook.empty()) {
    body.member("webhook", webhook);
    body.key("webhook_events_filter").begin_array().string("completed").end_array();
  }
  Request request;
  request.method = Method::post;
  request.path = "/models/" + percent_encode(parsed.reference->owner) + "/" + percent_encode(parsed.reference->name) +
                 "/versions/" + percent_encode(version) + std::string(kTrainings);
  request.body = body.end_object().take();
  request.creates = true;
  return request;
}

std::string webhook_for_training(std::string_view webhook_url, int64_t training) {
  std::string url = webhook_for_attempt(webhook_url, training);
  url.insert(url.rfind('.') + 1, "t");
  return url;
}

Request get_training(std::string_view training_id) {
  Request request;
  request.path = training_path(training_id);
  return request;
}

Request cancel_training(std::string_view training_id) {
  Request request;
  request.method = Method::post;
  request.path = training_path(training_id) + "/cancel";
  return request;
}

Request list_trainings() {
  Request request;
  request.path = kTrainings;
  return request;
}

std::optional<Request> next_training_page(std::string_view next) { return next_page_of(kTrainings, next); }

const Prediction* find_training(const Page& page, json::Value input, std::string_view webhook) {
  for (const Prediction& training : page.predictions) {
    if (is_readable(training) ? json::equal(training.input, input) : !webhook.empty() && training.webhook == webhook)
      return &training;
  }
  return nullptr;
}

bool may_hide_training(const Page& page, int64_t sent_at_us, int64_t number) {
  return std::any_of(page.predictions.begin(), page.predictions.end(), [&](const Prediction& training) {
    if (is_readable(training)) return false;
    if (!training.webhook.empty() && training_in_webhook(training.webhook) != number) return false;
    const int64_t created_us = training.created_at_us.value_or(sent_at_us);
    return created_us >= sent_at_us - kClockSkewUs && created_us <= sent_at_us + kArrivalUs + kClockSkewUs;
  });
}

std::string trigger_word_of(const Prediction& training) {
  return std::string(training.input.find("trigger_word").string_or_empty());
}

std::string set_url_of(const Prediction& training) {
  return std::string(training.input.find("input_images").string_or_empty());
}

TrainingResult training_result(const Prediction& training) {
  TrainingResult result;
  const std::string_view weights = training.output.find("weights").string_or_empty();
  if (core::text::is_http_url(weights) && weights.size() <= kMaxUrlBytes) result.weights = weights;
  const std::string_view version = training.output.find("version").string_or_empty();
  if (version.size() <= kMaxIdBytes && !core::text::has_control_characters(version)) result.version = version;
  return result;
}

}  // namespace atelier::replicate
