// What many makers ship: all three entry points in one file.
function decodeUplink(input) { return { data: Decode(input.fPort, input.bytes, input.variables) }; }
function Decode(fPort, bytes, variables) { return Decoder(bytes, fPort); }
function Decoder(bytes, port) { return { first: bytes[0], entries: 3 }; }
