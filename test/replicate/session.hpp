// SPDX-License-Identifier: PostgreSQL
// One connection: reads a request, asks the router, delivers the answer as well or as badly as the answer says, and
// again. A session runs on the context of its socket, which has one thread, and keeps itself alive.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "service.hpp"

namespace stand_in {

void start_session(boost::asio::ip::tcp::socket socket, Service& service);

}  // namespace stand_in
