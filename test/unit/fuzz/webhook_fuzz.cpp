// SPDX-License-Identifier: PostgreSQL
// Any text as the headers, the body, the URL, the secret and the signature of a webhook: what is accepted keeps its
// form.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base64.hpp"
#include "core/progress.hpp"
#include "replicate/webhook.hpp"
#include "require.hpp"

namespace {

using namespace atelier;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto bytes = core::base64::decode(text)) require(core::base64::encode(*bytes) == text);
  require(core::base64::decode(core::base64::encode(text)) == text);

  const replicate::ReadHeaders read = replicate::read_webhook_headers(text);
  require(static_cast<bool>(read) == read.error.empty());
  if (read) {
    require(!read.headers->id.empty() && read.headers->id.size() <= 200 && read.headers->sent_at_s >= 0);
    for (const std::string& signature : read.headers->signatures) {
      require(signature.size() == 32);
      require(replicate::is_signed_with(*read.headers, signature));
    }
  }
  if (const auto subject = replicate::read_webhook(text)) {
    require(!subject->prediction_id.empty() && subject->prediction_id.size() <= 200);
    require(subject->attempt.value_or(0) >= 0);
  }
  if (const auto attempt = replicate::attempt_in_webhook(text))
    require(*attempt >= 0 && text.find("attempt=eq.") != std::string_view::npos);
  if (const auto key = replicate::webhook_key(text)) require("whsec_" + core::base64::encode(*key) == text);
  if (const auto percent = core::last_percent(text)) require(*percent >= 0 && *percent <= 100);
  return 0;
}
