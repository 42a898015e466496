// SPDX-License-Identifier: PostgreSQL
// The yardstick of the dispatcher: creating requests like the product's, so many at once, over the product's HTTP layer
// (one thread, kept connections, bodies that cannot be sent twice), and nothing else: no database, no queue, no look
// into the answers. Prints one JSON object; the status is 0 when every request was answered 201.
//
//   plain-curl --url http://127.0.0.1:PORT/v1/predictions --token TOKEN --count N --parallel N [--ca FILE]

#include <curl/curl.h>
#include <poll.h>
#include <sys/resource.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "http/multi.hpp"

namespace {

namespace http = atelier::http;

constexpr int kWrongUsage = 2;
constexpr long kCreated = 201;
// Any other address could be one where requests cost money.
constexpr std::string_view kUrlStart = "http://127.0.0.1:", kSafeUrlStart = "https://127.0.0.1:";

struct Options {
  std::string url, token, ca_file;
  size_t count = 0;
  size_t parallel = 0;
};

struct Result {
  size_t created = 0;
  std::string first_failure;
  double seconds = 0;
};

std::optional<size_t> positive(std::string_view text) {
  size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value == 0) return std::nullopt;
  return value;
}

// Nothing when an option is wrong or missing.
std::optional<Options> parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view value = argv[i + 1];
    if (name == "--url") {
      options.url = value;
    } else if (name == "--token") {
      options.token = value;
    } else if (name == "--ca") {
      options.ca_file = value;
    } else if (name == "--count") {
      options.count = positive(value).value_or(0);
    } else if (name == "--parallel") {
      options.parallel = positive(value).value_or(0);
    } else {
      return std::nullopt;
    }
  }
  const bool complete = argc % 2 == 1 && !options.token.empty() && options.count > 0 && options.parallel > 0;
  if (!complete) return std::nullopt;
  if (!options.url.starts_with(kUrlStart) && !options.url.starts_with(kSafeUrlStart)) return std::nullopt;
  return options;
}

// What the dispatcher sends for one row of the bench.
http::Request creating_request(const Options& options, size_t number) {
  http::Request request;
  request.id = number;
  request.method = "POST";
  request.url = options.url;
  request.headers = {"Authorization: Bearer " + options.token, "Content-Type: application/json", "Cancel-After: 900s"};
  request.body = R"({"version":"sim/ok","input":{"prompt":"plain )" + std::to_string(number) +
                 R"(","aspect_ratio":"1:1","num_outputs":1}})";
  request.creates = true;
  return request;
}

void wait_for_curl(const http::Multi& multi) {
  pollfd readable{multi.fd(), POLLIN, 0};
  const auto timeout_ms = multi.timeout_ms();
  if (poll(&readable, 1, timeout_ms ? static_cast<int>(*timeout_ms) : -1) < 0 && errno != EINTR) {
    throw std::runtime_error(std::string("poll: ") + std::strerror(errno));
  }
}

Result send_all(const Options& options) {
  http::Options rules;
  rules.max_transfers = options.parallel;
  rules.ca_file = options.ca_file;
  rules.user_agent = "plain-curl";
  rules.allow_plain_http = true;
  http::Multi multi(std::move(rules));

  Result result;
  size_t started = 0;
  size_t ended = 0;
  const auto start = std::chrono::steady_clock::now();
  while (ended < options.count) {
    while (started < options.count && multi.in_flight() < options.parallel) {
      multi.add(creating_request(options, ++started));
    }
    wait_for_curl(multi);
    multi.act();
    for (const http::Answer& answer : multi.take_done()) {
      ended++;
      if (answer.status == kCreated) {
        result.created++;
      } else if (result.first_failure.empty()) {
        result.first_failure = answer.error.empty() ? "status " + std::to_string(answer.status) : answer.error;
      }
    }
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

// What this process has spent so far, in microseconds.
double cpu_us() {
  rusage used = {};
  getrusage(RUSAGE_SELF, &used);
  const auto us = [](const timeval& time) {
    return 1e6 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec);
  };
  return us(used.ru_utime) + us(used.ru_stime);
}

int run(const Options& options) {
  const Result result = send_all(options);
  const auto created = static_cast<double>(result.created);
  std::printf("{\"created\":%zu,\"seconds\":%.6f,\"per_second\":%.3f,\"cpu_us\":%.3f,\"libcurl\":\"%s\"}\n",
              result.created, result.seconds, created / result.seconds, cpu_us() / created,
              curl_version_info(CURLVERSION_NOW)->version);
  if (result.created == options.count) return 0;
  std::fprintf(stderr, "plain-curl: %zu requests of %zu failed, the first with: %s\n", options.count - result.created,
               options.count, result.first_failure.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse_options(argc, argv);
  if (!options) {
    std::fputs("usage: plain-curl --url http://127.0.0.1:PORT/PATH --token TOKEN --count N --parallel N [--ca FILE]\n",
               stderr);
    return kWrongUsage;
  }
  try {
    return run(*options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "plain-curl: %s\n", error.what());
    return 1;
  }
}
