// SPDX-License-Identifier: PostgreSQL
#include "replicate/failure.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "core/retry.hpp"
#include "core/text.hpp"

namespace atelier::replicate {
namespace {

namespace text = core::text;
using core::kMinuteUs;
using core::kSecondUs;

constexpr const char* kGeneric = "The generation failed. Please try again.";
constexpr const char* kFiltered =
    "The content was blocked by the model's content filter. Please try a different prompt or image.";
constexpr const char* kInvalidInput = "The input of this generation is not valid.";
constexpr const char* kTooLarge = "The input is too large for this model. Please try a smaller one.";
constexpr const char* kTimedOut = "The generation took too long and was stopped.";
constexpr const char* kBusy = "The model is busy at the moment. Please try again later.";

constexpr size_t kMaxPlainChars = 200;
constexpr size_t kMaxShownFields = 3;
constexpr size_t kMaxFieldBytes = 64;
constexpr size_t kMaxMessageBytes = 300;

// One line of the table: a part of `error` in lower case, what it means, and what users read instead.
struct Rule {
  std::string_view part;
  ErrorCategory category;
  int extra_attempts;
  int64_t delay_us;
  const char* message;
};

constexpr std::string_view kPreempted = "code: pa";

constexpr Rule final_rule(std::string_view part, ErrorCategory category, const char* message) {
  return {part, category, 0, 0, message};
}

// Ordered: what is final comes first, so that no word beside it brings about another paid prediction. Codes count in
// parentheses only, since bare numbers stand in progress texts too.
constexpr auto kRules = std::to_array<Rule>({
    final_rule("(e005)", ErrorCategory::nsfw, kFiltered),
    final_rule("flagged as sensitive", ErrorCategory::nsfw, kFiltered),
    final_rule("nsfw", ErrorCategory::nsfw, kFiltered),
    final_rule("safety", ErrorCategory::nsfw, kFiltered),
    final_rule("content policy", ErrorCategory::nsfw, kFiltered),
    final_rule("moderation", ErrorCategory::nsfw, kFiltered),
    final_rule("prediction input failed validation", ErrorCategory::invalid_input, kInvalidInput),
    final_rule("cuda out of memory", ErrorCategory::memory, kTooLarge),
    final_rule("(e1001)", ErrorCategory::memory, kTooLarge),
    final_rule("prediction timed out", ErrorCategory::timeout, kTimedOut),
    final_rule("(e4875)", ErrorCategory::unknown, kGeneric),
    {"(e003)", ErrorCategory::model_unavailable, 2, 20 * kSecondUs, kBusy},
    {"high demand", ErrorCategory::model_unavailable, 2, 20 * kSecondUs, kBusy},
    {"modelratelimiterror", ErrorCategory::rate_limit, 2, 20 * kSecondUs, kBusy},
    {"(e004)", ErrorCategory::model_unavailable, 2, 20 * kSecondUs, kBusy},
    {"temporarily unavailable", ErrorCategory::model_unavailable, 2, 20 * kSecondUs, kBusy},
    {"(e6716)", ErrorCategory::timeout, 2, 30 * kSecondUs, kBusy},
    {"(e8765)", ErrorCategory::model_unavailable, 1, 3 * kMinuteUs, kBusy},
    {"(e9828)", ErrorCategory::unknown, 2, 5 * kSecondUs, kGeneric},
    {"(e9825)", ErrorCategory::storage, 1, 5 * kSecondUs, kGeneric},
    {"(e9243)", ErrorCategory::unknown, 1, 5 * kSecondUs, kGeneric},
    {"(e8367)", ErrorCategory::unknown, 1, 5 * kSecondUs, kGeneric},
    {"(e1000)", ErrorCategory::unknown, 1, 5 * kSecondUs, kGeneric},
    {"(e001)", ErrorCategory::unknown, 1, 5 * kSecondUs, kGeneric},
    {"an error occurred while processing your request", ErrorCategory::unknown, 1, 5 * kSecondUs, kGeneric},
    {kPreempted, ErrorCategory::unknown, 2, kSecondUs, kGeneric},
    {"prediction interrupted; please retry", ErrorCategory::unknown, 2, kSecondUs, kGeneric},
    {"queue reached limit", ErrorCategory::model_unavailable, 1, 30 * kSecondUs, kBusy},
});

// An empty text says nothing; it is worth one more prediction.
constexpr Rule kEmpty{"", ErrorCategory::unknown, 1, 5 * kSecondUs, kGeneric};

constexpr bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool holds(std::string_view lower, std::string_view part) noexcept {
  const size_t at = lower.find(part);
  if (at == std::string_view::npos || part != kPreempted) return at != std::string_view::npos;
  const std::string_view rest = lower.substr(at + part.size());
  return rest.empty() || (!is_letter(rest.front()) && !is_digit(rest.front()));
}

const Rule* rule_for(std::string_view error) {
  if (text::trim(error).empty()) return &kEmpty;
  const std::string lower = text::lower(error);
  const auto* rule =
      std::find_if(kRules.begin(), kRules.end(), [&](const Rule& one) { return holds(lower, one.part); });
  return rule == kRules.end() ? nullptr : rule;
}

// What users must not read, wherever it stands: the provider and its relatives, secrets, addresses, money.
constexpr std::array kForbidden{"replicate", "fal.ai", "fal-ai", "higgsfield", "r8_",  "whsec_", "redacted",
                                "://",       "www.",   ".com",   "localhost",  "http", "$"};
// And at the beginning of a word: accounts, money, and the machine room, which tells users nothing.
constexpr std::array kForbiddenWords{
    "cog",        "director",     "token",        "bearer", "api",       "account",   "auth",      "unauth",
    "permission", "billing",      "billed",       "credit", "payment",   "paid",      "invoice",   "spend",
    "purchase",   "balance",      "subscription", "quota",  "traceback", "exception", "cuda",      "gpu",
    "tensor",     "worker",       "webhook",      "server", "python",    "nonetype",  "null",      "undefined",
    "errno",      "stack",        "socket",       "ssl",    "json",      "attribute", "keyword",   "argument",
    "assert",     "segmentation", "out of range", "code:",  "status",    "no such",   "container", "docker",
    "kernel",     "internal"};

bool begins_a_word(std::string_view words, size_t at) noexcept { return at == 0 || !is_letter(words[at - 1]); }

bool has_word_beginning(std::string_view words, std::string_view beginning) noexcept {
  size_t at = words.find(beginning);
  while (at != std::string_view::npos && !begins_a_word(words, at)) at = words.find(beginning, at + 1);
  return at != std::string_view::npos;
}

bool names_secret(std::string_view lower) {
  return std::any_of(kForbidden.begin(), kForbidden.end(),
                     [&](std::string_view part) { return lower.find(part) != std::string_view::npos; });
}

bool names_machinery(std::string_view lower) {
  return std::any_of(kForbiddenWords.begin(), kForbiddenWords.end(),
                     [&](std::string_view word) { return has_word_beginning(lower, word); });
}

// ValueError, TimeoutException: names of programs' errors, not the word error.
bool has_error_name(std::string_view words) {
  for (const std::string_view ending : {"Error", "Exception"}) {
    for (size_t at = words.find(ending); at != std::string_view::npos; at = words.find(ending, at + 1)) {
      if (at > 0 && is_letter(words[at - 1])) return true;
    }
  }
  return false;
}

// (E003), E1001: a code that leads back to the provider.
bool has_code(std::string_view words) {
  for (size_t at = 0; at + 3 < words.size(); ++at) {
    if (begins_a_word(words, at) && words[at] == 'E' && is_digit(words[at + 1]) && is_digit(words[at + 2]) &&
        is_digit(words[at + 3]))
      return true;
  }
  return false;
}

bool is_harmless(std::string_view words) {
  const std::string lower = text::lower(words);
  return !names_secret(lower) && !names_machinery(lower) && !has_error_name(words) && !has_code(words) &&
         !text::has_control_characters(words) && words.find_first_of("{}<>\\`|#@*=~^") == std::string_view::npos &&
         words.find("__") == std::string_view::npos && words.find(" /") == std::string_view::npos &&
         text::is_clean_utf8(words);
}

bool fits(std::string_view words, size_t chars) noexcept {
  return text::first_chars(words, chars).size() == words.size();
}

// A sentence that was written for people: short, of several words, beginning like one.
bool is_plain_sentence(std::string_view words) {
  if (words.empty() || !fits(words, kMaxPlainChars) || words.ends_with(':')) return false;
  const char first = words.front();
  const bool begins_well = (first >= 'A' && first <= 'Z') || static_cast<unsigned char>(first) >= 0x80;
  const bool ascii =
      std::all_of(words.begin(), words.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  const bool several_words = !ascii || std::count(words.begin(), words.end(), ' ') >= 2;
  return begins_well && several_words && words.find_first_of("[]") == std::string_view::npos && is_harmless(words);
}

// The name that users know: input.aspect_ratio is aspect_ratio. Empty when it is not one.
std::string_view field_name(std::string_view field) {
  for (const std::string_view prefix : {"input.", "body.input."}) {
    if (field.starts_with(prefix)) field.remove_prefix(prefix.size());
  }
  const bool usable = !field.empty() && field.size() <= kMaxFieldBytes && field != "input" && field != "(root)" &&
                      std::all_of(field.begin(), field.end(), [](char c) {
                        return is_letter(c) || is_digit(c) || c == '_' || c == '.' || c == '-';
                      });
  return usable && !names_secret(text::lower(field)) ? field : std::string_view();
}

// "- input.aspect_ratio: must be ..." without what stands before the sentence.
std::string_view without_prefix(std::string_view description, std::string_view field) {
  description = text::trim(description);
  if (description.starts_with("- ")) description.remove_prefix(2);
  for (const std::string_view prefix : {field, std::string_view("input")}) {
    if (prefix.empty() || !description.starts_with(prefix) || !description.substr(prefix.size()).starts_with(':'))
      continue;
    return text::trim(description.substr(prefix.size() + 1));
  }
  return description;
}

bool has_word(std::string_view words, std::string_view word) noexcept {
  const auto is_part = [](char c) { return is_letter(c) || is_digit(c) || c == '_'; };
  for (size_t at = words.find(word); at != std::string_view::npos; at = words.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || !is_part(words[at - 1])) && (end == words.size() || !is_part(words[end]))) return true;
  }
  return false;
}

std::string field_message(const InvalidField& invalid) {
  const std::string_view name_shown = field_name(invalid.field);
  std::string description = text::one_line(without_prefix(invalid.description, invalid.field));
  while (description.ends_with('.')) description.pop_back();
  const bool usable = !description.empty() && fits(description, kMaxPlainChars) && is_harmless(description);
  if (!usable) return std::string(name_shown);
  if (name_shown.empty() || has_word(description, name_shown)) return description;
  return std::string(name_shown) + ": " + description;
}

}  // namespace

std::string_view name(ErrorCategory category) noexcept {
  switch (category) {
    case ErrorCategory::nsfw:
      return "nsfw";
    case ErrorCategory::timeout:
      return "timeout";
    case ErrorCategory::rate_limit:
      return "rate_limit";
    case ErrorCategory::auth:
      return "auth";
    case ErrorCategory::invalid_input:
      return "invalid_input";
    case ErrorCategory::storage:
      return "storage";
    case ErrorCategory::model_unavailable:
      return "model_unavailable";
    case ErrorCategory::memory:
      return "memory";
    case ErrorCategory::network:
      return "network";
    case ErrorCategory::unknown:
      return "unknown";
    case ErrorCategory::warning:
      return "warning";
  }
  return "unknown";
}

FailureClass classify_failure(std::string_view error) {
  const Rule* rule = rule_for(error);
  if (rule == nullptr) return {};
  return {rule->category, rule->extra_attempts, rule->delay_us};
}

std::string user_message(std::string_view error) {
  if (const Rule* rule = rule_for(error)) return rule->message;
  const std::string plain = text::one_line(error);
  return is_plain_sentence(plain) ? plain : std::string(kGeneric);
}

std::string invalid_input_message(const Problem& problem) {
  std::vector<std::string> messages;
  for (const InvalidField& field : problem.invalid_fields) {
    std::string message = field_message(field);
    if (message.empty() || std::find(messages.begin(), messages.end(), message) != messages.end()) continue;
    messages.push_back(std::move(message));
    if (messages.size() == kMaxShownFields) break;
  }
  if (messages.empty()) return kInvalidInput;
  std::string joined = "The input is not valid: " + messages.front();
  for (size_t i = 1; i < messages.size() && joined.size() + messages[i].size() < kMaxMessageBytes; ++i) {
    joined += "; " + messages[i];
  }
  return joined + ".";
}

}  // namespace atelier::replicate
