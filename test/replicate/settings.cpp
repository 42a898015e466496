// SPDX-License-Identifier: PostgreSQL
#include "settings.hpp"

namespace stand_in {

namespace {

struct Number {
  const char* name;
  std::atomic<int64_t> Settings::*place;
  int64_t initial;
};

const Number kNumbers[] = {
    {"create_delay_ms", &Settings::create_delay_ms, 0},
    {"poll_delay_ms", &Settings::poll_delay_ms, 0},
    {"queue_ms", &Settings::queue_ms, 50},
    {"run_ms", &Settings::run_ms, 150},
    {"creates_per_minute", &Settings::creates_per_minute, 0},
    {"requests_per_minute", &Settings::requests_per_minute, 0},
    {"rate_window_ms", &Settings::rate_window_ms, 60'000},
    {"retention_ms", &Settings::retention_ms, 3'600'000},
    {"webhook_retry_ms", &Settings::webhook_retry_ms, 1000},
    {"cancel_finished", &Settings::cancel_finished, 200},
    {"page_size", &Settings::page_size, 100},
    {"arrivals", &Settings::arrivals, 10'000},
    {"max_body_bytes", &Settings::max_body_bytes, 32 << 20},
};

struct Flag {
  const char* name;
  std::atomic<bool> Settings::*place;
  bool initial;
};

const Flag kFlags[] = {
    {"instant", &Settings::instant, false},
    {"cut_lists", &Settings::cut_lists, false},
    {"keep_inputs", &Settings::keep_inputs, true},
};

// Changes one setting, or only looks whether it could be changed.
bool set_number(Settings& settings, std::string_view name, const JsonValue& value, bool change) {
  for (const Number& number : kNumbers) {
    if (name != number.name || !value.IsInt64() || value.GetInt64() < 0) continue;
    if (change) settings.*number.place = value.GetInt64();
    return true;
  }
  return false;
}

bool set_flag(Settings& settings, std::string_view name, const JsonValue& value, bool change) {
  for (const Flag& flag : kFlags) {
    if (name != flag.name || !value.IsBool()) continue;
    if (change) settings.*flag.place = value.GetBool();
    return true;
  }
  return false;
}

}  // namespace

void Settings::reset() {
  for (const Number& number : kNumbers) this->*number.place = number.initial;
  for (const Flag& flag : kFlags) this->*flag.place = flag.initial;
  deadline_scale = 1.0;
  const std::lock_guard lock(mutex_);
  output_base_ = "https://replicate.delivery";
}

std::string Settings::patch(const JsonValue& object) {
  for (const bool change : {false, true}) {
    for (const auto& member : object.GetObject()) {
      const std::string_view name = view(member.name);
      if (set_number(*this, name, member.value, change) || set_flag(*this, name, member.value, change)) continue;
      if (name == "deadline_scale" && member.value.IsNumber() && member.value.GetDouble() > 0) {
        if (change) deadline_scale = member.value.GetDouble();
      } else if (name == "output_base" && member.value.IsString()) {
        const std::lock_guard lock(mutex_);
        if (change) output_base_ = view(member.value);
      } else {
        return std::string(name);
      }
    }
  }
  return {};
}

std::string Settings::json() const {
  JsonWriter json;
  json.StartObject();
  for (const Number& number : kNumbers) json.member(number.name, (this->*number.place).load());
  for (const Flag& flag : kFlags) json.member(flag.name, (this->*flag.place).load());
  json.key("deadline_scale");
  json.Double(deadline_scale);
  json.member("output_base", std::string_view(output_base()));
  json.EndObject();
  return json.take();
}

std::string Settings::output_base() const {
  const std::lock_guard lock(mutex_);
  return output_base_;
}

}  // namespace stand_in
