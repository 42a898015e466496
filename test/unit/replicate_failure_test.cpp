// SPDX-License-Identifier: PostgreSQL
#include "replicate/failure.hpp"

#include <gtest/gtest.h>

#include <string>

#include "core/text.hpp"

namespace atelier::replicate {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr const char* kGeneric = "The generation failed. Please try again.";

struct Row {
  const char* error;
  ErrorCategory category;
  int extra_attempts;
  int64_t least_delay_us;
};

void expect_rows(std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    const FailureClass what = classify_failure(row.error);
    EXPECT_EQ(name(what.category), name(row.category)) << row.error;
    EXPECT_EQ(what.extra_attempts, row.extra_attempts) << row.error;
    EXPECT_GE(what.delay_us, row.least_delay_us) << row.error;
    EXPECT_LE(what.delay_us, 300 * kSecond) << row.error;
  }
}

TEST(ReplicateFailure, EveryCategoryHasItsName) {
  const char* names[] = {"nsfw",   "timeout", "rate_limit", "auth",   "invalid_input", "storage", "model_unavailable",
                         "memory", "network", "unknown",    "warning"};
  for (size_t i = 0; i < std::size(names); ++i) EXPECT_EQ(name(static_cast<ErrorCategory>(i)), names[i]);
}

TEST(ReplicateFailure, FilteredContentIsFinal) {
  expect_rows({
      {"The input or output was flagged as sensitive. Please try again with different inputs. (E005) (w5Jm2)",
       ErrorCategory::nsfw, 0, 0},
      {"(E005)", ErrorCategory::nsfw, 0, 0},
      {"output FLAGGED AS SENSITIVE", ErrorCategory::nsfw, 0, 0},
      {"NSFW content detected. Try running it again, or try a different prompt.", ErrorCategory::nsfw, 0, 0},
      {"All generated images were rejected by the safety checker.", ErrorCategory::nsfw, 0, 0},
      {"The prompt violates the content policy.", ErrorCategory::nsfw, 0, 0},
      {"Your request was rejected by moderation.", ErrorCategory::nsfw, 0, 0},
  });
}

TEST(ReplicateFailure, WhatWouldFailAgainIsFinal) {
  expect_rows({
      {"Prediction timed out.", ErrorCategory::timeout, 0, 0},
      {"CUDA out of memory. Tried to allocate 2.50 GiB", ErrorCategory::memory, 0, 0},
      {"Model ran out of memory and was stopped (E1001)", ErrorCategory::memory, 0, 0},
      {"Director: unexpected error handling prediction (E1001)", ErrorCategory::memory, 0, 0},
      {"Prediction input failed validation: {\"detail\":[]}", ErrorCategory::invalid_input, 0, 0},
      {"Internal webhook URL is empty (E4875)", ErrorCategory::unknown, 0, 0},
  });
}

TEST(ReplicateFailure, WhatPassesIsTriedAgain) {
  expect_rows({
      {"Service is currently unavailable due to high demand. Please try again later. (E003) (7hT2)",
       ErrorCategory::model_unavailable, 2, 15 * kSecond},
      {"the upstream is in HIGH DEMAND", ErrorCategory::model_unavailable, 2, 15 * kSecond},
      {"ModelRateLimitError: slow down", ErrorCategory::rate_limit, 2, 15 * kSecond},
      {"Something. (E004) (p0Rr)", ErrorCategory::model_unavailable, 2, 15 * kSecond},
      {"Service is temporarily unavailable.", ErrorCategory::model_unavailable, 2, 15 * kSecond},
      {"Timeout starting prediction (E6716)", ErrorCategory::timeout, 2, 15 * kSecond},
      {"Director: unexpected error handling prediction (E6716)", ErrorCategory::timeout, 2, 15 * kSecond},
      {"Director: unexpected error handling prediction (E9828)", ErrorCategory::unknown, 2, 0},
      {"Prediction interrupted; please retry (code: PA)", ErrorCategory::unknown, 2, 0},
      {"Prediction interrupted; please retry", ErrorCategory::unknown, 2, 0},
      {"Something happened, code: PA", ErrorCategory::unknown, 2, 0},
  });
}

TEST(ReplicateFailure, WhatMayPassIsTriedOnceMore) {
  expect_rows({
      {"Unknown error (E1000)", ErrorCategory::unknown, 1, 0},
      {"An error occurred while processing your request. (E001) (kQ3x)", ErrorCategory::unknown, 1, 0},
      {"An error occurred while processing your request.", ErrorCategory::unknown, 1, 0},
      {"Prediction stopped in non-terminal state (E8367)", ErrorCategory::unknown, 1, 0},
      {"Model health check failed (E8765)", ErrorCategory::model_unavailable, 1, 60 * kSecond},
      {"Director: unexpected error handling prediction (E8765)", ErrorCategory::model_unavailable, 1, 60 * kSecond},
      {"Error starting prediction (E9243)", ErrorCategory::unknown, 1, 0},
      {"Failed to upload file (E9825)", ErrorCategory::storage, 1, 0},
      {"Prediction failed: queue reached limit", ErrorCategory::model_unavailable, 1, 15 * kSecond},
      {"", ErrorCategory::unknown, 1, 0},
      {" \n", ErrorCategory::unknown, 1, 0},
  });
}

TEST(ReplicateFailure, EverythingElseIsFinal) {
  for (const char* error :
       {"list index out of range", "500 Internal Server Error", "connection reset", "worker starting", "E003",
        "error 9828", "E9828 happened", "(E9999)", "code: PAGE", "code: PA7", "timeout", "socket hang up", "rate limit",
        "{\"code\":\"E003\"}", "Director: unexpected error handling prediction", "out of memory", "please retry",
        "cold boot: 500/1000"}) {
    const FailureClass what = classify_failure(error);
    EXPECT_EQ(what.extra_attempts, 0) << error;
    EXPECT_EQ(name(what.category), "unknown") << error;
  }
}

TEST(ReplicateFailure, WhatIsFinalWinsOverWhatPasses) {
  expect_rows({
      {"high demand (E003), but the output was flagged as sensitive", ErrorCategory::nsfw, 0, 0},
      {"Prediction interrupted; please retry (code: PA): CUDA out of memory", ErrorCategory::memory, 0, 0},
      {"Director: unexpected error handling prediction (E9828): NSFW", ErrorCategory::nsfw, 0, 0},
  });
}

TEST(ReplicateFailure, UsersReadThatTheContentWasFiltered) {
  for (const char* error : {"flagged as sensitive (E005) (w5Jm2)", "NSFW content detected.", "safety checker",
                            "content policy", "moderation"}) {
    const std::string message = user_message(error);
    EXPECT_NE(message.find("content"), std::string::npos) << error;
    EXPECT_EQ(message.find("E005"), std::string::npos);
  }
}

TEST(ReplicateFailure, UsersReadAFixedSentenceForWhatIsTechnical) {
  for (const char* error :
       {"", "list index out of range", "Director: unexpected error handling prediction (E9828)",
        "Unknown error (E1000)", "RuntimeError: expected scalar type Half",
        "Traceback (most recent call last):\n  File x", "Prediction failed:",
        "'NoneType' object has no attribute 'shape'", "Cannot read file /src/weights/model.bin", "{\"code\":\"E003\"}",
        "Something went wrong <b>here</b> today", "Bad", "Prediction interrupted; please retry (code: PA)",
        "The value of __init__ is wrong", "Model returned HTTP 500 for you", "An error with E1234 has happened here"}) {
    EXPECT_EQ(user_message(error), kGeneric) << error;
  }
  EXPECT_EQ(user_message(std::string(201, 'A')), kGeneric);
  EXPECT_EQ(user_message("This sentence is long. " + std::string(200, 'a') + " b"), kGeneric);
}

TEST(ReplicateFailure, UsersNeverReadProviderMoneyAddressesOrSecrets) {
  for (const char* error : {"This model is not available on Replicate any more",
                            "Please see https://example.org/help for this", "Visit replicate.com to learn more",
                            "You have insufficient credit to run this", "Billing is required for this model",
                            "Your monthly spend limit was reached today", "The payment method was declined again",
                            "Your account may not run this", "The token r8_abcdefghijklmnop is not valid",
                            "You have less than $5.0 left here", "Please purchase more of these now",
                            "Go to www.example.org for more", "Bearer abcdefghijklmnopqrst is wrong here",
                            "The upstream fal.ai said no today", "Contact team@example.com about this"}) {
    EXPECT_EQ(user_message(error), kGeneric) << error;
  }
}

TEST(ReplicateFailure, OneSuchWordIsEnough) {
  for (const std::string word : {"replicate",
                                 "Replicate",
                                 "fal.ai",
                                 "fal-ai",
                                 "higgsfield",
                                 "r8_x",
                                 "whsec_x",
                                 "[redacted]",
                                 "ftp://x",
                                 "www.x",
                                 "x.com",
                                 "localhost",
                                 "http",
                                 "$5",
                                 "cog",
                                 "director",
                                 "token",
                                 "bearer",
                                 "API",
                                 "account",
                                 "auth",
                                 "unauthorized",
                                 "permission",
                                 "billing",
                                 "billed",
                                 "credits",
                                 "payment",
                                 "paid",
                                 "invoice",
                                 "spend",
                                 "purchase",
                                 "balance",
                                 "subscription",
                                 "quota",
                                 "traceback",
                                 "exception",
                                 "cuda",
                                 "GPU",
                                 "tensor",
                                 "worker",
                                 "webhook",
                                 "server",
                                 "python",
                                 "nonetype",
                                 "null",
                                 "undefined",
                                 "errno",
                                 "stack",
                                 "socket",
                                 "ssl",
                                 "json",
                                 "attribute",
                                 "keyword",
                                 "argument",
                                 "assert",
                                 "segmentation",
                                 "out of range",
                                 "code:",
                                 "status",
                                 "no such",
                                 "container",
                                 "docker",
                                 "kernel",
                                 "internal",
                                 "ValueError",
                                 "E1234",
                                 "a__b",
                                 "{",
                                 "<b>",
                                 "back\\slash",
                                 "`x`",
                                 "a|b",
                                 "#1",
                                 "a@b",
                                 "*",
                                 "a=b",
                                 "~",
                                 "^",
                                 "[1]"}) {
    EXPECT_EQ(user_message("This has " + word + " in it"), kGeneric) << word;
  }
  for (const char* word : {"observer", "rapid", "recognized", "E12", "Error", "swan", "1:1", "100%"}) {
    const std::string sentence = std::string("This has ") + word + " in it";
    EXPECT_EQ(user_message(sentence), sentence);
  }
}

TEST(ReplicateFailure, UsersReadAShortPlainTextAsItIs) {
  for (const char* error :
       {"The image has no face that can be animated.", "Could not find a person in the video",
        "Image must be at least 300 pixels wide, but it has 20.", "Videos of more than 10 seconds are not supported!",
        "Error: No speech was found in the recording.",
        "\xe5\x9b\xbe\xe5\x83\x8f\xe4\xb8\xad\xe6\xb2\xa1\xe6\x9c\x89\xe4\xba\xba\xe8\x84\xb8"}) {
    EXPECT_EQ(user_message(error), error);
  }
  EXPECT_EQ(user_message("  The image is\n too small.\n"), "The image is too small.") << "in one line";
}

TEST(ReplicateFailure, UsersReadWhatElseIsKnown) {
  EXPECT_NE(user_message("CUDA out of memory. Tried to allocate 2.50 GiB").find("too large"), std::string::npos);
  EXPECT_NE(user_message("Prediction timed out.").find("too long"), std::string::npos);
  EXPECT_NE(user_message("high demand (E003) (x)").find("busy"), std::string::npos);
  EXPECT_NE(user_message("Prediction input failed validation: {}").find("input"), std::string::npos);
}

std::string invalid(std::initializer_list<InvalidField> fields) {
  Problem problem;
  problem.invalid_fields = fields;
  return invalid_input_message(problem);
}

TEST(ReplicateFailure, ARefusedInputNamesItsFields) {
  EXPECT_EQ(
      invalid({{"enum", "input.aspect_ratio", "input.aspect_ratio: must be one of the following: \"1:1\", \"16:9\""}}),
      "The input is not valid: aspect_ratio: must be one of the following: \"1:1\", \"16:9\".");
  EXPECT_EQ(invalid({{"required", "input", "input: prompt is required"}}),
            "The input is not valid: prompt is required.");
  EXPECT_EQ(invalid({{"additional_property_not_allowed", "input.foo", "Additional property foo is not allowed"}}),
            "The input is not valid: Additional property foo is not allowed.");
  EXPECT_EQ(invalid({{"number_lte", "input.n", "- input.n: Must be less than or equal to 4."},
                     {"invalid_type", "input.prompt", "input.prompt: Invalid type. Expected: string"}}),
            "The input is not valid: n: Must be less than or equal to 4; prompt: Invalid type. Expected: string.");
}

TEST(ReplicateFailure, ARefusedInputNamesNothingElse) {
  EXPECT_EQ(invalid({{"enum", "input.model", "see https://replicate.com/docs"}}), "The input is not valid: model.");
  EXPECT_EQ(invalid({{"enum", "input.<script>", "<script>alert(1)</script>"}}),
            "The input of this generation is not valid.");
  EXPECT_EQ(invalid({{"enum", "input.replicate_weights", ""}}), "The input of this generation is not valid.");
  EXPECT_EQ(invalid({{"enum", "input.x", std::string(5000, 'x')}}), "The input is not valid: x.");
  EXPECT_EQ(invalid({}), "The input of this generation is not valid.");
  EXPECT_EQ(invalid({{"", "", ""}, {"", "input", ""}}), "The input of this generation is not valid.");
}

TEST(ReplicateFailure, ARefusedInputIsToldBriefly) {
  Problem problem;
  for (int i = 0; i < 100; ++i) {
    const std::string field = "field_" + std::to_string(i);
    problem.invalid_fields.push_back({"enum", "input." + field, std::string(190, 'x')});
  }
  const std::string message = invalid_input_message(problem);
  EXPECT_LE(message.size(), 400U);
  EXPECT_NE(message.find("field_0"), std::string::npos);
  EXPECT_EQ(invalid({{"enum", "input.a", "wrong"}, {"enum", "input.a", "wrong"}}), "The input is not valid: a: wrong.");
}

}  // namespace
}  // namespace atelier::replicate
