// SPDX-License-Identifier: PostgreSQL
// One HTTP POST of a webhook to a loopback address, without following redirects, given up after ten seconds. Used by
// the webhook sender only.
#pragma once

#include <boost/asio/io_context.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "webhooks.hpp"

namespace stand_in {

using HeaderLines = std::vector<std::pair<std::string, std::string>>;

// `done` is called once, on the context's thread, with the status of the answer, or 0 when there was none.
void post_webhook(boost::asio::io_context& context, const LoopbackUrl& url, const HeaderLines& headers,
                  std::string body, std::function<void(int status)> done);

}  // namespace stand_in
