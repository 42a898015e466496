// SPDX-License-Identifier: PostgreSQL
#include "outputs.hpp"

#include "service.hpp"

namespace stand_in {

namespace {

using namespace std::string_literals;

// A 1x1 picture in each format, and the first bytes of a film and a sound.
const std::string kWebp = "RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\0\0\0\x10\x07\x10\x11\x11\x88\x88\xfe\x07\0"s;
const std::string kSvg = R"(<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>)";
const std::string kMp4 =
    "\0\0\0\x18"s
    "ftypmp42\0\0\0\0mp42isom"s;
const std::string kMp3 = "ID3\x04\0\0\0\0\0\0"s;
constexpr std::string_view kDataUri =
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg==";

class Urls {
 public:
  Urls(const Service& service, const Snapshot& prediction) : own_(service.origin + "/_output/"), id_(prediction.id) {
    const std::string base = service.settings.output_base();
    base_ = base == "local" ? own_ : base + "/";
  }

  std::string file(std::string_view name) const { return base_ + id_ + "/" + std::string(name); }
  std::string number(int i) const { return file("out-" + std::to_string(i) + ".webp"); }
  // On the stand-in's own host whatever the base is, since no other host would behave as asked.
  std::string own(std::string_view folder, std::string_view name) const {
    return own_ + std::string(folder) + "/" + id_ + "/" + std::string(name);
  }

 private:
  std::string own_, base_, id_;
};

void write_nested(JsonWriter& json, const Urls& urls) {
  json.StartObject();
  json.key("images");
  json.StartArray();
  for (int i = 0; i < 2; i++) {
    json.StartObject();
    json.member("url", std::string_view(urls.number(i)));
    json.member("seed", int64_t{42 + i});
    json.EndObject();
  }
  json.EndArray();
  json.key("extra");
  json.StartObject();
  json.member("mask", std::string_view(urls.file("mask.png")));
  json.member("caption", "a cat on a mat");
  json.member("preview", nullptr);
  json.EndObject();
  json.EndObject();
}

void write_training_output(JsonWriter& json, const Urls& urls, const Snapshot& training) {
  json.StartObject();
  const std::string version = training.record.origin->destination + ":" + training.record.model->version;
  json.member("version", std::string_view(version));
  json.member("weights", std::string_view(urls.file("trained_model.tar")));
  json.EndObject();
}

void write_many(JsonWriter& json, const Urls& urls, int count) {
  json.StartArray();
  for (int i = 0; i < count; i++) json.text(urls.number(i));
  json.EndArray();
}

void write_object(JsonWriter& json, const Urls& urls) {
  json.StartObject();
  json.member("vocals", std::string_view(urls.file("vocals.mp3")));
  json.member("no_vocals", std::string_view(urls.file("no_vocals.mp3")));
  json.EndObject();
}

void write_deep(JsonWriter& json, const Urls& urls, int depth) {
  for (int i = 0; i < depth; i++) json.StartArray();
  json.text(urls.number(0));
  for (int i = 0; i < depth; i++) json.EndArray();
}

void write_chunks(JsonWriter& json) {
  json.StartArray();
  for (const char* chunk : {"\n\n", "Here is", " a haiku", ":\n", "a cat", " on a mat"}) json.text(chunk);
  json.EndArray();
}

std::string_view content_type_of(std::string_view file) {
  if (file.ends_with(".webp")) return "image/webp";
  if (file.ends_with(".svg")) return "image/svg+xml";
  if (file.ends_with(".mp4")) return "video/mp4";
  if (file.ends_with(".mp3")) return "audio/mpeg";
  return "application/octet-stream";
}

const std::string& content_of(std::string_view file) {
  if (file.ends_with(".svg")) return kSvg;
  if (file.ends_with(".mp4")) return kMp4;
  if (file.ends_with(".mp3")) return kMp3;
  return kWebp;
}

bool still_there(Service& service, std::string_view id) {
  for (const Kind kind : {Kind::kPrediction, Kind::kTraining}) {
    const auto found = service.store.find(id, std::nullopt, kind, Store::Touch::kNone);
    if (!found) continue;
    const State state = state_at(found->record, now_us(), service.retention_us());
    return state.phase == Phase::kEnded && !state.removed;
  }
  return false;
}

}  // namespace

void write_output(JsonWriter& json, const Service& service, const Snapshot& prediction) {
  const Behaviour& behaviour = *prediction.record.behaviour;
  const Urls urls(service, prediction);
  if (!prediction.record.model->output_json.empty()) return json.raw(prediction.record.model->output_json);
  if (prediction.record.kind == Kind::kTraining) return write_training_output(json, urls, prediction);
  switch (behaviour.output) {
    case Output::kUrl:
      return json.text(urls.number(0));
    case Output::kUrls:
      return write_many(json, urls, behaviour.output_count);
    case Output::kObject:
      return write_object(json, urls);
    case Output::kNested:
      return write_nested(json, urls);
    case Output::kDeep:
      return write_deep(json, urls, std::min(behaviour.output_count, 150));
    case Output::kText:
      return json.text("a cat on a mat");
    case Output::kChunks:
      return write_chunks(json);
    case Output::kNul:
      return json.text("before\0after"s);
    case Output::kData:
      return json.StartArray(), json.text(kDataUri), void(json.EndArray());
    case Output::kStorage:
      return json.text("https://storage.googleapis.com/replicate-files/" + prediction.id + "/out.png");
    case Output::kVideo:
      return json.text(urls.file("out.mp4"));
    case Output::kSvg:
      return json.text(urls.file("out.svg"));
    case Output::kAudio:
      return json.text(urls.file("out.mp3"));
    case Output::kNull:
      return void(json.Null());
    case Output::kEmpty:
      return json.StartArray(), void(json.EndArray());
    case Output::kNumber:
      return void(json.Int(42));
    case Output::kSlow: {
      const std::string folder = "slow-" + std::to_string(behaviour.output_us / kMillisecond) + "ms";
      return json.text(urls.own(folder, "out-0.webp"));
    }
    case Output::kGone:
      return json.text(urls.own("gone", "out-0.webp"));
    case Output::kRedirect:
      return json.text(urls.own("redirect", "out-0.webp"));
  }
}

Answer output_file(Service& service, const Request& request, const std::vector<std::string>& parts) {
  service.stats.downloads++;
  if (!request.authorization.empty()) service.stats.downloads_with_token++;
  const bool plain = parts.size() == 3;
  if (request.method != "GET" || (!plain && parts.size() != 4) || (!plain && parts[1] == "gone")) return not_found();
  const std::string& id = parts[parts.size() - 2];
  const std::string& file = parts.back();
  if (!still_there(service, id)) return not_found();
  Answer answer;
  if (!plain && parts[1] == "redirect") {
    // Another name of this machine, so that a client that compares hosts sees another one.
    const std::string port = service.origin.substr(service.origin.rfind(':'));
    answer.status = 302;
    answer.content_type = {};
    answer.headers = "Location: http://localhost" + port + "/_output/" + id + "/" + file + "\r\n";
    return answer;
  }
  if (!plain) {
    constexpr std::string_view kSlow = "slow-";
    const auto time_us = parts[1].starts_with(kSlow) ? parse_short_time(parts[1].substr(kSlow.size())) : std::nullopt;
    if (!time_us) return not_found();
    answer.delay_us = *time_us;
  }
  answer.content_type = content_type_of(file);
  answer.body = content_of(file);
  return answer;
}

}  // namespace stand_in
