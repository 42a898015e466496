// SPDX-License-Identifier: PostgreSQL
#include "replicate/response.hpp"

#include <gtest/gtest.h>

#include <string>

#include "core/text.hpp"
#include "replicate/request.hpp"
#include "replicate/training.hpp"

namespace atelier::replicate {
namespace {

namespace json = core::json;
using namespace std::string_literals;

const std::string kFull = R"({
  "id":"k3v9y2t0qnrj60cxxw8v1m4bqg","model":"acme-labs/paint-fast","version":"hidden",
  "input":{"aspect_ratio":"1:1","prompt":"a red kettle"},"logs":"50%\n100%","output":["https://a/x.webp"],
  "data_removed":false,"error":null,"status":"succeeded","created_at":"2025-11-22T10:00:00.123Z",
  "started_at":"2025-11-22T10:00:01.123456Z","completed_at":"2025-11-22T10:00:02.123456789Z",
  "metrics":{"predict_time":3e-06,"total_time":2.5},"webhook":"https://studio.example/hook?attempt=eq.1",
  "urls":{"get":"https://api.replicate.com/v1/predictions/k3v9"}})";

Prediction parsed(const std::string& body) {
  auto prediction = parse_prediction(body);
  EXPECT_TRUE(prediction) << body.substr(0, 200);
  return prediction ? std::move(*prediction) : Prediction();
}

TEST(ReplicateResponse, EveryStatusHasItsMeaning) {
  EXPECT_EQ(parse_prediction_status("starting"), PredictionStatus::starting);
  EXPECT_EQ(parse_prediction_status("processing"), PredictionStatus::processing);
  EXPECT_EQ(parse_prediction_status("succeeded"), PredictionStatus::succeeded);
  EXPECT_EQ(parse_prediction_status("successful"), PredictionStatus::succeeded);
  EXPECT_EQ(parse_prediction_status("failed"), PredictionStatus::failed);
  EXPECT_EQ(parse_prediction_status("canceled"), PredictionStatus::canceled);
  EXPECT_EQ(parse_prediction_status("cancelled"), PredictionStatus::canceled);
  EXPECT_EQ(parse_prediction_status("aborted"), PredictionStatus::aborted);
  for (const char* other : {"", "Succeeded", "queued", " failed", "starting "}) {
    EXPECT_EQ(parse_prediction_status(other), PredictionStatus::unknown) << other;
  }
}

TEST(ReplicateResponse, FiveStatesAreTheEnd) {
  using enum PredictionStatus;
  for (const PredictionStatus end : {succeeded, failed, canceled, aborted}) EXPECT_TRUE(is_terminal(end));
  for (const PredictionStatus open : {starting, processing, unknown}) EXPECT_FALSE(is_terminal(open));
}

TEST(ReplicateResponse, SuccessNeedsADeliveredTwoHundred) {
  Answer answer;
  answer.delivery = Delivery::delivered;
  for (const int status : {200, 201, 202, 299}) {
    answer.status = status;
    EXPECT_TRUE(is_success(answer));
  }
  for (const int status : {0, 100, 199, 300, 404, 500}) {
    answer.status = status;
    EXPECT_FALSE(is_success(answer));
  }
  answer.status = 200;
  answer.delivery = Delivery::maybe_sent;
  EXPECT_FALSE(is_success(answer));
}

TEST(ReplicateResponse, AWholePrediction) {
  const Prediction prediction = parsed(kFull);
  EXPECT_EQ(prediction.id, "k3v9y2t0qnrj60cxxw8v1m4bqg");
  EXPECT_EQ(prediction.status, PredictionStatus::succeeded);
  EXPECT_EQ(prediction.status_text, "succeeded");
  EXPECT_EQ(prediction.error, "");
  EXPECT_EQ(prediction.webhook, "https://studio.example/hook?attempt=eq.1");
  ASSERT_TRUE(prediction.predict_time);
  EXPECT_DOUBLE_EQ(*prediction.predict_time, 3e-06);
  EXPECT_EQ(prediction.created_at_us, 1'763'805'600'123'000);
  EXPECT_EQ(prediction.completed_at_us, 1'763'805'602'123'456);
  EXPECT_FALSE(prediction.data_removed);
  EXPECT_EQ(prediction.input.find("prompt").string_or_empty(), "a red kettle");
  EXPECT_EQ(prediction.output.size(), 1U);
}

TEST(ReplicateResponse, ItsViewsOutliveTheBodyAndMoves) {
  Prediction kept;
  {
    std::string body = kFull;
    Prediction first = parsed(body);
    body.assign(body.size(), 'x');
    kept = std::move(first);
  }
  const Prediction copy = kept;
  EXPECT_EQ(copy.input.find("prompt").string_or_empty(), "a red kettle");
}

TEST(ReplicateResponse, AnIdIsEnough) {
  const Prediction prediction = parsed(R"({"id":"x"})");
  EXPECT_EQ(prediction.id, "x");
  EXPECT_EQ(prediction.status, PredictionStatus::unknown);
  EXPECT_EQ(prediction.predict_time, std::nullopt);
  EXPECT_EQ(prediction.created_at_us, std::nullopt);
  EXPECT_FALSE(prediction.output.exists());
}

TEST(ReplicateResponse, FieldsOfAnotherTypeCountAsMissing) {
  const Prediction prediction = parsed(
      R"({"id":"x","status":7,"metrics":[],"created_at":5,"completed_at":"soon","data_removed":"yes","webhook":{},
          "input":[1],"output":1})");
  EXPECT_EQ(prediction.status, PredictionStatus::unknown);
  EXPECT_EQ(prediction.status_text, "");
  EXPECT_EQ(prediction.predict_time, std::nullopt);
  EXPECT_EQ(prediction.created_at_us, std::nullopt);
  EXPECT_EQ(prediction.completed_at_us, std::nullopt);
  EXPECT_FALSE(prediction.data_removed);
  EXPECT_EQ(prediction.webhook, "");
  EXPECT_EQ(parsed(R"({"id":"x","metrics":{"predict_time":"1"}})").predict_time, std::nullopt);
}

TEST(ReplicateResponse, WithoutAnIdItIsNoPrediction) {
  for (const std::string& body :
       {""s, "{}"s, "[]"s, "null"s, R"({"id":""})"s, R"({"id":null})"s, R"({"id":5})"s, R"({"status":"starting"})"s,
        R"("id")"s, R"([{"id":"x"}])"s, "<html>Created</html>"s, kFull.substr(0, kFull.size() / 2), kFull + "}",
        R"({"id":")" + std::string(5000, 'x') + R"("})", std::string(100'000, '['), "\0\0\0"s}) {
    EXPECT_FALSE(parse_prediction(body)) << body.substr(0, 60);
  }
}

TEST(ReplicateResponse, AnErrorMayHaveAnyType) {
  EXPECT_EQ(parsed(R"j({"id":"x","error":"out of (E003)"})j").error, "out of (E003)");
  EXPECT_EQ(parsed(R"({"id":"x","error":{"code" : "E003"}})").error, R"({"code":"E003"})");
  EXPECT_EQ(parsed(R"({"id":"x","error":[1, 2]})").error, "[1,2]");
  EXPECT_EQ(parsed(R"({"id":"x","error":null})").error, "");
  EXPECT_EQ(parsed(R"({"id":"x","error":""})").error, "");
  EXPECT_EQ(parsed(R"({"id":"x"})").error, "");
}

TEST(ReplicateResponse, WhatJsonbRefusesIsReplaced) {
  const Prediction prediction =
      parsed("{\"id\":\"x\",\"logs\":\"a\\u0000b\",\"output\":\"\\ud800 \xff\",\"n\":1e99999}"s);
  EXPECT_EQ(prediction.object.find("logs").string_or_empty(), "a\xEF\xBF\xBD"s + "b");
  EXPECT_EQ(prediction.output.string_or_empty(), "\xEF\xBF\xBD \xEF\xBF\xBD");
  EXPECT_TRUE(prediction.object.find("n").is_null());
  const std::string stored = stored_prediction(prediction);
  EXPECT_EQ(stored.find("\\u0000"), std::string::npos);
  EXPECT_TRUE(core::text::is_clean_utf8(stored));
}

TEST(ReplicateResponse, DeepOutputsCanBeRead) {
  const std::string deep = std::string(150, '[') + R"("https://a/x")" + std::string(150, ']');
  EXPECT_TRUE(parse_prediction(R"({"id":"x","output":)" + deep + "}"));
}

TEST(ReplicateResponse, LogsAreStoredFromTheirEnd) {
  const std::string logs = std::string(kKeptLogBytes, 'a') + std::string(kKeptLogBytes, 'b');
  const json::Parsed stored = json::parse(stored_prediction(parsed(R"({"id":"x","logs":")" + logs + R"(","n":1.10})")));
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored.root().find("logs").string_or_empty(), std::string(kKeptLogBytes, 'b'));
  EXPECT_EQ(stored.root().find("n").number_text(), "1.10");
}

TEST(ReplicateResponse, StoredLogsDoNotBeginInsideACharacter) {
  std::string logs;
  for (size_t i = 0; i < kKeptLogBytes; ++i) logs += "\xc3\xbc";
  const json::Parsed stored = json::parse(stored_prediction(parsed(R"({"id":"x","logs":"x)" + logs + R"(y"})")));
  ASSERT_TRUE(stored);
  EXPECT_LE(stored.root().find("logs").string_or_empty().size(), kKeptLogBytes);
  EXPECT_TRUE(core::text::is_clean_utf8(stored.root().find("logs").string_or_empty()));
}

TEST(ReplicateResponse, TheRestIsStoredAsItWasSent) {
  EXPECT_TRUE(json::equal(json::parse(stored_prediction(parsed(kFull))).root(), json::parse(kFull).root()));
  EXPECT_EQ(stored_prediction(parsed(R"({"id":"x","logs":null})")), R"({"id":"x","logs":null})");
  EXPECT_EQ(stored_prediction(Prediction()), "{}");
}

TEST(ReplicateResponse, APageOfTheList) {
  const auto page = parse_page(R"({"next":"https://api.replicate.com/v1/predictions?cursor=x","previous":null,
    "results":[{"id":"b","status":"starting","input":{"a":1}},7,{"status":"failed"},{"id":"a","status":"failed"}]})");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->next, "https://api.replicate.com/v1/predictions?cursor=x");
  ASSERT_EQ(page->predictions.size(), 2U);
  EXPECT_EQ(page->predictions[0].id, "b");
  EXPECT_EQ(page->predictions[0].input.find("a").as_int64(), 1);
  EXPECT_EQ(page->predictions[1].status, PredictionStatus::failed);
}

TEST(ReplicateResponse, TheLastPageHasNoNext) {
  for (const char* body : {R"({"next":null,"results":[]})", R"({"results":[]})", R"({"next":"","results":[]})"}) {
    const auto page = parse_page(body);
    ASSERT_TRUE(page) << body;
    EXPECT_EQ(page->next, "");
    EXPECT_TRUE(page->predictions.empty());
  }
  for (const char* body :
       {"", "[]", "{}", R"({"results":{}})", R"({"results":null})", "<html></html>", "{\"results\":["}) {
    EXPECT_FALSE(parse_page(body)) << body;
  }
}

TEST(ReplicateResponse, ANextThatIsNoTextIsNotTheEnd) {
  for (const char* next : {"5", "true", "{}", "[\"/predictions?cursor=x\"]"}) {
    const auto page = parse_page(R"({"results":[],"next":)" + std::string(next) + "}");
    ASSERT_TRUE(page) << next;
    EXPECT_FALSE(page->next.empty()) << next;
    EXPECT_FALSE(next_page(page->next)) << next;
    EXPECT_FALSE(next_training_page(page->next)) << next;
  }
}

TEST(ReplicateResponse, TheAccountOfAToken) {
  EXPECT_EQ(parse_account(R"({"type":"organization","username":"acme","name":"Acme Inc."})"), "acme");
  for (const char* body : {"", "{}", R"({"username":""})", R"({"username":7})", R"({"name":"Acme Inc."})", "[]"}) {
    EXPECT_EQ(parse_account(body), std::nullopt) << body;
  }
}

TEST(ReplicateResponse, TheLatestVersionOfAModel) {
  const std::string version(64, 'a');
  EXPECT_EQ(parse_latest_version(R"({"latest_version":{"id":")" + version + R"("}})"), version);
  for (const std::string& body :
       {"{}"s, R"({"latest_version":null})"s, R"({"latest_version":{"id":null}})"s,
        R"({"latest_version":")" + version + "\"}", R"({"latest_version":{"id":")" + version.substr(1) + R"("}})",
        R"({"latest_version":{"id":")" + version + R"(a"}})",
        R"({"latest_version":{"id":")" + std::string(64, 'A') + R"("}})",
        R"({"latest_version":{"id":"../../account"}})"s}) {
    EXPECT_EQ(parse_latest_version(body), std::nullopt) << body;
  }
}

TEST(ReplicateResponse, AProblemDocument) {
  const Problem problem = parse_problem(
      R"({"title":"Unauthenticated","detail":"You did not pass a valid authentication token","status":401})");
  EXPECT_EQ(problem.title, "Unauthenticated");
  EXPECT_EQ(problem.detail, "You did not pass a valid authentication token");
  EXPECT_EQ(problem.text, "Unauthenticated: You did not pass a valid authentication token");
  EXPECT_EQ(problem.retry_after, std::nullopt);
  EXPECT_EQ(parse_problem(R"({"title":"Only"})").text, "Only");
  EXPECT_EQ(parse_problem(R"({"detail":"Only"})").text, "Only");
  EXPECT_EQ(parse_problem(R"({"title":"Same","detail":"Same"})").text, "Same");
}

TEST(ReplicateResponse, InvalidFieldsOfAProblem) {
  const Problem problem = parse_problem(
      R"({"title":"Input validation failed","status":422,"detail":"- input.aspect_ratio: wrong\n","invalid_fields":[
          {"type":"enum","field":"input.aspect_ratio","description":"wrong"},7,{"field":null}]})");
  ASSERT_EQ(problem.invalid_fields.size(), 2U);
  EXPECT_EQ(problem.invalid_fields[0].type, "enum");
  EXPECT_EQ(problem.invalid_fields[0].field, "input.aspect_ratio");
  EXPECT_EQ(problem.invalid_fields[0].description, "wrong");
  EXPECT_EQ(problem.invalid_fields[1].field, "");
  EXPECT_EQ(problem.text, "Input validation failed: - input.aspect_ratio: wrong") << "one line";
}

TEST(ReplicateResponse, ADetailMayHaveAnyType) {
  EXPECT_EQ(parse_problem(R"({"detail":["a","b"]})").detail, "a; b");
  EXPECT_EQ(parse_problem(R"({"detail":[{"message":"a"},{"msg":"b"},{"x":1}]})").detail, R"(a; b; {"x":1})");
  EXPECT_EQ(parse_problem(R"({"detail":{"message":"a"}})").detail, "a");
  EXPECT_EQ(parse_problem(R"({"detail":7})").detail, "7");
  EXPECT_EQ(parse_problem(R"({"detail":null})").detail, "");
  EXPECT_EQ(parse_problem(R"({"error":"a"})").detail, "a");
  EXPECT_EQ(parse_problem(R"({"message":"a"})").detail, "a");
  EXPECT_EQ(parse_problem(R"("a text")").text, "a text");
  EXPECT_EQ(parse_problem(R"(["a","b"])").text, "a; b");
  EXPECT_EQ(parse_problem("{}").text, "");
}

TEST(ReplicateResponse, ThePageOfAFrontEndIsReadWithoutItsTags) {
  const Problem problem = parse_problem(
      "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n<body>"
      "<h1>Bad&nbsp;Gateway</h1></body></html>");
  EXPECT_EQ(problem.text, "502 Bad Gateway Bad&nbsp;Gateway");
  EXPECT_EQ(problem.title, "");
  EXPECT_EQ(problem.detail, "");
  EXPECT_TRUE(problem.invalid_fields.empty());
  EXPECT_EQ(parse_problem("").text, "");
  EXPECT_EQ(parse_problem("plain\r\ntext <unclosed").text, "plain text");
}

TEST(ReplicateResponse, AProblemsTextIsShortCleanAndOneLine) {
  for (const std::string& body :
       {std::string(3'000'000, 'x'), R"({"detail":")" + std::string(100'000, 'x') + "\"}", "a\0b\nc\xff"s,
        "{\"detail\":\"a\\u0000\\nb\\u0007\"}"s, std::string(100'000, '<'), std::string(100'000, '[')}) {
    const Problem problem = parse_problem(body);
    EXPECT_LE(problem.text.size(), 1500U);
    EXPECT_FALSE(core::text::has_control_characters(problem.text));
    EXPECT_TRUE(core::text::is_clean_utf8(problem.text));
  }
}

}  // namespace
}  // namespace atelier::replicate
