// Milesight VS133: people who cross up to four lines and stay in up to four regions.
// A frame is a list of channel and type (2 bytes) and a value; numbers are little-endian.

// channel and type → length of the value in bytes, and what it adds to the result
var VALUES = {
  "0fe3": [4, function (value, data) {
    for (var i = 0; i < 4; i++) of(data, "regions", "region_" + (i + 1)).count = value[i];
  }],
  "10e4": [5, function (value, data) { // s
    var region = of(data, "regions", "region_" + value[0]);
    region.avg_dwell = uint(value, 1, 2);
    region.max_dwell = uint(value, 3, 2);
  }],
  // who the device is; nothing that is measured
  "ff01": [1], "ff09": [2], "ff0a": [2], "ff0b": [1], "ff0f": [1], "ff16": [8], "ff1f": [4], "fffe": [1], "ffff": [2]
};

[1, 2, 3, 4].forEach(function (line) {
  var name = "line_" + line;
  VALUES[hex([3 * line]) + "d2"] = [4, function (value, data) { of(data, "lines", name).total_in = uint(value, 0, 4); }];
  VALUES[hex([3 * line + 1]) + "d2"] = [4, function (value, data) { of(data, "lines", name).total_out = uint(value, 0, 4); }];
  VALUES[hex([3 * line + 2]) + "cc"] = [4, function (value, data) {
    of(data, "lines", name).period_in = uint(value, 0, 2);
    of(data, "lines", name).period_out = uint(value, 2, 2);
  }];
});

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

function of(data, group, name) {
  data[group] = data[group] || {};
  return data[group][name] = data[group][name] || {};
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
