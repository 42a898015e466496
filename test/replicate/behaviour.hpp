// SPDX-License-Identifier: PostgreSQL
// What the words of a model's name, of a control request and of markers in a prompt say about a prediction, and the
// grammar that reads them. Handlers read behaviours; only this file knows the words. A behaviour lives as long as the
// program, so that predictions can point to it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "failures.hpp"
#include "faults.hpp"
#include "message.hpp"

namespace stand_in {

constexpr int kAlways = INT32_MAX;
constexpr int64_t kUnset = -1;

// How the answer to a creating request gets lost or damaged.
enum class Loss : uint8_t { kNone, kHang, kReset, kClose, kTruncated, kNoId, kNotJson, kEmptyBody };

// How a prediction ends.
enum class End : uint8_t { kSucceeded, kSuccessful, kFailed, kCanceled, kAborted, kUnknown };

enum class Output : uint8_t {
  kUrl,
  kUrls,
  kObject,
  kNested,
  kDeep,
  kText,
  kChunks,
  kNul,
  kData,
  kStorage,
  kVideo,
  kSvg,
  kAudio,
  kNull,
  kEmpty,
  kNumber,
  kSlow,
  kGone,
  kRedirect
};

enum class Hook : uint8_t {
  kSigned,
  kNone,
  kForged,
  kUnsigned,
  kOld,
  kOtherVersion,
  kTwoSignatures,
  kTwice,
  kDisorder,
  kEarly,
  kUnknownId,
  kBig
};

struct Behaviour {
  // the creating request
  bool instant = false;
  int status = 201;
  int64_t slow_us = 0;
  int64_t late_us = 0;
  int64_t wait_seconds = 1;
  Fault refuse = Fault::kNone;
  int refuse_times = kAlways;
  bool refuse_creates = false;
  Loss loss = Loss::kNone;
  int loss_times = kAlways;
  bool loss_creates = true;
  bool strict_input = false;
  // life
  int64_t queue_us = kUnset;
  int64_t run_us = kUnset;
  int64_t deadline_us = kUnset;
  bool stuck = false;
  bool stuck_starting = false;
  bool unknown_status = false;
  bool data_removed = false;
  End end = End::kSucceeded;
  Failure failure = Failure::kNone;
  int failure_times = kAlways;
  // form of the answers
  Output output = Output::kUrl;
  int output_count = 1;
  int64_t output_us = 0;
  Coding coding = Coding::kPlain;
  int time_digits = 3;
  bool exponent = false;
  bool no_metrics = false;
  bool sparse = false;
  int logs_kb = 0;
  bool logs_nul = false;
  bool other_model = false;
  bool no_input_echo = false;
  bool no_webhook_echo = false;
  // polls, lists, cancels, webhooks
  Fault poll = Fault::kNone;
  int poll_times = kAlways;
  int64_t poll_us = 0;
  int64_t list_late_us = 0;
  Fault cancel = Fault::kNone;
  int cancel_times = kAlways;
  int64_t cancel_late_us = 0;
  bool cancel_race = false;
  Hook hook = Hook::kSigned;
};

// Adds what the words say; an empty result is success, else it is the word that is unknown.
std::string apply_words(std::string_view words, Behaviour& behaviour);

// Keeps one behaviour per list of words. Safe to call from all threads.
class Behaviours {
 public:
  // The behaviour of these words, read from left to right; null and `unknown` filled when a word is unknown.
  const Behaviour* find(const std::string& words, std::string& unknown);

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, std::unique_ptr<const Behaviour>> known_;
};

}  // namespace stand_in
