// Decentlab DL-PR36: pressure and temperature of water.
// Version, device number, flags that say which sensors follow, then their words, high byte first.

// Words, and what they mean. Of the device: kp, from its data sheet (8192 for 0 to 3 bar). Of the place, where it hangs in open
// water: metres_per_bar (10.2 for fresh water).
var SENSORS = [
  [2, function (words, data, device) {
    data.pressure = (words[0] - 32768) / (Number(device.kp) || 8192); // bar
    if (device.metres_per_bar) data.water_depth = data.pressure * device.metres_per_bar; // m
    data.temperature = (words[1] - 32768) / 256; // °C
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
    SENSORS[i][1](words(bytes, at, SENSORS[i][0]), data, input.variables || {});
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
