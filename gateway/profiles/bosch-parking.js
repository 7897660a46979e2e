// Bosch parking lot sensor TPS110: whether a vehicle stands over it. The port says what kind of frame it is.

var RESET_CAUSES = { 1: "watchdog", 2: "power on", 3: "system request", 4: "other" };

// port → kind, length, and what the frame tells
var FRAMES = {
  1: ["parking status", 1, function (bytes, data) { data.occupied = (bytes[0] & 1) === 1; }],
  2: ["heartbeat", 1, function (bytes, data) {
    data.occupied = (bytes[0] & 1) === 1;
    if (bytes.length > 1) data.temperature = bytes[1] < 128 ? bytes[1] : bytes[1] - 256; // °C, of the sensor
  }],
  3: ["startup", 17, function (bytes, data) {
    data.firmware_version = [bytes[14], bytes[13], bytes[12]].join(".");
    data.reset_cause = RESET_CAUSES[bytes[15]] || "unknown";
    data.occupied = (bytes[16] & 1) === 1;
  }],
  4: ["device information", 0],
  5: ["device usage", 0],
  6: ["debug", 0]
};

function decodeUplink(input) {
  var frame = FRAMES[input.fPort];
  if (!frame) return { data: {}, warnings: ["port " + input.fPort + " is not known; the frame was left out"] };
  if (input.bytes.length < frame[1]) return { errors: ["the " + frame[0] + " frame is cut"] };
  var data = { type: frame[0] };
  if (frame[2]) frame[2](input.bytes, data);
  return { data: data };
}
