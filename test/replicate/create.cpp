// SPDX-License-Identifier: PostgreSQL
#include "create.hpp"

#include <algorithm>
#include <utility>

#include "create_answer.hpp"
#include "create_body.hpp"

namespace stand_in {

namespace {

constexpr size_t kPromptShown = 200;

struct Target {
  std::string model = {};    // owner/name; empty: the body says the version
  std::string version = {};  // of trainings: from the path
  bool deployment = false;
  Kind kind = Kind::kPrediction;
};

// A model, or the answer that refuses it.
struct Resolved {
  const Model* model = nullptr;
  std::optional<Answer> error = {};
};

bool is_version_id(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The start of a prompt, not cut inside a character.
std::string shown(std::string_view prompt) {
  size_t length = std::min(prompt.size(), kPromptShown);
  while (length > 0 && length < prompt.size() && (prompt[length] & 0xC0) == 0x80) length--;
  return std::string(prompt.substr(0, length));
}

class Creation {
 public:
  Creation(const Call& call, Target target)
      : call_(call),
        service_(call.service),
        target_(std::move(target)),
        body_(read_create_body(call.request, {target_.model.empty(), target_.kind == Kind::kTraining},
                               service_.settings.max_body_bytes)) {}

  Answer run() {
    service_.stats.posts++;
    if (body_.has_input) posted_ = service_.store.count_post(body_.input, service_.settings.keep_inputs);
    Answer answer = decide();
    if (answer.delivery != Delivery::kWhole) {
      service_.stats.unanswered++;
    } else if (answer.status >= 400 && !created_) {
      service_.stats.refused++;
    }
    note_arrival(answer);
    return answer;
  }

 private:
  Answer decide() {
    if (!call_.caller) return unauthenticated();
    if (call_.caller->refused != Fault::kNone) return fault_answer(call_.caller->refused, call_.caller->wait_seconds);
    if (call_.caller->over_rate) return throttled(call_.caller->wait_seconds);
    const auto ordered = service_.ordered.take(call_.route);
    if (ordered && !ordered->created) return fault_answer(ordered->fault, 1);
    if (body_.error) return *body_.error;
    if (auto error = resolve()) return *error;
    if (auto error = read_behaviour()) return *error;
    if (auto error = read_deadline()) return *error;
    const Behaviour& behaviour = *behaviour_;
    if (behaviour.strict_input) {
      const auto wrong = check_strict_input(body_.input);
      if (!wrong.empty()) return invalid_input(wrong);
    }
    if (target_.kind == Kind::kTraining && !destination_exists()) {
      return problem(404, "Not found", "The specified training destination does not exist");
    }
    const bool faulty = behaviour.refuse != Fault::kNone && posted_.posts <= behaviour.refuse_times;
    if (faulty && !behaviour.refuse_creates) return fault_answer(behaviour.refuse, behaviour.wait_seconds);
    return make(ordered ? ordered->fault : faulty ? behaviour.refuse : Fault::kNone);
  }

  std::optional<Answer> resolve() {
    Resolved resolved = target_.model.empty() ? by_version(body_.version) : by_name(target_.model);
    if (!resolved.error && resolved.model->kind == ModelKind::kPrivate) return invalid_version();
    model_ = resolved.model;
    return resolved.error;
  }

  Resolved by_version(const std::string& version) {
    if (is_version_id(version)) return known_or(service_.models.find_version(version), invalid_version());
    const size_t slash = version.find('/');
    const size_t colon = version.find(':');
    const bool is_name = slash != std::string::npos && slash > 0 && slash + 1 < std::min(colon, version.size()) &&
                         version.find('/', slash + 1) == std::string::npos;
    if (!is_name) return {nullptr, invalid_version()};
    const Model* model = service_.models.find(version.substr(0, colon), call_.caller->account_name);
    if (colon == std::string::npos) {
      if (model == nullptr) return {nullptr, not_found()};
      const bool by_name_only = model->kind == ModelKind::kOfficial || model->kind == ModelKind::kPrivate;
      return known_or(by_name_only ? model : nullptr, invalid_version());
    }
    const bool fits = model != nullptr && model->version == version.substr(colon + 1);
    return known_or(fits ? model : nullptr, invalid_version());
  }

  Resolved by_name(const std::string& name) {
    const Model* model = service_.models.find(name, call_.caller->account_name);
    if (model == nullptr || model->kind == ModelKind::kDestination) return {nullptr, not_found()};
    if (target_.kind == Kind::kTraining) {
      return known_or(model->version == target_.version ? model : nullptr, not_found());
    }
    if (model->kind == ModelKind::kCommunity && !target_.deployment) return {nullptr, not_found()};
    return {model};
  }

  static Resolved known_or(const Model* model, Answer error) {
    if (model != nullptr) return {model};
    return {nullptr, std::move(error)};
  }

  std::optional<Answer> read_behaviour() {
    behaviour_ = model_->behaviour;
    if (body_.markers.empty()) return std::nullopt;
    const std::string words = model_->words.empty() ? body_.markers : model_->words + "--" + body_.markers;
    std::string unknown;
    behaviour_ = service_.behaviours.find(words, unknown);
    if (behaviour_ != nullptr) return std::nullopt;
    return invalid_input({{"enum", "input", "the stand-in does not know the word " + unknown}});
  }

  std::optional<Answer> read_deadline() {
    if (call_.request.cancel_after.empty()) return std::nullopt;
    const auto duration = parse_duration(call_.request.cancel_after);
    if (!duration || *duration < 5 * kSecond || *duration > 86400 * kSecond) {
      return problem(422, "Invalid Cancel-After", "Cancel-After must be a duration between 5 seconds and 24 hours.");
    }
    deadline_us_ = static_cast<int64_t>(static_cast<double>(*duration) * service_.settings.deadline_scale);
    return std::nullopt;
  }

  bool destination_exists() {
    const std::string& account = call_.caller->account_name;
    const std::string& name = body_.destination;
    return name.starts_with(account + "/") && service_.models.find(name, account) != nullptr;
  }

  Answer make(Fault fault) {
    Making making{service_, prediction(), pace(), call_.caller->token};
    making.fault = fault;
    if (posted_.posts <= behaviour_->loss_times) making.loss = behaviour_->loss;
    making.prefer = call_.request.prefer;
    created_ = making.loss == Loss::kNone || behaviour_->loss_creates;
    return created_ ? created_answer(making) : imagined_answer(making);
  }

  Prediction prediction() const {
    Prediction prediction;
    prediction.kind = target_.kind;
    prediction.behaviour = behaviour_;
    prediction.model = model_;
    prediction.input = posted_.input;
    prediction.account = call_.caller->account;
    if (!body_.webhook.empty() || target_.deployment || target_.kind == Kind::kTraining) {
      prediction.origin = std::make_shared<Origin>();
      prediction.origin->webhook = body_.webhook;
      prediction.origin->events = body_.events;
      prediction.origin->destination = body_.destination;
      if (target_.deployment) prediction.origin->deployment = target_.model;
    }
    return prediction;
  }

  Pace pace() const {
    const Settings& settings = service_.settings;
    return {settings.queue_ms * kMillisecond, settings.run_ms * kMillisecond, deadline_us_, settings.instant};
  }

  void note_arrival(const Answer& answer) {
    if (!service_.arrivals.wanted(service_.settings.arrivals)) return;
    Arrival arrival;
    arrival.at_us = call_.request.arrived_us;
    if (call_.caller) {
      arrival.account = call_.caller->account_name;
      arrival.token = call_.caller->token;
    }
    arrival.model = target_.model.empty() ? body_.version : target_.model;
    arrival.prompt = shown(body_.prompt);
    if (answer.delivery == Delivery::kWhole) arrival.status = answer.status;
    service_.arrivals.add(std::move(arrival));
  }

  const Call& call_;
  Service& service_;
  Target target_;
  CreateBody body_;
  Posted posted_;
  const Model* model_ = nullptr;
  const Behaviour* behaviour_ = nullptr;
  int64_t deadline_us_ = kNever;
  bool created_ = false;
};

std::string name_in(const Call& call) { return call.parts[1] + "/" + call.parts[2]; }

}  // namespace

Answer create_by_version(const Call& call) { return Creation(call, {}).run(); }

Answer create_by_model(const Call& call) { return Creation(call, {name_in(call)}).run(); }

Answer create_by_deployment(const Call& call) { return Creation(call, {name_in(call), {}, true}).run(); }

Answer create_training(const Call& call) {
  return Creation(call, {name_in(call), call.parts[4], false, Kind::kTraining}).run();
}

}  // namespace stand_in
