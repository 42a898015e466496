// SPDX-License-Identifier: PostgreSQL
#include "behaviour.hpp"

#include <cstdlib>
#include <optional>

#include "clock.hpp"

namespace stand_in {

namespace {

// What may stand behind the name of a word. kTimes: nothing but -xN.
enum class Kind : uint8_t { kPlain, kTimes, kTime, kCount, kFault, kFailure };

struct Argument {
  int times = kAlways;
  int64_t time_us = 0;
  int count = 0;
  Fault fault = Fault::kNone;
  Failure failure = Failure::kNone;
};

struct Word {
  std::string_view name;
  Kind kind;
  void (*apply)(Behaviour&, const Argument&);
};

using B = Behaviour;
using A = Argument;

template <Loss loss, bool creates>
void lose(B& b, const A& a) {
  b.loss = loss;
  b.loss_creates = creates;
  b.loss_times = a.times;
}

template <Output output>
void give(B& b, const A& a) {
  b.output = output;
  b.output_count = a.count;
  b.output_us = a.time_us;
}

template <Hook hook>
void send(B& b, const A&) {
  b.hook = hook;
}

template <End end>
void finish(B& b, const A&) {
  b.end = end;
  b.failure = Failure::kNone;
}

void refuse(B& b, const A& a, bool creates) {
  b.refuse = a.fault;
  b.refuse_times = a.times;
  b.refuse_creates = creates;
}

void fail(B& b, const A& a) {
  b.end = End::kFailed;
  b.failure = a.failure;
  b.failure_times = a.times;
}

// Where two words begin alike, the one whose argument can be read is meant.
const Word kWords[] = {
    {"ok", Kind::kPlain, [](B&, const A&) {}},
    {"instant", Kind::kPlain, [](B& b, const A&) { b.instant = true; }},
    {"status-200", Kind::kPlain, [](B& b, const A&) { b.status = 200; }},
    {"status-202", Kind::kPlain, [](B& b, const A&) { b.status = 202; }},
    {"slow", Kind::kTime, [](B& b, const A& a) { b.slow_us = a.time_us; }},
    {"late", Kind::kTime, [](B& b, const A& a) { b.late_us = a.time_us; }},
    {"wait", Kind::kTime, [](B& b, const A& a) { b.wait_seconds = (a.time_us + kSecond - 1) / kSecond; }},
    {"refuse", Kind::kFault, [](B& b, const A& a) { refuse(b, a, false); }},
    {"created-but", Kind::kFault, [](B& b, const A& a) { refuse(b, a, true); }},
    {"hang-created", Kind::kTimes, lose<Loss::kHang, true>},
    {"hang-not-created", Kind::kTimes, lose<Loss::kHang, false>},
    {"reset-after-body-created", Kind::kTimes, lose<Loss::kReset, true>},
    {"reset-after-body-not-created", Kind::kTimes, lose<Loss::kReset, false>},
    {"close-after-body-created", Kind::kTimes, lose<Loss::kClose, true>},
    {"close-after-body-not-created", Kind::kTimes, lose<Loss::kClose, false>},
    {"truncated", Kind::kTimes, lose<Loss::kTruncated, true>},
    {"truncated-not-created", Kind::kTimes, lose<Loss::kTruncated, false>},
    {"no-id", Kind::kTimes, lose<Loss::kNoId, true>},
    {"no-id-not-created", Kind::kTimes, lose<Loss::kNoId, false>},
    {"not-json", Kind::kTimes, lose<Loss::kNotJson, true>},
    {"not-json-not-created", Kind::kTimes, lose<Loss::kNotJson, false>},
    {"empty-body", Kind::kTimes, lose<Loss::kEmptyBody, true>},
    {"empty-body-not-created", Kind::kTimes, lose<Loss::kEmptyBody, false>},
    {"strict-input", Kind::kPlain, [](B& b, const A&) { b.strict_input = true; }},

    {"queue", Kind::kTime, [](B& b, const A& a) { b.queue_us = a.time_us; }},
    {"run", Kind::kTime, [](B& b, const A& a) { b.run_us = a.time_us; }},
    {"stuck", Kind::kPlain, [](B& b, const A&) { b.stuck = true; }},
    {"stuck-starting", Kind::kPlain, [](B& b, const A&) { b.stuck_starting = true; }},
    {"deadline", Kind::kTime, [](B& b, const A& a) { b.deadline_us = a.time_us; }},
    {"fail", Kind::kFailure, fail},
    {"end-canceled", Kind::kPlain, finish<End::kCanceled>},
    {"end-aborted", Kind::kPlain, finish<End::kAborted>},
    {"end-successful", Kind::kPlain, finish<End::kSuccessful>},
    {"end-unknown", Kind::kPlain, finish<End::kUnknown>},
    {"unknown-status", Kind::kPlain, [](B& b, const A&) { b.unknown_status = true; }},
    {"data-removed", Kind::kPlain, [](B& b, const A&) { b.data_removed = true; }},

    {"out-url", Kind::kPlain, give<Output::kUrl>},
    {"out-urls", Kind::kCount, give<Output::kUrls>},
    {"out-object", Kind::kPlain, give<Output::kObject>},
    {"out-nested", Kind::kPlain, give<Output::kNested>},
    {"out-deep", Kind::kCount, give<Output::kDeep>},
    {"out-text", Kind::kPlain, give<Output::kText>},
    {"out-chunks", Kind::kPlain, give<Output::kChunks>},
    {"out-nul", Kind::kPlain, give<Output::kNul>},
    {"out-data", Kind::kPlain, give<Output::kData>},
    {"out-storage", Kind::kPlain, give<Output::kStorage>},
    {"out-video", Kind::kPlain, give<Output::kVideo>},
    {"out-svg", Kind::kPlain, give<Output::kSvg>},
    {"out-audio", Kind::kPlain, give<Output::kAudio>},
    {"out-null", Kind::kPlain, give<Output::kNull>},
    {"out-empty", Kind::kPlain, give<Output::kEmpty>},
    {"out-number", Kind::kPlain, give<Output::kNumber>},
    {"out-slow", Kind::kTime, give<Output::kSlow>},
    {"out-gone", Kind::kPlain, give<Output::kGone>},
    {"out-redirect", Kind::kPlain, give<Output::kRedirect>},

    {"chunked", Kind::kPlain, [](B& b, const A&) { b.coding = Coding::kChunked; }},
    {"gzip", Kind::kPlain, [](B& b, const A&) { b.coding = Coding::kGzip; }},
    {"time-3", Kind::kPlain, [](B& b, const A&) { b.time_digits = 3; }},
    {"time-6", Kind::kPlain, [](B& b, const A&) { b.time_digits = 6; }},
    {"time-9", Kind::kPlain, [](B& b, const A&) { b.time_digits = 9; }},
    {"exponent", Kind::kPlain, [](B& b, const A&) { b.exponent = true; }},
    {"no-metrics", Kind::kPlain, [](B& b, const A&) { b.no_metrics = true; }},
    {"sparse", Kind::kPlain, [](B& b, const A&) { b.sparse = true; }},
    {"logs-nul", Kind::kPlain, [](B& b, const A&) { b.logs_nul = true; }},
    {"logs", Kind::kCount, [](B& b, const A& a) { b.logs_kb = a.count; }},
    {"other-model", Kind::kPlain, [](B& b, const A&) { b.other_model = true; }},
    {"no-input-echo", Kind::kPlain, [](B& b, const A&) { b.no_input_echo = true; }},
    {"no-webhook-echo", Kind::kPlain, [](B& b, const A&) { b.no_webhook_echo = true; }},

    {"poll-slow", Kind::kTime, [](B& b, const A& a) { b.poll_us = a.time_us; }},
    {"poll", Kind::kFault, [](B& b, const A& a) { b.poll = a.fault, b.poll_times = a.times; }},
    {"list-late", Kind::kTime, [](B& b, const A& a) { b.list_late_us = a.time_us; }},
    {"cancel-race", Kind::kPlain, [](B& b, const A&) { b.cancel_race = true; }},
    {"cancel-late", Kind::kTime, [](B& b, const A& a) { b.cancel_late_us = a.time_us; }},
    {"cancel", Kind::kFault, [](B& b, const A& a) { b.cancel = a.fault, b.cancel_times = a.times; }},
    {"hook-none", Kind::kPlain, send<Hook::kNone>},
    {"hook-forged", Kind::kPlain, send<Hook::kForged>},
    {"hook-unsigned", Kind::kPlain, send<Hook::kUnsigned>},
    {"hook-old", Kind::kPlain, send<Hook::kOld>},
    {"hook-v9", Kind::kPlain, send<Hook::kOtherVersion>},
    {"hook-two-signatures", Kind::kPlain, send<Hook::kTwoSignatures>},
    {"hook-twice", Kind::kPlain, send<Hook::kTwice>},
    {"hook-disorder", Kind::kPlain, send<Hook::kDisorder>},
    {"hook-early", Kind::kPlain, send<Hook::kEarly>},
    {"hook-unknown-id", Kind::kPlain, send<Hook::kUnknownId>},
    {"hook-big", Kind::kPlain, send<Hook::kBig>},
};

bool takes_times(Kind kind) { return kind == Kind::kTimes || kind == Kind::kFault || kind == Kind::kFailure; }

// Cuts "-xN" off the end of `text`.
std::optional<int> cut_times(std::string_view& text) {
  const size_t dash = text.rfind("-x");
  if (dash == std::string_view::npos) return std::nullopt;
  const auto times = parse_count(text.substr(dash + 2), 1'000'000);
  if (!times) return std::nullopt;
  text = text.substr(0, dash);
  return static_cast<int>(*times);
}

// Reads what stands behind the name (still with its dash).
bool read_argument(Kind kind, std::string_view rest, Argument& argument) {
  if (takes_times(kind)) {
    if (const auto times = cut_times(rest)) argument.times = *times;
  }
  if (kind == Kind::kPlain || kind == Kind::kTimes) return rest.empty();
  if (!rest.starts_with('-')) return false;
  rest.remove_prefix(1);
  switch (kind) {
    case Kind::kTime: {
      const auto time_us = parse_short_time(rest);
      argument.time_us = time_us.value_or(0);
      return time_us.has_value();
    }
    case Kind::kCount: {
      const auto count = parse_count(rest, 16384);
      argument.count = static_cast<int>(count.value_or(0));
      return count.has_value();
    }
    case Kind::kFault: {
      const auto fault = find_fault(rest);
      argument.fault = fault.value_or(Fault::kNone);
      return fault.has_value();
    }
    case Kind::kFailure: {
      const auto failure = find_failure(rest);
      argument.failure = failure.value_or(Failure::kNone);
      return failure.has_value();
    }
    default:
      return false;
  }
}

bool apply_word(std::string_view text, Behaviour& behaviour) {
  for (const Word& word : kWords) {
    Argument argument;
    if (!text.starts_with(word.name)) continue;
    if (!read_argument(word.kind, text.substr(word.name.size()), argument)) continue;
    word.apply(behaviour, argument);
    return true;
  }
  return false;
}

// Two words are other names of longer ones.
std::string unfolded(std::string_view word) {
  constexpr std::string_view kBefore = "throttle-";
  constexpr std::string_view kAfter = "-then-ok";
  if (word == "fail-once") return "fail-e003-x1";
  if (word.size() > kBefore.size() + kAfter.size() && word.starts_with(kBefore) && word.ends_with(kAfter)) {
    word.remove_prefix(kBefore.size());
    word.remove_suffix(kAfter.size());
    return "refuse-429-text-x" + std::string(word);
  }
  return std::string(word);
}

}  // namespace

std::string apply_words(std::string_view words, Behaviour& behaviour) {
  while (!words.empty()) {
    const size_t end = words.find("--");
    const std::string word(words.substr(0, end));
    words = end == std::string_view::npos ? std::string_view{} : words.substr(end + 2);
    if (!apply_word(unfolded(word), behaviour)) return word.empty() ? "--" : word;
  }
  return {};
}

const Behaviour* Behaviours::find(const std::string& words, std::string& unknown) {
  const std::lock_guard lock(mutex_);
  const auto known = known_.find(words);
  if (known != known_.end()) return known->second.get();
  auto behaviour = std::make_unique<Behaviour>();
  unknown = apply_words(words, *behaviour);
  if (!unknown.empty()) return nullptr;
  return known_.emplace(words, std::move(behaviour)).first->second.get();
}

}  // namespace stand_in
