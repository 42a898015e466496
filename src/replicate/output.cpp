// SPDX-License-Identifier: PostgreSQL
#include "replicate/output.hpp"

#include <optional>
#include <string_view>

#include "core/text.hpp"

namespace atelier::replicate {
namespace {

using core::json::Value;
namespace text = core::text;

constexpr int kMaxLevels = 8;
constexpr size_t kMaxUrls = 64;

bool is_file(std::string_view url, const OutputRules& rules) noexcept {
  return text::is_https_url(url) || text::is_data_uri(url) ||
         (rules.allow_loopback_http && text::is_loopback_http_url(url));
}

// `levels` is how many arrays and objects may still be entered, so the recursion is bounded.
void collect_files(Value value, const OutputRules& rules, int levels, std::vector<std::string>& urls) {
  if (urls.size() >= kMaxUrls) return;
  if (const auto url = value.as_string()) {
    if (is_file(*url, rules)) urls.emplace_back(*url);
    return;
  }
  if (levels == 0) return;
  for (const Value element : value.elements()) collect_files(element, rules, levels - 1, urls);
  for (const core::json::Member member : value.members()) collect_files(member.value, rules, levels - 1, urls);
}

std::string read_text(Value output) {
  if (const auto whole = output.as_string()) return std::string(*whole);
  std::string joined;
  for (const Value chunk : output.elements()) joined += chunk.string_or_empty();
  if (!output.is_object()) return joined;
  for (const std::string_view key :
       {"text", "caption", "description", "prompt", "output", "result", "content", "answer"}) {
    if (const auto found = output.find(key).as_string(); found && !text::trim(*found).empty()) {
      return std::string(*found);
    }
  }
  return {};
}

}  // namespace

Output read_output(Value output, const OutputRules& rules) {
  Output found;
  if (!rules.text) {
    collect_files(output, rules, kMaxLevels, found.urls);
    return found;
  }
  std::string whole = read_text(output);
  if (text::trim(whole).empty()) return found;
  found.urls.push_back(whole);
  found.text = std::move(whole);
  return found;
}

}  // namespace atelier::replicate
