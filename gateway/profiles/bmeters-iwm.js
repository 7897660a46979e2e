// B METERS IWM-LR3 and IWM-LR4: modules on mechanical water meters. 13 bytes, with two more where the temperature was enabled:
//   0      0x44
//   1..4   |forward - reverse|, eight decimal digits (BCD), lowest byte first, in the unit of the VIF
//   5..8   reverse, the same, always in litres
//   9, 10  weight of a turn (0: 1 L, 1: 10 L, 2: 100 L), medium
//   11     VIF: 0x13 L, 0x14 10 L, 0x15 100 L, 0x16 m3; it rises where eight digits are too few
//   12     alarms, a bit each
//   13, 14 temperature of the water in tenths of a degree: sign and 15 bits, high byte first

var LITRES = { 0x13: 1, 0x14: 10, 0x15: 100, 0x16: 1000 };
var ALARMS = ["magnet", "removal", "fraud", "leak", "reverse_flow", "low_battery"];

function decodeUplink(input) {
  var bytes = input.bytes;
  if (bytes[0] !== 0x44) return { data: {}, warnings: ["frame " + bytes[0] + " carries no readings; it was left out"] };
  if (bytes.length !== 13 && bytes.length !== 15) return { errors: ["a reading has 13 or 15 bytes, this one " + bytes.length] };
  var litres = LITRES[bytes[11]], net = digits(bytes, 1), reverse = digits(bytes, 5);
  if (litres === undefined) return { errors: ["the unit (VIF) " + bytes[11] + " is not known"] };
  if (net < 0 || reverse < 0) return { errors: ["a register holds something else than decimal digits"] };
  var data = { net_l: net * litres, reverse_l: reverse, forward_l: net * litres + reverse, medium: bytes[10] };
  for (var i = 0; i < ALARMS.length; i++) data[ALARMS[i]] = (bytes[12] >> i & 1) === 1;
  data.tamper = data.magnet || data.removal || data.fraud;
  if (bytes.length === 15) data.temperature = (bytes[13] & 0x80 ? -1 : 1) * ((bytes[13] & 0x7f) * 256 + bytes[14]) / 10;
  return { data: data };
}

// eight decimal digits, the lowest two first; -1: there is something else
function digits(bytes, at) {
  var value = 0;
  for (var i = at + 3; i >= at; i--) {
    var high = bytes[i] >> 4, low = bytes[i] & 15;
    if (high > 9 || low > 9) return -1;
    value = value * 100 + high * 10 + low;
  }
  return value;
}
