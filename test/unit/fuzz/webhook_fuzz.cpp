// SPDX-License-Identifier: PostgreSQL
// Any text as the headers, the body, the URL, the secret and the signature of a webhook: what is accepted keeps its
// form.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/base64.hpp"
#include "core/progress.hpp"
#include "replicate/webhook.hpp"

namespace {

using namespace atelier;

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto bytes = core::base64::decode(text)) check(core::base64::encode(*bytes) == text);
  check(core::base64::decode(core::base64::encode(text)) == text);

  const replicate::ReadHeaders read = replicate::read_webhook_headers(text);
  check(static_cast<bool>(read) == read.error.empty());
  if (read) {
    check(!read.headers->id.empty() && read.headers->id.size() <= 200 && read.headers->sent_at_s >= 0);
    for (const std::string& signature : read.headers->signatures) {
      check(signature.size() == 32);
      check(replicate::is_signed_with(*read.headers, signature));
    }
  }
  if (const auto subject = replicate::read_webhook(text)) {
    check(!subject->prediction_id.empty() && subject->prediction_id.size() <= 200);
    check(subject->attempt.value_or(0) >= 0);
  }
  if (const auto attempt = replicate::attempt_in_webhook(text))
    check(*attempt >= 0 && text.find("attempt=eq.") != std::string_view::npos);
  if (const auto key = replicate::webhook_key(text)) check("whsec_" + core::base64::encode(*key) == text);
  if (const auto percent = core::last_percent(text)) check(*percent >= 0 && *percent <= 100);
  return 0;
}
