// SPDX-License-Identifier: PostgreSQL
#include "store.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <random>

namespace stand_in {

namespace {

constexpr size_t kIdHalf = 13;
constexpr std::string_view kIdLetters = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;
constexpr uint64_t kOddInverse = 0xf1de83e19937733d;
static_assert(kOdd * kOddInverse == 1);

uint64_t mix(uint64_t value) {
  value ^= value >> 32;
  value *= kOdd;
  return value ^ (value >> 32);
}

uint64_t unmix(uint64_t value) {
  value ^= value >> 32;
  value *= kOddInverse;
  return value ^ (value >> 32);
}

void append_base32(std::string& text, uint64_t value) {
  for (size_t i = 0; i < kIdHalf; i++) {
    text += kIdLetters[value & 31];
    value >>= 5;
  }
}

std::optional<uint64_t> read_base32(std::string_view text) {
  uint64_t value = 0;
  for (size_t i = text.size(); i-- > 0;) {
    const size_t digit = kIdLetters.find(text[i]);
    if (digit == std::string_view::npos) return std::nullopt;
    value = (value << 5) | digit;
  }
  return value;
}

uint64_t list_key(uint32_t account, Kind kind) { return uint64_t{account} << 1 | static_cast<uint64_t>(kind); }

std::string prompt_in(const std::string& input) {
  JsonDocument document;
  if (!parse_json(input, document) || !document.IsObject()) return {};
  return std::string(string_member(document, "prompt"));
}

}  // namespace

Store::Store() { reset(); }

Posted Store::count_post(std::string_view input, bool keep) {
  const uint64_t hash = std::hash<std::string_view>{}(input);
  const std::lock_guard lock(mutex_);
  const auto [place, is_new] = input_by_hash_.try_emplace(hash, static_cast<uint32_t>(inputs_.size()));
  if (is_new) inputs_.push_back({keep ? std::string(input) : "{}", 0, 0});
  Input& known = inputs_[place->second];
  return {place->second, ++known.posts};
}

Snapshot Store::add(Prediction prediction, const Pace& pace) {
  const std::lock_guard lock(mutex_);
  prediction.created_us = now_us();
  // After a reset the input of a late creation is gone.
  if (prediction.input >= inputs_.size()) inputs_.resize(prediction.input + 1, {"{}", 0, 0});
  plan(prediction, ++inputs_[prediction.input].accepted, pace);
  const uint64_t number = predictions_.size();
  of_account_[list_key(prediction.account, prediction.kind)].push_back(static_cast<uint32_t>(number));
  predictions_.push_back(std::move(prediction));
  return snapshot(number);
}

std::optional<Snapshot> Store::find(std::string_view id, std::optional<uint32_t> account, Kind kind, Touch touch) {
  const std::lock_guard lock(mutex_);
  Prediction* record = record_of(id);
  if (record == nullptr || record->kind != kind || (account && record->account != *account)) return std::nullopt;
  if (touch == Touch::kPoll && record->polls < UINT16_MAX) record->polls++;
  if (touch == Touch::kCancel && record->cancels < UINT16_MAX) record->cancels++;
  return snapshot(*number_of(id));
}

void Store::end(std::string_view id, End end, Failure failure, int64_t moment) {
  const std::lock_guard lock(mutex_);
  Prediction* record = record_of(id);
  if (record == nullptr || record->ended_us <= moment) return;
  end_at(*record, end, moment);
  record->failure = failure;
}

bool Store::claim_final_webhook(std::string_view id) {
  const std::lock_guard lock(mutex_);
  Prediction* record = record_of(id);
  return record != nullptr && record->origin && !std::exchange(record->origin->final_sent, true);
}

Page Store::list(uint32_t account, Kind kind, std::optional<uint64_t> from, int64_t after, int64_t before, int64_t now,
                 size_t size) const {
  Page page;
  const std::lock_guard lock(mutex_);
  const auto found = of_account_.find(list_key(account, kind));
  if (found == of_account_.end()) return page;
  const std::vector<uint32_t>& numbers = found->second;
  for (size_t place = std::min<size_t>(from.value_or(numbers.size()), numbers.size()); place-- > 0;) {
    const Prediction& record = predictions_[numbers[place]];
    if (record.created_us < after) break;
    if (record.created_us >= before || record.created_us + record.behaviour->list_late_us > now) continue;
    if (page.results.size() == size) {
      page.next = place + 1;
      break;
    }
    page.results.push_back(snapshot(numbers[place]));
  }
  return page;
}

void Store::write_counts(JsonWriter& json, Kind kind, int64_t retention_us) const {
  std::map<std::string_view, int64_t> counts = {{"starting", 0}, {"processing", 0}, {"succeeded", 0},
                                                {"failed", 0},   {"canceled", 0},   {"aborted", 0}};
  int64_t total = 0;
  {
    const std::lock_guard lock(mutex_);
    const int64_t now = now_us();
    for (const Prediction& record : predictions_) {
      if (record.kind != kind) continue;
      counts[state_at(record, now, retention_us).status]++;
      total++;
    }
  }
  json.StartObject();
  json.member("total", total);
  for (const auto& [status, count] : counts) json.member(status, count);
  json.EndObject();
}

void Store::write_input_totals(JsonWriter& json) const {
  const std::lock_guard lock(mutex_);
  int max_posts = 0;
  int max_accepted = 0;
  for (const Input& input : inputs_) {
    max_posts = std::max(max_posts, input.posts);
    max_accepted = std::max(max_accepted, input.accepted);
  }
  json.StartObject();
  json.member("distinct", static_cast<int64_t>(inputs_.size()));
  json.member("max_posts", int64_t{max_posts});
  json.member("max_accepted", int64_t{max_accepted});
  json.EndObject();
}

void Store::write_inputs(JsonWriter& json, int min_posts, const std::string* prompt, size_t limit) const {
  const std::lock_guard lock(mutex_);
  size_t written = 0;
  json.StartArray();
  for (const Input& input : inputs_) {
    if (input.posts < min_posts || written == limit) continue;
    const std::string its_prompt = prompt_in(input.text);
    if (prompt != nullptr && its_prompt != *prompt) continue;
    json.StartObject();
    json.member("prompt", std::string_view(its_prompt));
    json.raw_member("input", input.text);
    json.member("posts", int64_t{input.posts});
    json.member("accepted", int64_t{input.accepted});
    json.EndObject();
    written++;
  }
  json.EndArray();
}

void Store::reset() {
  const std::lock_guard lock(mutex_);
  salt_ = (uint64_t{std::random_device{}()} << 32) | std::random_device{}();
  predictions_.clear();
  inputs_.clear();
  input_by_hash_.clear();
  of_account_.clear();
}

// The first half of an id is the number in disguise, the second half shows that it was not made up.
std::string Store::id_of(uint64_t number) const {
  std::string id;
  id.reserve(2 * kIdHalf);
  append_base32(id, mix(number ^ salt_));
  append_base32(id, mix(number * kOdd - salt_));
  return id;
}

std::optional<uint64_t> Store::number_of(std::string_view id) const {
  if (id.size() != 2 * kIdHalf) return std::nullopt;
  const auto disguised = read_base32(id.substr(0, kIdHalf));
  if (!disguised) return std::nullopt;
  const uint64_t number = unmix(*disguised) ^ salt_;
  if (number >= predictions_.size() || id_of(number) != id) return std::nullopt;
  return number;
}

Prediction* Store::record_of(std::string_view id) {
  const auto number = number_of(id);
  return number ? &predictions_[*number] : nullptr;
}

Snapshot Store::snapshot(uint64_t number) const {
  const Prediction& record = predictions_[number];
  return {record, id_of(number), inputs_[record.input].text};
}

}  // namespace stand_in
