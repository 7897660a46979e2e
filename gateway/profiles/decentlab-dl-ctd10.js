// Decentlab DL-CTD10: depth, temperature and conductivity of water.
// Version, device number, flags that say which sensors follow, then their words, high byte first.

// words, and what they mean
var SENSORS = [
  [4, function (words, data) {
    data.water_depth = words[0] - 32768; // mm
    data.temperature = (words[1] - 32768) / 10; // °C
    data.electrical_conductivity = words[2]; // µS/cm
    data.freezing_flag = words[3];
  }],
  [1, function (words, data) { data.battery_voltage = words[0] / 1000; }] // V
];

function decodeUplink(input) {
  var bytes = input.bytes, at = 5;
  if (bytes.length < at) return { errors: ["the frame is cut"] };
  if (bytes[0] !== 2) return { errors: ["protocol version " + bytes[0] + "; version 2 is known"] };
  var data = { device_id: word(bytes, 1) }, flags = word(bytes, 3);
  for (var i = 0; i < SENSORS.length; i++) {
    if (!(flags >> i & 1)) continue;
    if (bytes.length < at + 2 * SENSORS[i][0]) return { errors: ["the frame is cut"] };
    SENSORS[i][1](words(bytes, at, SENSORS[i][0]), data);
    at += 2 * SENSORS[i][0];
  }
  return { data: data };
}

function word(bytes, at) {
  return bytes[at] * 256 + bytes[at + 1];
}

function words(bytes, at, count) {
  var list = [];
  for (var i = 0; i < count; i++) list.push(word(bytes, at + 2 * i));
  return list;
}
