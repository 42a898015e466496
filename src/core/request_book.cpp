// SPDX-License-Identifier: PostgreSQL
#include "core/request_book.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace atelier::core {
namespace {

constexpr uint64_t kMark = 0x61746c7262303153;
constexpr size_t kAccounts = 64;
// The minute has so many parts; what was asked in one counts as asked at its end.
constexpr int64_t kParts = 120;
constexpr size_t kBuckets = 128;

// FNV-1a; never 0, which is a free place.
uint64_t hash(std::string_view text) noexcept {
  uint64_t value = 0xcbf29ce484222325;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return value == 0 ? 1 : value;
}

}  // namespace

struct RequestBook::Bucket {
  int64_t part;
  uint32_t requests;
};

struct RequestBook::Account {
  uint64_t name;
  uint32_t out;  // sent and not answered
  Bucket buckets[kBuckets];
};

struct RequestBook::Page {
  uint64_t mark;
  int64_t window_us;
  int64_t begun_us;
  Account accounts[kAccounts];

  int64_t part_us() const noexcept { return std::max<int64_t>(1, window_us / kParts); }
};

RequestBook::RequestBook(void* memory, int64_t window_us, int64_t now_us) : page_(static_cast<Page*>(memory)) {
  static_assert(sizeof(Page) <= kBytes);
  static_assert(kBuckets > kParts + 2);
  if (page_->mark != kMark || page_->window_us != window_us || page_->begun_us > now_us) {
    std::memset(memory, 0, kBytes);
    page_->window_us = window_us;
    page_->begun_us = now_us;
    page_->mark = kMark;
    return;
  }
  if (now_us - page_->begun_us > window_us) page_->begun_us = 0;
  for (Account& account : page_->accounts) count(account, std::exchange(account.out, 0), now_us);
}

int64_t RequestBook::begun_us() const noexcept { return page_->begun_us; }

void RequestBook::trust() noexcept { page_->begun_us = 0; }

RequestBook::Account* RequestBook::find(std::string_view account) const noexcept {
  const uint64_t name = hash(account);
  const auto place = std::find_if(std::begin(page_->accounts), std::end(page_->accounts),
                                  [name](const Account& one) { return one.name == name; });
  return place == std::end(page_->accounts) ? nullptr : &*place;
}

RequestBook::Account* RequestBook::open(std::string_view account) noexcept {
  if (Account* known = find(account)) return known;
  for (Account& one : page_->accounts) {
    if (one.name != 0) continue;
    one.name = hash(account);
    return &one;
  }
  // No place is left: nobody shall take this for all that was asked.
  page_->begun_us = std::numeric_limits<int64_t>::max();
  return nullptr;
}

void RequestBook::count(Account& account, uint32_t requests, int64_t now_us) noexcept {
  if (requests == 0) return;
  const int64_t part = now_us / page_->part_us();
  Bucket& bucket = account.buckets[static_cast<size_t>(part) % kBuckets];
  // The one that is older by a turn of the buckets does not count any more.
  if (bucket.part > part) return;
  if (bucket.part < part) bucket = {part, 0};
  bucket.requests += requests;
}

void RequestBook::begin(std::string_view account) noexcept {
  if (Account* one = open(account)) ++one->out;
}

void RequestBook::end(std::string_view account, int64_t now_us, int requests) noexcept {
  Account* one = open(account);
  if (one == nullptr) return;
  if (one->out > 0) --one->out;
  count(*one, static_cast<uint32_t>(requests), now_us);
}

void RequestBook::rename(std::string_view from, std::string_view to) noexcept {
  Account* old = find(from);
  Account* one = old == nullptr ? nullptr : open(to);
  if (one == nullptr || one == old) return;
  one->out += old->out;
  for (const Bucket& bucket : old->buckets) count(*one, bucket.requests, bucket.part * page_->part_us());
  *old = Account{};
}

std::vector<int64_t> RequestBook::requests(std::string_view account, size_t most, int64_t now_us) const {
  std::vector<int64_t> times;
  const Account* one = find(account);
  if (one == nullptr) return times;
  const int64_t part_now = now_us / page_->part_us();
  for (const Bucket& bucket : one->buckets) {
    if (bucket.part > part_now || bucket.part < part_now - kParts - 1) continue;
    const int64_t at_us = std::min(now_us, (bucket.part + 1) * page_->part_us());
    if (at_us > now_us - page_->window_us) times.insert(times.end(), std::min<size_t>(bucket.requests, most), at_us);
  }
  std::sort(times.begin(), times.end());
  return times;
}

}  // namespace atelier::core
