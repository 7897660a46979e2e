// Milesight CT101, CT103, CT105: current in one conductor, by a clamp.
// A frame is a list of channel and type (2 bytes) and a value; numbers are little-endian.

// channel and type → length of the value in bytes, and what it adds to the result
var VALUES = {
  "0175": [1, function (value, data) { data.battery = value[0]; }], // %
  "0397": [4, function (value, data) { data.total_current = uint(value, 0, 4) / 100; }], // Ah
  "0498": [2, function (value, data) { data.current = uint(value, 0, 2) / 100; }], // A; 655.35 could not be read
  "0967": [2, function (value, data) { data.temperature = int16(value, 0) / 10; }], // °C, of the conductor
  "8498": [7, function (value, data) {
    data.current_max = uint(value, 0, 2) / 100;
    data.current_min = uint(value, 2, 2) / 100;
    data.current = uint(value, 4, 2) / 100;
    data.alarm = alarms(value[6]);
  }],
  "8967": [3, function (value, data) { data.temperature = int16(value, 0) / 10; }],
  // who the device is; nothing that is measured
  "ff01": [1], "ff09": [2], "ff0a": [2], "ff0b": [1], "ff0f": [1], "ff16": [8], "fffe": [1], "ffff": [2]
};

function decodeUplink(input) {
  var bytes = input.bytes, data = {}, at = 0;
  while (at < bytes.length) {
    var channel = hex(bytes.slice(at, at + 2));
    if (channel.length === 4 && !VALUES.hasOwnProperty(channel)) {
      return { data: data, warnings: ["channel " + channel + " is not known; the rest of the frame was left out"] };
    }
    var known = VALUES[channel] || [1], value = bytes.slice(at + 2, at + 2 + known[0]);
    if (value.length < known[0]) return { errors: ["the frame is cut within channel " + channel] };
    if (known[1]) known[1](value, data);
    at += 2 + known[0];
  }
  return { data: data };
}

function alarms(bits) {
  var names = ["threshold alarm", "threshold alarm release", "over range alarm", "over range alarm release"];
  return names.filter(function (name, bit) { return bits >> bit & 1; });
}

function int16(bytes, at) {
  var value = uint(bytes, at, 2);
  return value < 0x8000 ? value : value - 0x10000;
}

function uint(bytes, at, size) {
  var value = 0;
  for (var i = size - 1; i >= 0; i--) value = value * 256 + bytes[at + i];
  return value;
}

function hex(bytes) {
  var text = "";
  for (var i = 0; i < bytes.length; i++) text += (bytes[i] < 16 ? "0" : "") + bytes[i].toString(16);
  return text;
}
