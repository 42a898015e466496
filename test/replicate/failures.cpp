// SPDX-License-Identifier: PostgreSQL
#include "failures.hpp"

#include <iterator>

namespace stand_in {

namespace {

struct Entry {
  std::string_view name;
  std::string_view text;
};

constexpr Entry kEntries[] = {
    {"e001", "An error occurred while processing your request. (E001) (kQ3xw81LpZ)"},
    {"e003", "Service is currently unavailable due to high demand. Please try again later. (E003) (7hT2mBqLwx)"},
    {"e004", "Service is temporarily unavailable. Please try again later. (E004) (p0RrD4cZ9k)"},
    {"e005", "The input or output was flagged as sensitive. Please try again with different inputs. (E005) (w5Jm2)"},
    {"e1000", "Unknown error (E1000)"},
    {"e1001", "Model ran out of memory and was stopped (E1001)"},
    {"e4875", "Internal webhook URL is empty (E4875)"},
    {"e6716", "Timeout starting prediction (E6716)"},
    {"e8367", "Prediction stopped in non-terminal state (E8367)"},
    {"e8765", "Model health check failed (E8765)"},
    {"e9243", "Error starting prediction (E9243)"},
    {"e9825", "Failed to upload file (E9825)"},
    {"e9828", "Director: unexpected error handling prediction (E9828)"},
    {"director-e6716", "Director: unexpected error handling prediction (E6716)"},
    {"director-e8765", "Director: unexpected error handling prediction (E8765)"},
    {"director-e1001", "Director: unexpected error handling prediction (E1001)"},
    {"pa", "Prediction interrupted; please retry (code: PA)"},
    {"interrupted", "Prediction interrupted; please retry"},
    {"timeout", "Prediction timed out."},
    {"oom", "CUDA out of memory. Tried to allocate 2.50 GiB (GPU 0; 47.54 GiB total capacity)"},
    {"validation", "Prediction input failed validation: {\"detail\":[{\"loc\":[\"body\",\"input\",\"width\"]}]}"},
    {"queue-limit", "Prediction failed: queue reached limit"},
    {"nsfw", "NSFW content detected. Try running it again, or try a different prompt."},
    {"safety", "All generated images were rejected by the safety checker."},
    {"moderation", "Your request was rejected by moderation."},
    {"content-policy", "The prompt violates the content policy."},
    {"model-rate-limit", "ModelRateLimitError: the model is in high demand"},
    {"text", "list index out of range"},
    {"empty", ""},
    {"null", {}},
    {"object", {}},
};

}  // namespace

std::optional<Failure> find_failure(std::string_view name) {
  for (size_t i = 0; i < std::size(kEntries); i++) {
    if (kEntries[i].name == name) return static_cast<Failure>(i + 1);
  }
  return std::nullopt;
}

void write_failure(JsonWriter& json, Failure failure) {
  if (failure == Failure::kNone || failure == find_failure("null")) {
    json.Null();
  } else if (failure == find_failure("object")) {
    json.raw(R"({"code":"E003","message":"an object where a string is expected"})");
  } else {
    json.text(kEntries[static_cast<size_t>(failure) - 1].text);
  }
}

}  // namespace stand_in
