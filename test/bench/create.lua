-- SPDX-License-Identifier: PostgreSQL
-- What wrk sends to the provider's stand-in: creating requests, each with an input of its own.
wrk.method = "POST"
wrk.path = "/v1/models/sim/ok/predictions"
wrk.headers["Authorization"] = "Bearer r8_bench_000000000000000000000000000000001"
wrk.headers["Content-Type"] = "application/json"

local count = 0

function request()
  count = count + 1
  local body = '{"input":{"prompt":"wrk ' .. count .. '","aspect_ratio":"1:1","num_outputs":1}}'
  return wrk.format(nil, nil, nil, body)
end
