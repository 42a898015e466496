// SPDX-License-Identifier: PostgreSQL
// Trainings in the provider's protocol: the set of pictures and its upload, the model that gets the result, the
// training itself. Requests and answers as values, for the dispatcher's trainer. Nothing here reads a file or sends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/uuid.hpp"
#include "replicate/request.hpp"
#include "replicate/response.hpp"

namespace atelier::replicate {

// A larger file is refused by the provider.
constexpr int64_t kMostSetBytes = 100'000'000;

// "jpg", "png" or "webp" by the first bytes of a picture; empty for anything else.
std::string_view picture_kind(std::string_view head) noexcept;
constexpr size_t kPictureHeadBytes = 12;
// The name of the n-th picture, from 1, without its ending; its caption has the same one.
std::string picture_name(std::string_view trigger_word, int number);

// What stands before and after the file in the body of an upload, and its content type.
struct UploadFrame {
  std::string before;
  std::string after;
  std::string content_type;
};
UploadFrame upload_frame(std::string_view boundary, std::string_view file_name);
constexpr std::string_view kFilesPath = "/files";

// The name of the uploaded set says whose it is, so that a training can be told from its upload alone.
struct SetOwner {
  int64_t training = 0;
  core::Uuid lora;
};
std::string set_name(const SetOwner& owner);
std::optional<SetOwner> owner_in_set_name(std::string_view name);

struct UploadedFile {
  std::string id;
  std::string url;
};
std::optional<UploadedFile> parse_file(std::string_view body);
// The id in the URL of an uploaded file; empty for every other URL.
std::string file_id_in(std::string_view url);
Request get_file(std::string_view file_id);
// The name from the answer to it; empty when there is none.
std::string parse_file_name(std::string_view body);

// One private model per account gets all trainings as versions.
constexpr std::string_view kDestinationName = "atelier-loras";
Request get_destination(std::string_view account);
Request make_destination(std::string_view account);

std::string training_input(std::string_view file_url, std::string_view trigger_word, std::string_view lora_type);
// `trainer` is owner/name; nullopt when it is not. `webhook` is complete, or empty for none.
std::optional<Request> create_training(std::string_view trainer, std::string_view version, std::string_view account,
                                       std::string_view input_json, std::string_view webhook);
// As webhook_for_attempt(), with the number of a training: ?attempt=eq.t<number>.
std::string webhook_for_training(std::string_view webhook_url, int64_t training);
Request get_training(std::string_view training_id);
Request cancel_training(std::string_view training_id);
Request list_trainings();
// As next_page(), for the list of trainings.
std::optional<Request> next_training_page(std::string_view next);

// The training of a page that was made from this input, or that does not show its input and names this webhook; null
// when there is none. The URL of the set is part of the input, so an equal one is the same request.
const Prediction* find_training(const Page& page, core::json::Value input, std::string_view webhook);
// Whether the page holds one of that time that does not show its input and may be the training of this number.
bool may_hide_training(const Page& page, int64_t sent_at_us, int64_t training);
// What it was asked for.
std::string trigger_word_of(const Prediction& training);
std::string set_url_of(const Prediction& training);

struct TrainingResult {
  std::string weights;  // URL
  std::string version;  // owner/name:id, or an id
};
TrainingResult training_result(const Prediction& training);

}  // namespace atelier::replicate
