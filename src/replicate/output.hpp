// SPDX-License-Identifier: PostgreSQL
// What a successful prediction produced: URLs of files, or a text for the analyze_* actions. Called by outcome.hpp. It
// downloads nothing.
#pragma once

#include <string>
#include <vector>

#include "core/json.hpp"

namespace atelier::replicate {

struct OutputRules {
  bool text = false;                 // the action is an analyze_* one
  bool allow_loopback_http = false;  // for tests against a local provider
};

// What was found; empty() when the output has nothing usable.
struct Output {
  std::vector<std::string> urls;  // in the order of the output; for a text the text itself, as the app reads it
  std::string text;

  bool empty() const noexcept { return urls.empty(); }
};

// Files: every string in the value, however deep (8 levels, 64 strings at most), that is an https URL or a data: URI.
// Text: a string; the strings of an array joined without separator; of an object the first string among text, caption,
// description, prompt, output, result, content and answer.
Output read_output(core::json::Value output, const OutputRules& rules);

}  // namespace atelier::replicate
