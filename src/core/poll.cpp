// SPDX-License-Identifier: PostgreSQL
#include "core/poll.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace atelier::core::poll {

namespace {

constexpr std::string_view kVersion = "1";
constexpr size_t kLongest = 64 * 1024;
constexpr size_t kFields = 6;       // version, place, scope, time, counts, seen
constexpr size_t kPageFields = 10;  // and since, transaction, id, row

constexpr int kActiveMs = 5'000;
constexpr int kIdleMs = 60'000;
constexpr int kBackgroundMs = 120'000;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t start = 0;;) {
    const size_t end = text.find(separator, start);
    parts.push_back(text.substr(start, end == std::string_view::npos ? end : end - start));
    if (end == std::string_view::npos) return parts;
    start = end + 1;
  }
}

// Plain decimal digits; what does not fit an int64 is not a number here, since SQL gets it as bigint.
template <typename Number>
bool read(std::string_view text, Number& number) {
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end || value < 0) return false;
  number = static_cast<Number>(value);
  return true;
}

bool read(std::string_view text, Uuid& uuid) {
  const auto parsed = parse_uuid(text);
  if (parsed) uuid = *parsed;
  return parsed.has_value();
}

bool read(std::string_view text, Snapshot& snapshot) {
  const auto parsed = parse_snapshot(text);
  if (parsed) snapshot = *parsed;
  return parsed.has_value();
}

bool read(std::string_view text, std::array<int64_t, 4>& counts) {
  const std::vector<std::string_view> parts = split(text, ',');
  if (parts.size() != counts.size()) return false;
  for (size_t i = 0; i < parts.size(); ++i)
    if (!read(parts[i], counts[i])) return false;
  return true;
}

bool read_hex(std::string_view text, uint64_t& number) {
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number, 16);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

bool read_place(std::string_view text, Cursor& cursor) {
  const std::vector<std::string_view> parts = split(text, '-');
  return parts.size() <= 2 && read_hex(parts[0], cursor.place) &&
         (parts.size() == 1 || read_hex(parts[1], cursor.start));
}

std::string hex(uint64_t number) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr;
  return std::string(digits.data(), end);
}

}  // namespace

std::string print(const Snapshot& snapshot) {
  std::string text = std::to_string(snapshot.xmin) + ":" + std::to_string(snapshot.xmax) + ":";
  for (size_t i = 0; i < snapshot.running.size(); ++i)
    text += (i == 0 ? "" : ",") + std::to_string(snapshot.running[i]);
  return text;
}

std::optional<Snapshot> parse_snapshot(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, ':');
  Snapshot snapshot;
  if (parts.size() != 3 || !read(parts[0], snapshot.xmin) || !read(parts[1], snapshot.xmax)) return std::nullopt;
  if (snapshot.xmin > snapshot.xmax) return std::nullopt;
  if (parts[2].empty()) return snapshot;
  for (const std::string_view part : split(parts[2], ',')) {
    uint64_t number = 0;
    if (!read(part, number)) return std::nullopt;
    snapshot.running.push_back(number);
  }
  return snapshot;
}

Snapshot seen_at(Snapshot now, uint64_t own, bool standby) {
  if (standby) return {now.xmin, now.xmin, {}};
  if (own != 0 && own < now.xmax && std::find(now.running.begin(), now.running.end(), own) == now.running.end()) {
    now.running.push_back(own);
    now.xmin = std::min(now.xmin, own);
  }
  return now;
}

Snapshot seen_below(Snapshot seen, uint64_t first) {
  if (seen.xmax <= first) return seen;
  seen.xmax = first;
  seen.xmin = std::min(seen.xmin, first);
  std::erase_if(seen.running, [first](uint64_t transaction) { return transaction >= first; });
  return seen;
}

Snapshot seen_by_both(const Snapshot& one, const Snapshot& other) {
  Snapshot both = seen_below(one, other.xmax);
  std::copy_if(other.running.begin(), other.running.end(), std::back_inserter(both.running),
               [&](uint64_t transaction) { return transaction < both.xmax; });
  std::sort(both.running.begin(), both.running.end());
  both.running.erase(std::unique(both.running.begin(), both.running.end()), both.running.end());
  if (!both.running.empty()) both.xmin = std::min(both.xmin, both.running.front());
  return both;
}

std::string print(const Cursor& cursor) {
  std::string text(kVersion);
  text += "." + hex(cursor.place) + (cursor.start == 0 ? "" : "-" + hex(cursor.start)) + "." +
          (cursor.workspace ? "w" : "u") + to_string(cursor.scope) + "." + std::to_string(cursor.issued_s) + ".";
  for (size_t i = 0; i < cursor.counts.size(); ++i) text += (i == 0 ? "" : ",") + std::to_string(cursor.counts[i]);
  text += "." + print(cursor.seen);
  if (cursor.page)
    text += "." + print(cursor.page->since) + "." + std::to_string(cursor.page->end.transaction) + "." +
            to_string(cursor.page->end.id) + "." + (cursor.page->end.row ? "1" : "0");
  return text;
}

namespace {

std::optional<Cursor> read_cursor(std::string_view text) {
  if (text.size() > kLongest) return std::nullopt;
  const std::vector<std::string_view> fields = split(text, '.');
  if ((fields.size() != kFields && fields.size() != kPageFields) || fields[0] != kVersion) return std::nullopt;
  Cursor cursor;
  if (fields[2].empty() || (fields[2][0] != 'w' && fields[2][0] != 'u')) return std::nullopt;
  cursor.workspace = fields[2][0] == 'w';
  if (!read_place(fields[1], cursor) || !read(fields[2].substr(1), cursor.scope) || !read(fields[3], cursor.issued_s) ||
      !read(fields[4], cursor.counts) || !read(fields[5], cursor.seen))
    return std::nullopt;
  if (fields.size() == kFields) return cursor;
  Cursor::Page page;
  if (!read(fields[6], page.since) || !read(fields[7], page.end.transaction) || !read(fields[8], page.end.id) ||
      (fields[9] != "0" && fields[9] != "1"))
    return std::nullopt;
  page.end.row = fields[9] == "1";
  cursor.page = page;
  return cursor;
}

}  // namespace

std::optional<Cursor> parse_cursor(std::string_view text) {
  // Numbers have more forms than the one that print() gives them.
  const std::optional<Cursor> cursor = read_cursor(text);
  return cursor && print(*cursor) == text ? cursor : std::nullopt;
}

int next_poll_ms(bool background, bool active) noexcept {
  if (background) return kBackgroundMs;
  return active ? kActiveMs : kIdleMs;
}

}  // namespace atelier::core::poll
