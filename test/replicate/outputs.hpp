// SPDX-License-Identifier: PostgreSQL
// What a prediction puts out: the JSON value in `output`, and the host that serves the files it names.
#pragma once

#include <string>
#include <vector>

#include "json.hpp"
#include "message.hpp"
#include "store.hpp"

namespace stand_in {

struct Service;

void write_output(JsonWriter& json, const Service& service, const Snapshot& prediction);

// Answers GET /_output/[slow-T/|gone/|redirect/]{id}/{file}; `parts` are those of the path.
Answer output_file(Service& service, const Request& request, const std::vector<std::string>& parts);

}  // namespace stand_in
