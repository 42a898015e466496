// SPDX-License-Identifier: PostgreSQL
// All predictions and trainings, and the counts per input. Safe to call from all threads; what it returns are copies,
// so that rendering happens outside its lock. Records are compact: a bench makes a million of them.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "json.hpp"
#include "prediction.hpp"

namespace stand_in {

// A prediction as it was at one moment.
struct Snapshot {
  Prediction record;
  std::string id;
  std::string input;  // JSON text
};

struct Posted {
  uint32_t input = 0;  // names the input in later calls
  int posts = 0;       // creating requests with this input so far, this one included
};

struct Page {
  std::vector<Snapshot> results;
  std::optional<uint64_t> next;  // where the next page begins
};

class Store {
 public:
  Store();

  // Counts a creating request. `input` is canonical JSON; it is kept when `keep` says so.
  Posted count_post(std::string_view input, bool keep);

  // Plans and keeps a new prediction; created_us is set to now.
  Snapshot add(Prediction prediction, const Pace& pace);

  enum class Touch { kNone, kPoll, kCancel };

  // Nothing when the id is unknown, of another account or another kind. Polls and cancels are counted in the record.
  std::optional<Snapshot> find(std::string_view id, std::optional<uint32_t> account, Kind kind, Touch touch);

  // Makes it end at `moment`, unless it has ended by then. `failure` is for End::kFailed.
  void end(std::string_view id, End end, Failure failure, int64_t moment);

  // True once per prediction: whoever asks first sends the final webhook.
  bool claim_final_webhook(std::string_view id);

  // At most `size` of an account, newest first, from `from` on (a value of Page::next), created in [after, before).
  Page list(uint32_t account, Kind kind, std::optional<uint64_t> from, int64_t after, int64_t before, int64_t now,
            size_t size) const;

  void write_counts(JsonWriter& json, Kind kind, int64_t retention_us) const;  // an object: total, and one per status
  void write_input_totals(JsonWriter& json) const;
  void write_inputs(JsonWriter& json, int min_posts, const std::string* prompt, size_t limit) const;

  void reset();

 private:
  struct Input {
    std::string text;
    int posts = 0;
    int accepted = 0;
  };

  std::string id_of(uint64_t number) const;
  std::optional<uint64_t> number_of(std::string_view id) const;
  Prediction* record_of(std::string_view id);
  Snapshot snapshot(uint64_t number) const;

  mutable std::mutex mutex_;
  uint64_t salt_ = 0;
  std::deque<Prediction> predictions_;
  std::deque<Input> inputs_;
  std::unordered_map<uint64_t, uint32_t> input_by_hash_;
  std::unordered_map<uint64_t, std::vector<uint32_t>> of_account_;  // key: account and kind
};

}  // namespace stand_in
