// SPDX-License-Identifier: PostgreSQL
#include "wire.hpp"

#include <zlib.h>

#include <cstdio>
#include <ostream>

#include <boost/beast/http/status.hpp>

#include "clock.hpp"

namespace stand_in {

namespace {

constexpr size_t kChunk = 1000;
constexpr int kGzipWindow = 15 + 16;

std::string gzip(std::string_view plain) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, plain.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string in_chunks(std::string_view plain) {
  std::string chunked;
  for (size_t at = 0; at < plain.size(); at += kChunk) {
    const std::string_view piece = plain.substr(at, kChunk);
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    chunked.append(size).append(piece).append("\r\n");
  }
  return chunked + "0\r\n\r\n";
}

// The header Date, made once a second per thread.
const std::string& date_line() {
  thread_local int64_t second = 0;
  thread_local std::string line;
  const int64_t now = now_us();
  if (now / kSecond != second) {
    second = now / kSecond;
    line = "Date: " + http_date(now) + "\r\n";
  }
  return line;
}

}  // namespace

WireAnswer encode(Answer answer, bool keep_alive, bool accepts_gzip) {
  namespace http = boost::beast::http;
  const auto reason = http::obsolete_reason(http::int_to_status(static_cast<unsigned>(answer.status)));
  WireAnswer wire;
  std::string& head = wire.head;
  head.reserve(512);
  head.append("HTTP/1.1 ").append(std::to_string(answer.status)).append(" ").append(reason.data(), reason.size());
  head.append("\r\n").append(date_line());
  if (!answer.content_type.empty()) head.append("Content-Type: ").append(answer.content_type).append("\r\n");
  head += answer.headers;
  if (answer.coding == Coding::kGzip && accepts_gzip) {
    answer.body = gzip(answer.body);
    head += "Content-Encoding: gzip\r\n";
  }
  if (answer.coding == Coding::kChunked) {
    answer.body = in_chunks(answer.body);
    head += "Transfer-Encoding: chunked\r\n";
  } else if (answer.status != 204) {
    head.append("Content-Length: ").append(std::to_string(answer.body.size())).append("\r\n");
  }
  if (!keep_alive) head += "Connection: close\r\n";
  head += "\r\n";
  wire.body = std::move(answer.body);
  return wire;
}

}  // namespace stand_in
