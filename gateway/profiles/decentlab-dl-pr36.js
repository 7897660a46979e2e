// Decentlab DL-PR36: pressure and temperature of water.
// Version, device number, flags that say which sensors follow, then their words, high byte first.

// words, and what they mean; kp is the pressure range's divisor, from the data sheet of the device (8192 for 0 to 3 bar)
var SENSORS = [
  [2, function (words, data, kp) {
    data.pressure = (words[0] - 32768) / kp; // bar
    data.temperature = (words[1] - 32768) / 256; // °C
  }],
  [1, function (words, data) { data.battery_voltage = words[0] / 1000; }] // V
];

function decodeUplink(input) {
  var bytes = input.bytes, at = 5;
  if (bytes.length < at) return { errors: ["the frame is cut"] };
  if (bytes[0] !== 2) return { errors: ["protocol version " + bytes[0] + "; version 2 is known"] };
  var data = { device_id: word(bytes, 1) }, flags = word(bytes, 3);
  var kp = Number(input.variables && input.variables.kp) || 8192;
  for (var i = 0; i < SENSORS.length; i++) {
    if (!(flags >> i & 1)) continue;
    if (bytes.length < at + 2 * SENSORS[i][0]) return { errors: ["the frame is cut"] };
    SENSORS[i][1](words(bytes, at, SENSORS[i][0]), data, kp);
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
