// SPDX-License-Identifier: PostgreSQL
#include "render.hpp"

#include <algorithm>

#include "outputs.hpp"
#include "service.hpp"

namespace stand_in {

namespace {

// Progress lines with words and numbers that a careless reader takes for errors.
std::string progress_logs(int kilobytes) {
  constexpr std::string_view kLine = " 50%|#####     | 500/1000 [00:01<00:01] starting connection of worker 429\n";
  const size_t size = static_cast<size_t>(kilobytes) * 1024;
  std::string logs;
  logs.reserve(size + kLine.size());
  while (logs.size() < size) logs += kLine;
  return logs;
}

std::string logs_of(const Behaviour& behaviour, const Showing& showing, Phase phase) {
  if (phase == Phase::kStarting) return {};
  std::string logs = "Using seed: 4242\n";
  const int kilobytes = std::max(behaviour.logs_kb, showing.least_logs_kb);
  if (kilobytes > 0) logs += progress_logs(kilobytes);
  if (behaviour.logs_nul) logs.append("before\0after\n", 13);
  return logs;
}

class PredictionWriter {
 public:
  PredictionWriter(JsonWriter& json, const Service& service, const Snapshot& prediction, const Showing& showing)
      : json_(json),
        service_(service),
        prediction_(prediction),
        record_(prediction.record),
        behaviour_(*record_.behaviour),
        showing_(showing),
        state_(state_at(record_, showing.now, service.retention_us())) {
    if (showing.phase && *showing.phase < state_.phase) {
      state_ = {*showing.phase, *showing.phase == Phase::kStarting ? "starting" : "processing", false};
    }
    if (showing.early_output && state_.phase == Phase::kEnded && succeeded()) {
      state_ = {Phase::kProcessing, "processing", false};
      early_ = true;
    }
  }

  void write() {
    json_.StartObject();
    if (!showing_.without_id) json_.member("id", std::string_view(prediction_.id));
    write_model();
    json_.raw_member("input", state_.removed || behaviour_.no_input_echo ? "{}" : prediction_.input);
    write_logs();
    write_result();
    json_.member("status", state_.status);
    write_times();
    if (!behaviour_.no_metrics && !(behaviour_.sparse && !ended())) write_metrics();
    write_origin();
    write_urls();
    json_.EndObject();
  }

 private:
  bool ended() const { return state_.phase == Phase::kEnded; }
  bool succeeded() const { return record_.end == End::kSucceeded || record_.end == End::kSuccessful; }

  void write_model() {
    const Model& model = *record_.model;
    json_.member("model", behaviour_.other_model ? std::string_view("replicate-internal/some-other-model")
                                                 : std::string_view(model.name));
    json_.member("version", model.kind == ModelKind::kOfficial && record_.kind == Kind::kPrediction
                                ? std::string_view("hidden")
                                : std::string_view(model.version));
  }

  void write_logs() {
    if (state_.removed) {
      json_.member("logs", nullptr);
    } else {
      json_.member("logs", std::string_view(logs_of(behaviour_, showing_, state_.phase)));
    }
  }

  void write_result() {
    const bool output = !state_.removed && (early_ || (ended() && succeeded()));
    if (output) {
      json_.key("output");
      write_output(json_, service_, prediction_);
    } else if (!behaviour_.sparse) {
      json_.member("output", nullptr);
    }
    if (!behaviour_.sparse || state_.removed) json_.member("data_removed", state_.removed);
    json_.key("error");
    if (!ended() || record_.end != End::kFailed) {
      json_.Null();
    } else if (!record_.model->error_json.empty()) {
      json_.raw(record_.model->error_json);
    } else {
      write_failure(json_, record_.failure);
    }
  }

  void write_time(std::string_view name, int64_t moment, bool known) {
    json_.key(name);
    if (known) {
      json_.text(timestamp_text(moment, behaviour_.time_digits));
    } else {
      json_.Null();
    }
  }

  void write_times() {
    write_time("created_at", record_.created_us, true);
    write_time("started_at", record_.started_us, state_.phase != Phase::kStarting && record_.started_us != kNever);
    write_time("completed_at", record_.ended_us, ended());
    if (record_.deadline_us != kNever) write_time("deadline", record_.deadline_us, true);
  }

  void write_metrics() {
    json_.key("metrics");
    json_.StartObject();
    if (ended() && record_.started_us != kNever) {
      const double run = static_cast<double>(record_.ended_us - record_.started_us) / kSecond;
      json_.key("predict_time");
      if (behaviour_.exponent || record_.ended_us == record_.started_us) {
        json_.raw("3e-06");
      } else {
        json_.Double(run);
      }
      json_.key("total_time");
      json_.Double(static_cast<double>(record_.ended_us - record_.created_us) / kSecond);
      if (succeeded()) json_.member("image_output_count", int64_t{behaviour_.output_count});
    }
    json_.EndObject();
  }

  void write_origin() {
    json_.member("source", "api");
    if (!record_.origin) return;
    const Origin& origin = *record_.origin;
    if (!origin.deployment.empty()) json_.member("deployment", std::string_view(origin.deployment));
    if (!origin.destination.empty()) json_.member("destination", std::string_view(origin.destination));
    if (origin.webhook.empty() || behaviour_.no_webhook_echo) return;
    json_.member("webhook", std::string_view(origin.webhook));
    if (origin.events.empty()) return;
    json_.key("webhook_events_filter");
    json_.StartArray();
    for (const std::string& event : origin.events) json_.text(event);
    json_.EndArray();
  }

  // A training's addresses name predictions too, as recorded from the service.
  void write_urls() {
    const std::string get = service_.origin + "/v1/predictions/" + prediction_.id;
    json_.key("urls");
    json_.StartObject();
    json_.member("get", std::string_view(get));
    json_.member("cancel", std::string_view(get + "/cancel"));
    if (!behaviour_.sparse) json_.member("web", std::string_view("https://replicate.com/p/" + prediction_.id));
    json_.EndObject();
  }

  JsonWriter& json_;
  const Service& service_;
  const Snapshot& prediction_;
  const Prediction& record_;
  const Behaviour& behaviour_;
  const Showing& showing_;
  State state_;
  bool early_ = false;
};

}  // namespace

void write_prediction(JsonWriter& json, const Service& service, const Snapshot& prediction, const Showing& showing) {
  PredictionWriter(json, service, prediction, showing).write();
}

std::string prediction_json(const Service& service, const Snapshot& prediction, const Showing& showing) {
  JsonWriter json;
  write_prediction(json, service, prediction, showing);
  return json.take();
}

}  // namespace stand_in
