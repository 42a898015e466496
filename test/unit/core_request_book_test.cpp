// SPDX-License-Identifier: PostgreSQL
#include "core/request_book.hpp"

#include <gtest/gtest.h>

#include <random>

#include "unit/token_pool.hpp"

namespace atelier::core {
namespace {

using namespace token_pool_test;

constexpr int64_t kMinuteUs = 60'000'000;

// What a process leaves to the next one.
class Memory {
 public:
  RequestBook open(int64_t now_us) { return {words_.data(), kMinuteUs, now_us}; }
  std::vector<int64_t>& words() { return words_; }

 private:
  std::vector<int64_t> words_ = std::vector<int64_t>(RequestBook::kBytes / sizeof(int64_t));
};

TEST(CoreRequestBook, KeepsAMinute) {
  Memory memory;
  RequestBook first = memory.open(kT);
  EXPECT_EQ(first.begun_us(), kT);
  first.begin("a");
  first.end("a", s(1.2));
  first.begin("a");
  first.begin("b");
  const RequestBook second = memory.open(s(10));
  EXPECT_EQ(second.begun_us(), kT);
  EXPECT_EQ(second.requests("a", 100, s(10)), (std::vector<int64_t>{s(1.5), s(10)})) << "what is out has just arrived";
  EXPECT_EQ(second.requests("b", 100, s(10)).size(), 1U);
  EXPECT_TRUE(second.requests("c", 100, s(10)).empty());
  EXPECT_EQ(second.requests("a", 100, s(62)).size(), 1U);
  EXPECT_EQ(memory.open(s(62)).begun_us(), 0) << "it is older than a minute";
  EXPECT_TRUE(second.requests("a", 100, s(200)).empty());
}

TEST(CoreRequestBook, NamesAreLearned) {
  Memory memory;
  RequestBook book = memory.open(kT);
  book.end("a", s(4));
  book.end("1", s(1));
  book.begin("1");
  book.rename("1", "a");
  book.rename("2", "a");
  EXPECT_TRUE(book.requests("1", 100, s(5)).empty());
  EXPECT_EQ(memory.open(s(5)).requests("a", 100, s(5)).size(), 3U);
}

TEST(CoreRequestBook, SaysWhenItCannotKnow) {
  Memory memory;
  RequestBook book = memory.open(kT);
  book.trust();
  EXPECT_EQ(book.begun_us(), 0);
  for (int i = 0; i < 65; ++i) book.end(std::to_string(i), kT);
  EXPECT_GT(book.begun_us(), s(1000));
  EXPECT_EQ(memory.open(s(1)).begun_us(), s(1)) << "and begins anew";
}

TEST(CoreRequestBook, RubbishIsNotBelieved) {
  std::mt19937_64 random(7);
  Memory memory;
  RequestBook book = memory.open(kT);
  book.end("a", kT);
  const int64_t mark = memory.words()[0], window = memory.words()[1];
  for (int round = 0; round < 200; ++round) {
    for (int64_t& word : memory.words()) word = static_cast<int64_t>(random());
    if (round % 2 == 0) memory.words()[0] = mark, memory.words()[1] = window, memory.words()[2] = 0;
    RequestBook other = memory.open(s(1));
    other.begin("a");
    other.end("a", s(2));
    other.rename("a", "b");
    ASSERT_LE(other.requests("b", 10, s(2)).size(), 10U * 130);
  }
  RequestBook other(memory.words().data(), kMinuteUs / 10, kT);
  EXPECT_EQ(other.begun_us(), kT) << "another minute is another book";
}

// Processes that are killed again and again get on with their looks at once, and no minute has more than the limit.
void run_processes(int64_t every_us, bool all_get_on) {
  constexpr PoolLimits kLimits{0, 300, 0, 15, kMinuteUs};
  Memory memory;
  std::mt19937 random(5);
  std::vector<int64_t> sent;
  int64_t now_us = kT;
  for (int process = 0; process < 200; ++process) {
    RequestBook book = memory.open(now_us);
    if (process == 0) book.trust();
    TokenPool pool(kLimits);
    pool.set_tokens({token(1, process < 20 ? "" : "a"), token(2, "b")});
    pool.keep_book(book);
    pool.recall_requests(now_us);
    if (book.begun_us() > 0) pool.assume_requests(1, book.begun_us());
    if (process == 19) pool.set_account(1, "a");
    const size_t before = sent.size();
    const int64_t end_us = now_us + static_cast<int64_t>(random() % 4'000'000 + 1'000'000);
    for (; now_us < end_us; now_us += every_us) {
      if (!pool.begin_request(1, TokenPool::Use::look, now_us)) continue;
      sent.push_back(now_us);
      if (random() % 50 != 0) pool.end_request(1, now_us);
    }
    if (all_get_on) {
      ASSERT_GE(sent.size(), before + 4) << process;
    }
  }
  ASSERT_GT(sent.size(), 2000U);
  for (size_t i = 300; i < sent.size(); ++i) ASSERT_GE(sent[i] - sent[i - 300], kMinuteUs) << i;
}

TEST(CoreRequestBook, ManyProcessesShareAMinute) { run_processes(20'000, false); }

TEST(CoreRequestBook, ANewProcessGetsOnAtOnce) { run_processes(240'000, true); }

}  // namespace
}  // namespace atelier::core
