// SPDX-License-Identifier: PostgreSQL
// How many requests each account was asked in the last minute, in memory that outlives the process that writes it, so
// that the next one need not assume the worst. The pool of tokens writes it; whoever owns the memory sees to it that
// one process at a time does. It holds no pointers, trusts nothing that it finds, does no I/O and takes the time as an
// argument. Times are microseconds since the Unix epoch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace atelier::core {

class RequestBook {
 public:
  static constexpr size_t kBytes = 136 * 1024;

  // `memory` has kBytes, aligned for int64_t: zeros, or what a former book of the same minute has left. What was on its
  // way then counts as arrived now.
  RequestBook(void* memory, int64_t window_us, int64_t now_us);

  // Requests before this are not in the book; 0 when all are that still count.
  int64_t begun_us() const noexcept;
  // There was no former process that could have asked before the book was begun.
  void trust() noexcept;

  void begin(std::string_view account) noexcept;
  void end(std::string_view account, int64_t now_us, int requests = 1) noexcept;
  // A token has learned the name of its account.
  void rename(std::string_view from, std::string_view to) noexcept;

  // When each request of the last minute has arrived at the latest, oldest first; of one moment not more than `most`.
  std::vector<int64_t> requests(std::string_view account, size_t most, int64_t now_us) const;

 private:
  struct Page;
  struct Account;
  struct Bucket;

  Account* find(std::string_view account) const noexcept;
  Account* open(std::string_view account) noexcept;
  void count(Account& account, uint32_t requests, int64_t now_us) noexcept;

  Page* page_;
};

}  // namespace atelier::core
