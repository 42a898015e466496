// SPDX-License-Identifier: PostgreSQL
// Which model to run: the text of generations.replicate_model, parsed strictly. Called when a row is queued (by
// triggers, which show the reason to the user) and before a request is made. It asks nobody whether the model exists.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace atelier::replicate {

enum class ReferenceKind {
  model,          // owner/name: an official model, or a community model that must be resolved to its latest version
  model_version,  // owner/name:<64 hex digits>
  version,        // <64 hex digits>
  deployment,     // deployment:owner/name
};

struct Reference {
  ReferenceKind kind = ReferenceKind::model;
  std::string owner;    // empty for a bare version
  std::string name;     // the same
  std::string version;  // empty for model and deployment
};

// A reference, or why the text is none: a message's ending in lower case without full stop, such as
// "a name like owner/name is needed". It never repeats the text.
struct ParsedReference {
  std::optional<Reference> reference;
  std::string reason;

  explicit operator bool() const noexcept { return reference.has_value(); }
};

// Owner and name are of A-Z a-z 0-9 . _ - and begin with a letter, digit or underscore; a version is lower-case hex.
// Names of other providers (fal-ai/..., higgsfield-ai/..., bare names) are refused, like anything longer than 255
// bytes.
ParsedReference parse_model_reference(std::string_view text);

// One path segment: everything but letters, digits and - . _ ~ as %XX.
std::string percent_encode(std::string_view segment);

}  // namespace atelier::replicate
