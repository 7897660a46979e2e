// Milesight EM300-DI and EM300-DI-Hall: pulse counter or digital input, with air temperature and humidity.
// A frame is a list of channel and type (2 bytes) and a value; numbers are little-endian.

// channel and type → length of the value in bytes, and what it adds to the result
var VALUES = {
  "0175": [1, function (value, data) { data.battery = value[0]; }], // %
  "0367": [2, function (value, data) { data.temperature = int16(value, 0) / 10; }], // °C
  "0468": [1, function (value, data) { data.humidity = value[0] / 2; }], // %
  "0500": [1, function (value, data) { data.gpio = level(value[0]); }],
  "8500": [2, function (value, data) { data.gpio = level(value[0]); data.gpio_alarm = value[1] === 1; }],
  "05c8": [4, function (value, data) { data.pulse = uint(value, 0, 4); }],
  "05e1": [8, water],
  "85e1": [9, function (value, data) { water(value, data); data.water_alarm = ALARMS[value[8]]; }],
  "20ce": [13, function (value, data) {
    var record = { timestamp: uint(value, 0, 4), temperature: int16(value, 4) / 10, humidity: value[6] / 2 };
    if (value[7] === 1) record.gpio = level(value[8]);
    if (value[7] === 2) record.pulse = uint(value, 9, 4);
    remember(data, record);
  }],
  "21ce": [18, function (value, data) {
    var record = { timestamp: uint(value, 0, 4), temperature: int16(value, 4) / 10, humidity: value[6] / 2 };
    if (value[7]) record.water_alarm = ALARMS[value[7]];
    if (value[8] === 1) record.gpio = level(value[9]);
    if (value[8] === 2) water(value.slice(10), record);
    remember(data, record);
  }],
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

var ALARMS = {
  1: "water outage timeout alarm", 2: "water outage timeout alarm release",
  3: "water flow timeout alarm", 4: "water flow timeout alarm release"
};

// What the pulses amount to, in the unit that was set in the device: pulses * water_conv / pulse_conv
function water(value, data) {
  data.water_conv = uint(value, 0, 2) / 10;
  data.pulse_conv = uint(value, 2, 2) / 10;
  data.water = float32(value, 4);
}

function level(value) {
  return value ? "high" : "low";
}

function remember(data, record) {
  (data.history = data.history || []).push(record);
}

// IEEE 754, to the 7 digits that a float of 4 bytes holds
function float32(bytes, at) {
  var bits = uint(bytes, at, 4), sign = bits < 0x80000000 ? 1 : -1;
  var exponent = Math.floor(bits / 0x800000) % 256, fraction = bits % 0x800000;
  if (exponent === 255) return null; // NaN or infinite
  var value = (exponent ? fraction + 0x800000 : fraction * 2) * Math.pow(2, exponent - 150);
  return sign * parseFloat(value.toPrecision(7));
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
