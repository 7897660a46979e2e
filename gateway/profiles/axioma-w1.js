// Axioma Qalcosonic W1: water meter. Numbers are little-endian, volumes are litres, times are seconds of the meter's clock.
//
// What the frame is, its length says:
//   5 bytes        alarm: time and alarm bits
//   51, 52 bytes   "enhanced": version 1, time, status, then the log of the day before: the register at 01:00 and what was added
//                  in each of the 23 hours after it, 14 bits each
//   17 + 2 n       "extended": time, status, register, then the log: its first hour, the register then, what each hour added
//   19 + 2 n       the same with the water's temperature before the log
// The clock may be set to local standard time. variables.clock_offset_min says how far ahead of UTC it is (Vietnam: 420).

var HOUR = 3600, DAY = 86400;
var LOG_MAX = 4 * DAY; // the first hour of a log lies no longer ago
var NOT_LOGGED = 0xffffffff;

function decodeUplink(input) {
  var bytes = input.bytes, length = bytes.length;
  if (input.fPort !== 100 && input.fPort !== 103) {
    return { data: {}, warnings: ["port " + input.fPort + " carries no readings; the frame was left out"] };
  }
  var ahead = 60 * (Number(input.variables && input.variables.clock_offset_min) || 0);
  if (length === 5) return { data: { t: uint(bytes, 0, 4) - ahead, alarms: bytes[4] } };
  if (length === 51 || length === 52) {
    return bytes[0] === 1 ? { data: enhanced(bytes, ahead) } : { errors: ["frame version " + bytes[0] + "; version 1 is known"] };
  }
  if (length < 17 || length > 50) return { errors: ["no frame of this meter has " + length + " bytes"] };
  return { data: extended(bytes, ahead) };
}

function enhanced(bytes, ahead) {
  var t = uint(bytes, 1, 4), log_t = t - t % DAY - DAY + HOUR;
  return withLog({ t: t - ahead, status: bytes[5] }, log_t - ahead, uint(bytes, 6, 4), series(bytes, 10, 14, 23));
}

function extended(bytes, ahead) {
  var t = uint(bytes, 0, 4), data = { t: t - ahead, status: bytes[4], total_l: uint(bytes, 5, 4) }, at = 9;
  if (!isLogTime(uint(bytes, at, 4), t) && isLogTime(uint(bytes, at + 2, 4), t)) {
    data.temperature = uint(bytes, at, 2) / 100; // °C
    at += 2;
  }
  var log_t = uint(bytes, at, 4), hours = Math.floor((bytes.length - at - 8) / 2);
  return withLog(data, log_t - log_t % HOUR - ahead, uint(bytes, at + 4, 4), series(bytes, at + 8, 16, hours));
}

function withLog(data, log_t, log_l, deltas) {
  if (log_l === NOT_LOGGED) return data;
  data.log_t = log_t;
  data.log_l = log_l;
  data.deltas = deltas;
  return data;
}

function isLogTime(logged, t) {
  return logged <= t && logged > t - LOG_MAX;
}

function uint(bytes, at, size) {
  return series(bytes, at, 8 * size, 1)[0];
}

// count numbers of so many bits, the first from the lowest bit of the byte at
function series(bytes, at, bits, count) {
  var list = [], size = Math.pow(2, bits);
  for (var i = 0; i < count; i++) {
    var first = at + (i * bits >> 3), shift = i * bits & 7, value = 0;
    for (var j = first + (shift + bits - 1 >> 3); j >= first; j--) value = value * 256 + bytes[j];
    list.push(Math.floor(value / Math.pow(2, shift)) % size);
  }
  return list;
}
