// SPDX-License-Identifier: PostgreSQL
#include "worker/token_bank.hpp"

#include <algorithm>
#include <utility>

#include "core/text.hpp"
#include "pg/fault.hpp"
#include "pg/kept_memory.hpp"
#include "pg/settings.hpp"
#include "pg/shmem.hpp"
#include "pg/transaction.hpp"

namespace atelier::worker {

namespace {

constexpr int64_t kReloadUs = 60'000'000;
constexpr int64_t kFlushUs = 1'000'000;
constexpr size_t kErrorChars = 500;
// A twentieth of what an account may send in a minute goes out at once.
constexpr int kBurstShare = 20;
// How long after the claim a request of a former process may have arrived: a sixtieth of the minute.
constexpr int64_t kArrivalShare = 60;

template <typename Body>
void write(const char* what, Body&& body) {
  const auto error = pg::in_owner_transaction(std::forward<Body>(body));
  if (error)
    pg::report(pg::Level::warning, std::string("atelier: ") + what + " could not be written: " + error->what());
}

}  // namespace

void TokenBank::refresh(int64_t now_us) {
  const int creates = pg::settings::creates_per_minute();
  const int requests = pg::settings::requests_per_minute();
  pool_.set_limits({creates, requests, std::max(1, creates / kBurstShare), std::max(1, requests / kBurstShare),
                    pg::settings::rate_window_ms() * 1000});
  const uint64_t version = pg::tokens_version();
  if (version == version_ && now_us - loaded_us_ < kReloadUs) return;
  std::vector<core::PoolToken> tokens;
  rows_.clear();
  store::pool::forget_kept();
  for (store::pool::TokenRow& row : store::pool::tokens()) {
    tokens.push_back({row.id, row.account, row.active, row.cooling_until_us});
    const int32_t id = row.id;
    rows_.emplace(id, std::move(row));
  }
  pool_.set_tokens(tokens);
  if (version != version_) asked_.clear();
  version_ = version;
  loaded_us_ = now_us;
}

void TokenBank::remember(int64_t now_us) {
  const int64_t window_us = pg::settings::rate_window_ms() * 1000;
  const std::vector<store::pool::Sent> sent = store::pool::sent_since({now_us - window_us - window_us / kArrivalShare});
  for (const store::pool::Sent& one : sent)
    pool_.remember(one.token, one.open ? now_us : one.sent_at.us + window_us / kArrivalShare, now_us);
  if (book_) return;
  void* memory = pg::kept_memory(core::RequestBook::kBytes);
  if (memory == nullptr) return;
  pool_.keep_book(book_.emplace(memory, window_us, now_us));
  pool_.recall_requests(now_us);
}

void TokenBank::assume_watched(int32_t token, int64_t now_us) {
  const int64_t until_us = book_ ? std::min(book_->begun_us(), now_us) : now_us;
  if (until_us > 0) pool_.assume_requests(token, until_us);
}

void TokenBank::trust_book() {
  if (book_) book_->trust();
}

void TokenBank::note_answer(int32_t token, bool creating, bool sent, int repeats, int64_t now_us) {
  if (!creating) return pool_.end_request(token, now_us, repeats);
  if (sent) {
    pool_.note_sent(token, now_us);
  } else {
    pool_.give_back(token);
  }
}

const std::string* TokenBank::secret(int32_t token) const {
  const auto place = rows_.find(token);
  return place == rows_.end() ? nullptr : &place->second.secret;
}

std::vector<int32_t> TokenBank::without_account() {
  std::vector<int32_t> tokens;
  for (const auto& [id, row] : rows_)
    if (row.active && row.account.empty() && !asked_[id]) tokens.push_back(id);
  for (const int32_t id : tokens) asked_[id] = true;
  return tokens;
}

std::map<std::string, int32_t> TokenBank::accounts() const {
  std::map<std::string, int32_t> accounts;
  for (const auto& [id, row] : rows_)
    if (row.active && !row.account.empty()) accounts.emplace(row.account, id);
  return accounts;
}

void TokenBank::learn_account(int32_t token, const std::string& account) {
  const auto place = rows_.find(token);
  if (place == rows_.end() || place->second.account == account) return;
  place->second.account = account;
  pool_.set_account(token, account);
  write("a token's account", [&] { store::pool::set_account(token, account); });
}

void TokenBank::cool(int32_t token, int64_t until_us, bool whole_account, const std::string& reason) {
  std::vector<int32_t> tokens{token};
  if (whole_account) {
    pool_.cool_account(token, until_us);
    tokens = pool_.tokens_of_account(token);
  } else {
    pool_.cool_token(token, until_us);
  }
  write("a token's cooldown", [&] { store::pool::set_cooling(tokens, {until_us}, reason); });
}

void TokenBank::deactivate(int32_t token, const std::string& reason) {
  pool_.deactivate(token);
  if (const auto place = rows_.find(token); place != rows_.end()) place->second.active = false;
  write("a token's end", [&] { store::pool::deactivate(token, reason); });
}

store::pool::Usage& TokenBank::usage_of(int32_t token) {
  store::pool::Usage& usage = usage_[token];
  usage.token = token;
  return usage;
}

void TokenBank::count_request(int32_t token) { ++usage_of(token).requests; }

void TokenBank::count_error(int32_t token, const std::string& error) {
  store::pool::Usage& usage = usage_of(token);
  ++usage.errors;
  usage.last_error = std::string(core::text::first_chars(core::text::redact(error), kErrorChars));
}

void TokenBank::flush(int64_t now_us, bool at_once) {
  if (usage_.empty() || (!at_once && now_us - flushed_us_ < kFlushUs)) return;
  flushed_us_ = now_us;
  std::vector<store::pool::Usage> usage;
  for (const auto& [id, one] : usage_)
    if (const auto place = rows_.find(id); place != rows_.end() && !place->second.kept) usage.push_back(one);
  usage_.clear();
  write("token counts", [&] {
    const std::vector<int32_t> written = store::pool::add_usage(usage);
    // A row that somebody else has locked is counted the next time.
    for (const store::pool::Usage& one : usage)
      if (std::find(written.begin(), written.end(), one.token) == written.end()) usage_[one.token] = one;
    ATELIER_FAULT(counts_written);
  });
  ATELIER_FAULT(counts_committed);
}

size_t TokenBank::active_tokens() const {
  return static_cast<size_t>(
      std::count_if(rows_.begin(), rows_.end(), [](const auto& row) { return row.second.active; }));
}

std::vector<int32_t> TokenBank::active() const {
  std::vector<int32_t> tokens;
  for (const auto& [id, row] : rows_)
    if (row.active) tokens.push_back(id);
  return tokens;
}

std::vector<int32_t> TokenBank::known() const {
  std::vector<int32_t> tokens = active();
  for (const auto& [id, row] : rows_)
    if (!row.active) tokens.push_back(id);
  return tokens;
}

bool TokenBank::has_other_account(int32_t token) const {
  const std::string mine = pool_.account_of(token);
  return std::any_of(rows_.begin(), rows_.end(), [&](const auto& entry) {
    const store::pool::TokenRow& row = entry.second;
    return row.active && !row.account.empty() && row.account != mine;
  });
}

}  // namespace atelier::worker
