// Keeps everything that it can between calls.
var seen = {}, latest;
function decodeUplink(input) {
  seen["port" + input.fPort] = true;
  if (typeof everywhere === "undefined") everywhere = 0;
  everywhere += 1;
  globalThis["device" + input.fPort] = 1;
  Object.prototype.errors = ["left behind"];
  Array.prototype.extra = 1;
  const strays = Object.keys(globalThis).filter((name) => name.startsWith("device"));
  return { data: { seen: Object.keys(seen), everywhere, strays }, errors: [] };
}
