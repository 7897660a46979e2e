// Decoder(bytes, port), in an arrow function.
var Decoder = (bytes, port) => ({ level_m: ((bytes[0] << 8) + bytes[1]) / 1000, port: port });
