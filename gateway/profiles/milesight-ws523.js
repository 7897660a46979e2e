// Milesight WS523: portable socket with a meter.
// A frame is a list of channel and type (2 bytes) and a value; numbers are little-endian.

// channel and type → length of the value in bytes, and what it adds to the result
var VALUES = {
  "0374": [2, function (value, data) { data.voltage = uint(value, 0, 2) / 10; }], // V
  "0480": [4, function (value, data) { data.active_power = uint(value, 0, 4); }], // W
  "0581": [1, function (value, data) { data.power_factor = value[0]; }], // %
  "0683": [4, function (value, data) { data.power_consumption = uint(value, 0, 4); }], // Wh
  "07c9": [2, function (value, data) { data.current = uint(value, 0, 2); }], // mA
  "0870": [1, function (value, data) { data.socket_status = value[0] & 1 ? "on" : "off"; }],
  "ff3f": [1, function (value, data) { data.power_outage = value[0] === 0xff; }],
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
