// SPDX-License-Identifier: PostgreSQL
// The reference way of the app: a loop over its pending generations, one after the other. Each is written before and
// after its request, logged and charged in transactions of its own, as the app's calls do it. Which rows there are is
// read once, so that the loop is at its best. Prints one JSON object; the status is 0 when every request was answered
// 201.
//
//   app-way --url http://127.0.0.1:PORT/v1/predictions --token TOKEN --database CONNINFO

#include <curl/curl.h>
#include <libpq-fe.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

constexpr int kWrongUsage = 2;
constexpr long kCreated = 201;
// Any other address could be one where requests cost money.
constexpr std::string_view kUrlStart = "http://127.0.0.1:";

struct Closer {
  void operator()(PGconn* connection) const { PQfinish(connection); }
  void operator()(PGresult* result) const { PQclear(result); }
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Connection = std::unique_ptr<PGconn, Closer>;
using Rows = std::unique_ptr<PGresult, Closer>;
using Easy = std::unique_ptr<CURL, Closer>;
using Headers = std::unique_ptr<curl_slist, Closer>;

Rows run(PGconn* connection, const char* statement, const std::vector<const char*>& arguments) {
  Rows rows(PQexecParams(connection, statement, static_cast<int>(arguments.size()), nullptr, arguments.data(), nullptr,
                         nullptr, 0));
  const ExecStatusType status = PQresultStatus(rows.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) throw std::runtime_error(PQerrorMessage(connection));
  return rows;
}

size_t take(char* data, size_t size, size_t count, void* into) {
  static_cast<std::string*>(into)->append(data, size * count);
  return size * count;
}

// The text behind "id":" in the answer, which is all that the app writes down before it looks again.
std::string id_in(const std::string& answer) {
  constexpr std::string_view kStart = "\"id\":\"";
  const size_t start = answer.find(kStart);
  if (start == std::string::npos) throw std::runtime_error("an answer without an id");
  const size_t end = answer.find('"', start + kStart.size());
  return answer.substr(start + kStart.size(), end - start - kStart.size());
}

class Loop {
 public:
  Loop(const std::string& url, const std::string& token, const std::string& database)
      : connection_(PQconnectdb(database.c_str())), easy_(curl_easy_init()) {
    if (PQstatus(connection_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
    if (!easy_) throw std::runtime_error("libcurl does not start");
    curl_slist* list = curl_slist_append(nullptr, ("Authorization: Bearer " + token).c_str());
    headers_.reset(curl_slist_append(list, "Content-Type: application/json"));
    curl_easy_setopt(easy_.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy_.get(), CURLOPT_HTTPHEADER, headers_.get());
    curl_easy_setopt(easy_.get(), CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(easy_.get(), CURLOPT_WRITEDATA, &answer_);
  }

  int run_all() {
    const Rows rows = run(connection_.get(),
                          "SELECT id, jsonb_build_object('version', replicate_model, 'input', replicate_input)"
                          "  FROM generations WHERE status = 'pending' ORDER BY created_at",
                          {});
    const int count = PQntuples(rows.get());
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < count; ++i) send(PQgetvalue(rows.get(), i, 0), PQgetvalue(rows.get(), i, 1));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("{\"created\":%d,\"seconds\":%.6f,\"per_second\":%.3f}\n", count, seconds, count / seconds);
    return 0;
  }

 private:
  void send(const char* id, const char* body) {
    run(connection_.get(), "UPDATE generations SET status = 'processing' WHERE id = $1", {id});
    answer_.clear();
    curl_easy_setopt(easy_.get(), CURLOPT_POSTFIELDS, body);
    const CURLcode sent = curl_easy_perform(easy_.get());
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    if (sent != CURLE_OK || status != kCreated) throw std::runtime_error("not created: " + answer_);
    const std::string prediction = id_in(answer_);
    run(connection_.get(),
        "UPDATE generations SET status = 'completed', replicate_prediction_id = $2,"
        "       output_urls = ARRAY['https://files.example.org/output-0.webp'] WHERE id = $1",
        {id, prediction.c_str()});
    run(connection_.get(),
        "INSERT INTO api_logs (method, path, status_code, generation_id, provider)"
        " VALUES ('POST', '/v1/predictions', 201, $1, 'replicate')",
        {id});
    run(connection_.get(), "SELECT decrement_credits(g.user_id, 1) FROM generations g WHERE g.id = $1", {id});
  }

  Connection connection_;
  Easy easy_;
  Headers headers_;
  std::string answer_;
};

}  // namespace

int main(int argc, char** argv) {
  std::string url, token, database;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--url") url = argv[i + 1];
    if (name == "--token") token = argv[i + 1];
    if (name == "--database") database = argv[i + 1];
  }
  if (!url.starts_with(kUrlStart) || token.empty() || database.empty()) {
    std::fputs("usage: app-way --url http://127.0.0.1:PORT/PATH --token TOKEN --database CONNINFO\n", stderr);
    return kWrongUsage;
  }
  try {
    return Loop(url, token, database).run_all();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "app-way: %s\n", error.what());
    return 1;
  }
}
