// SPDX-License-Identifier: PostgreSQL
// Trainings of LoRAs: fetches the pictures into a ZIP on disc, uploads it, makes the model that gets the result where
// it is missing, starts the training, watches it and writes how it ended. Until the training is started all of it may
// be done again; the claim is committed before the creating request goes out, and a lost answer is looked up. Part of
// the dispatcher; the table is the truth, this memory is rebuilt from it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "archive/zip.hpp"
#include "pg/temp_file.hpp"
#include "replicate/outcome.hpp"
#include "replicate/training.hpp"
#include "store/trainings.hpp"
#include "store/webhooks.hpp"
#include "worker/context.hpp"
#include "worker/sender.hpp"

namespace atelier::worker {

class Trainer {
 public:
  Trainer(Context& context, Sender& sender) : context_(context), sender_(sender) {}

  // The table has to be read again.
  void look_soon() { next_look_us_ = 0; }
  // Webhooks that tell of no open prediction: those of its own are looked at at once.
  void hear(const std::vector<store::webhooks::News>& news, int64_t now_us);
  // How many are open.
  size_t size() const { return trainings_.size(); }
  // Whether new ones may be started; and whether a queued one may have been started by a former timeline, so that
  // nobody knows yet what there is to cancel.
  void allow(bool may_start, bool may_be_started) {
    may_start_ = may_start;
    may_be_started_ = may_be_started;
  }
  void act(int64_t now_us);
  void on_answer(const Arrival& arrival, int64_t now_us);
  std::optional<int64_t> due_us() const;

 private:
  enum class Step { fetch, upload, find_model, make_model, create, search, watch };

  struct Training {
    store::trainings::Open row;
    Step step = Step::fetch;
    bool out = false;  // a request of it is on its way
    bool ended = false;
    int64_t due_us = 0;
    int tries = 0;                // failures of the step under way
    int sends = 0;                // creating requests that were given back
    std::function<void()> write;  // what could not be written yet

    std::vector<store::trainings::Picture> pictures;
    size_t fetched = 0;
    int64_t picture_bytes = 0;
    std::unique_ptr<pg::TempFile> picture_file;
    std::unique_ptr<pg::TempFile> set_file;
    std::unique_ptr<archive::ZipWriter> zip;

    int32_t token = 0;
    std::string account;
    std::string file_account;  // where `file` is
    int64_t uploaded_us = 0;
    replicate::UploadedFile file;
    std::string input;

    int searches = 0;
    bool may_be_hidden = false;
    bool hinted = false;  // a webhook came while it could not be looked at
    bool cancel_sent = false;
    int64_t cancel_again_us = 0;  // it was refused: when it is said again; 0 when it was not
    int64_t watched_since_us = 0;
    int64_t missing_since_us = 0;  // 404 since then; 0 when it was there at the last look
    std::optional<replicate::Request> next_page;
  };

  void look(int64_t now_us);
  static bool is_elsewhere(const Training& training, const store::trainings::Open& row);
  static void follow(Training& training, store::trainings::Open row, int64_t now_us);
  void advance(Training& training, int64_t now_us);

  // trainer_set.cpp: the pictures.
  void fetch(Training& training, int64_t now_us);
  void begin_set(Training& training);
  void on_picture(Training& training, const Arrival& arrival, int64_t now_us);
  void add_picture(Training& training, int64_t bytes, int64_t now_us);
  void end_set(Training& training, int64_t now_us);

  // Until the training is started.
  void upload(Training& training, int64_t now_us);
  void on_uploaded(Training& training, const Arrival& arrival, int64_t now_us);
  void on_model(Training& training, const Arrival& arrival, int64_t now_us);
  void create(Training& training, int64_t now_us);
  std::optional<int32_t> choose_of(const std::string& account, int64_t now_us);
  void on_created(Training& training, const Arrival& arrival, int64_t now_us);
  void return_training(Training& training, const replicate::Failure& failure, int64_t until_us, int64_t now_us);

  // trainer_watch.cpp: afterwards.
  static int64_t given_up_us(const Training& training);
  void search(Training& training, int64_t now_us);
  void on_list(Training& training, const Arrival& arrival, int64_t now_us);
  void watch(Training& training, int64_t now_us);
  void on_look(Training& training, const Arrival& arrival, int64_t now_us);
  void accept(Training& training, const std::string& training_id, int64_t now_us);
  void end_by(Training& training, const replicate::Prediction& seen, int64_t now_us);

  // Sends a question with the token of the training, or puts it off.
  bool ask(Training& training, const replicate::Request& request, int64_t now_us);
  // An answer that says nothing: again later, or the end after so many.
  void again(Training& training, const replicate::Answer& answer, const char* message, int64_t now_us);
  void record(Training& training, std::function<void()> write, int64_t now_us);
  void finish(Training& training, store::trainings::End end, int64_t now_us);
  void fail(Training& training, const std::string& message, const std::string& for_admins, int64_t now_us);
  void cancel(Training& training, int64_t now_us);

  // The URL that is sent along; empty for none.
  static std::string webhook_of(const Training& training);

  Context& context_;
  Sender& sender_;
  std::map<int64_t, Training> trainings_;
  std::set<std::string> destinations_;  // accounts whose model is known to exist
  int64_t next_look_us_ = 0;
  bool may_start_ = false;
  bool may_be_started_ = false;
};

}  // namespace atelier::worker
