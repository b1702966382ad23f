-- For wrk: so many requests a second over all threads, whatever the answers take. Each thread has a list of moments and
-- gives the next one to the connection that is free; a moment that was missed because none was is counted.
-- Arguments: requests a second, threads, the key, then a path to read, or `-` to register changes.
local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long nanos; } moment;
  int clock_gettime(int clock, moment *now);
]]
local moment, monotonic = ffi.new("moment"), 1
local threads = {}
late, worst, count = 0, 0, 0

local function now_ms()
  ffi.C.clock_gettime(monotonic, moment)
  return tonumber(moment.seconds) * 1000 + tonumber(moment.nanos) / 1e6
end

function setup(thread)
  table.insert(threads, thread)
  thread:set("number", #threads)
end

function init(arguments)
  interval = 1000 / arguments[1] * arguments[2]
  offset = 1000 / arguments[1] * (number - 1)
  wrk.headers["Authorization"] = "Bearer " .. arguments[3]
  if arguments[4] == "-" then
    run = string.format("%.0f", now_ms())
    wrk.headers["Content-Type"] = "application/json"
    request = register
  else
    local text = wrk.format("GET", arguments[4])
    request = function() return text end
  end
end

function register()
  count = count + 1
  wrk.headers["Idempotency-Key"] = run .. "-" .. number .. "-" .. count
  return wrk.format("POST", "/intents", nil, '{"text": "Task ' .. count .. ' of ' .. number .. '"}')
end

function delay()
  local now = now_ms()
  due = due or now + offset
  local wait = due - now
  due = due + interval
  if wait < -1 then
    late = late + 1
    worst = math.max(worst, -wait)
  end
  return math.max(0, math.floor(wait + 0.5))
end

function done(summary, latency)
  local all_late, all_worst = 0, 0
  for _, thread in ipairs(threads) do
    all_late = all_late + thread:get("late")
    all_worst = math.max(all_worst, thread:get("worst"))
  end
  local errors = summary.errors
  io.write(string.format("figures %d %d %d %d %d %d %d %d %.1f\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), latency.max, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, all_late, all_worst))
end
