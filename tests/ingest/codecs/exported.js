// For a module loader: nothing but exports.
const decode = (input) => ({ data: { bytes: input.bytes.length } });
if (typeof module !== "undefined" && module.exports) module.exports = { decodeUplink: decode };
if (typeof require !== "undefined") require("fs");
