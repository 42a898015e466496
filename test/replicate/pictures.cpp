// SPDX-License-Identifier: PostgreSQL
#include "pictures.hpp"

#include <cstdlib>
#include <functional>

#include "clock.hpp"
#include "failures.hpp"

namespace stand_in {

namespace {

using namespace std::string_literals;

constexpr size_t kMostPictureBytes = 256u << 20;

std::string beginning(const std::string& kind) {
  if (kind == "jpg") return "\xFF\xD8\xFF\xE0"s;
  if (kind == "png") return "\x89PNG\r\n\x1A\n"s;
  if (kind == "webp") return "RIFF\0\0\0\0WEBP"s;
  return "hello"s;
}

Answer plain(int status) {
  Answer answer;
  answer.status = status;
  answer.content_type = "text/plain";
  answer.body = "no picture";
  return answer;
}

}  // namespace

Answer picture(const std::vector<std::string>& parts) {
  if (parts.size() != 3) return plain(404);
  const size_t dash = parts[1].find('-');
  const std::string kind = parts[1].substr(0, dash);
  const int number = dash == std::string::npos ? 1000 : std::atoi(parts[1].c_str() + dash + 1);
  if (kind == "status") return plain(number);
  if (kind == "redirect") {
    Answer answer = plain(302);
    answer.headers = "Location: /_pictures/jpg-1000/" + parts[2] + "\r\n";
    return answer;
  }
  Answer answer;
  answer.content_type = "application/octet-stream";
  answer.body = beginning(kind == "slow" ? "jpg" : kind);
  const auto size = static_cast<size_t>(number);
  if (size > kMostPictureBytes) return plain(404);
  auto state = static_cast<uint32_t>(std::hash<std::string>{}(parts[1] + "/" + parts[2]));
  while (answer.body.size() < size) {
    state = state * 1664525u + 1013904223u;
    answer.body += static_cast<char>(state >> 24);
  }
  if (kind == "slow") answer.delay_us = 2 * kSecond;
  return answer;
}

}  // namespace stand_in
