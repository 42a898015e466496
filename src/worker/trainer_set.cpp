// SPDX-License-Identifier: PostgreSQL
// The part of the trainer that makes the set: one picture after the other, through a file, into the ZIP.
#include <unistd.h>

#include <array>
#include <cstdio>

#include "core/hosts.hpp"
#include "core/retry.hpp"
#include "core/text.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"
#include "worker/trainer.hpp"

namespace atelier::worker {

namespace {

constexpr int kDownloadTries = 3;
// Beyond it the set is too large whatever follows.
constexpr int64_t kCountedBytes = 20 * replicate::kMostSetBytes;

std::string picture(size_t index) { return "Picture " + std::to_string(index + 1); }

std::string megabytes(int64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f MB", static_cast<double>(bytes) / 1e6);
  return text;
}

// Whether another try may help.
bool may_pass(const replicate::Answer& answer) {
  return answer.delivery != replicate::Delivery::delivered || answer.status >= 500 || answer.status == 408 ||
         answer.status == 425 || answer.status == 429;
}

}  // namespace

void Trainer::begin_set(Training& training) {
  const auto error =
      pg::in_owner_transaction([&] { training.pictures = store::trainings::pictures(training.row.lora); });
  if (error) throw *error;
  training.fetched = 0;
  training.picture_bytes = 0;
  training.zip.reset();
  training.picture_file = std::make_unique<pg::TempFile>();
  training.set_file = std::make_unique<pg::TempFile>();
  training.zip = std::make_unique<archive::ZipWriter>(training.set_file->fd());
}

void Trainer::fetch(Training& training, int64_t now_us) {
  if (!training.picture_file) {
    try {
      begin_set(training);
    } catch (const std::exception& error) {
      pg::report(pg::Level::log, std::string("atelier: training postponed: ") + error.what());
      training.picture_file.reset();
      training.due_us = now_us + 5 * core::kSecondUs;
      return;
    }
  }
  if (training.fetched == training.pictures.size()) return end_set(training, now_us);
  const std::string& url = training.pictures[training.fetched].url;
  const core::HostVerdict verdict = core::judge_host(pg::settings::download_hosts(), url);
  if (verdict == core::HostVerdict::refused) {
    const std::string host = core::host_of(url);
    return fail(training,
                picture(training.fetched) + " cannot be used: " +
                    (host.empty() ? std::string("its address is not a URL with a host.")
                                  : "pictures are not downloaded from " + host + "."),
                "The host is not in atelier.download_hosts.", now_us);
  }
  training.picture_file->clear();
  training.out = true;
  context_.transfers.download(training.row.id, url, training.picture_file->fd(),
                              static_cast<size_t>(replicate::kMostSetBytes), verdict == core::HostVerdict::if_public);
}

void Trainer::on_picture(Training& training, const Arrival& arrival, int64_t now_us) {
  if (training.step != Step::fetch || !training.picture_file) return;
  const replicate::Answer& answer = arrival.answer;
  const std::string which = picture(training.fetched);
  if (arrival.address_refused)
    return fail(training, which + " cannot be used: its host has no public address.", answer.transport_error, now_us);
  if (arrival.too_large)
    return fail(training, which + " has more than " + megabytes(replicate::kMostSetBytes) + ".", {}, now_us);
  if (replicate::is_success(answer)) {
    training.tries = 0;
    return add_picture(training, arrival.sunk_bytes, now_us);
  }
  if (may_pass(answer) && ++training.tries < kDownloadTries) {
    training.due_us = now_us + core::backoff_us(training.tries, context_.random());
    return;
  }
  std::string why = "its server could not be reached";
  if (answer.delivery == replicate::Delivery::delivered)
    why = answer.status >= 300 && answer.status < 400
              ? std::string("its address leads to another one, which is not followed")
              : "its server answered with status " + std::to_string(answer.status);
  fail(training, which + " could not be downloaded: " + why + ".",
       answer.transport_error.empty() ? which + ": HTTP status " + std::to_string(answer.status)
                                      : answer.transport_error,
       now_us);
}

void Trainer::add_picture(Training& training, int64_t bytes, int64_t now_us) {
  std::array<char, replicate::kPictureHeadBytes> head{};
  const int fd = training.picture_file->fd();
  const ssize_t length = pread(fd, head.data(), head.size(), 0);
  const std::string_view kind =
      replicate::picture_kind(std::string_view(head.data(), length > 0 ? static_cast<size_t>(length) : 0));
  if (kind.empty())
    return fail(training, picture(training.fetched) + " is neither a JPEG nor a PNG nor a WebP file.", {}, now_us);
  training.picture_bytes += bytes;
  const store::trainings::Picture& one = training.pictures[training.fetched];
  const std::string name = replicate::picture_name(training.row.trigger_word, static_cast<int>(training.fetched) + 1);
  try {
    // What is too large is only counted, to say how large it is.
    if (training.picture_bytes <= replicate::kMostSetBytes) {
      training.zip->add_file(name + "." + std::string(kind), fd, bytes);
      if (!core::text::trim(one.caption).empty()) training.zip->add_text(name + ".txt", one.caption);
    }
  } catch (const std::exception& error) {
    return fail(training, "The pictures could not be packed.", error.what(), now_us);
  }
  ++training.fetched;
  if (training.picture_bytes > kCountedBytes) end_set(training, now_us);
}

void Trainer::end_set(Training& training, int64_t now_us) {
  int64_t bytes = training.picture_bytes;
  if (bytes <= replicate::kMostSetBytes) {
    try {
      training.zip->finish();
    } catch (const std::exception& error) {
      return fail(training, "The pictures could not be packed.", error.what(), now_us);
    }
    bytes = training.set_file->size();
  }
  if (bytes > replicate::kMostSetBytes)
    return fail(training,
                "The pictures have " + megabytes(bytes) + " together; at most " + megabytes(replicate::kMostSetBytes) +
                    " can be used for a training.",
                {}, now_us);
  training.zip.reset();
  training.picture_file.reset();
  training.step = Step::upload;
  training.tries = 0;
  training.due_us = now_us;
}

}  // namespace atelier::worker
