// toLocaleString and its kin: the engine has no languages, so all is English as in the United States, and UTC. Run by child.py only
// for a codec that names one of them.
(function () {
  "use strict";
  const { min, max } = Math, { toFixed, toPrecision } = Number.prototype;

  function number(_, options) {
    const value = Number(this), wanted = options || {};
    if (value !== value) return "NaN";
    if (value === Infinity || value === -Infinity) return value < 0 ? "-∞" : "∞";
    const percent = wanted.style === "percent";
    const least = wanted.minimumFractionDigits ?? min(0, wanted.maximumFractionDigits ?? 0);
    const most = wanted.maximumFractionDigits ?? max(least, percent ? 0 : 3);
    const shown = percent ? value * 100 : value;
    let [whole, part = ""] = (wanted.maximumSignificantDigits
      ? String(Number(toPrecision.call(shown < 0 ? -shown : shown, wanted.maximumSignificantDigits)))
      : toFixed.call(shown < 0 ? -shown : shown, most)).split(".");
    while (part.length > least && part.endsWith("0")) part = part.slice(0, -1);
    whole = whole.padStart(wanted.minimumIntegerDigits ?? 1, "0");
    if (wanted.useGrouping !== false) whole = whole.replace(/\B(?=(\d{3})+$)/g, ",");
    return (shown < 0 ? "-" : "") + whole + (part && "." + part) + (percent ? "%" : "");
  }

  function two(value) { return (value < 10 ? "0" : "") + value; }

  function day(time) { return time.getUTCMonth() + 1 + "/" + time.getUTCDate() + "/" + time.getUTCFullYear(); }

  function hour(time, options) {
    const h = time.getUTCHours(), rest = ":" + two(time.getUTCMinutes()) + ":" + two(time.getUTCSeconds());
    return options && options.hour12 === false ? two(h) + rest : (h % 12 || 12) + rest + (h < 12 ? " AM" : " PM");
  }

  function shown(form) {
    return function (_, options) { return this.getTime() === this.getTime() ? form(this, options) : "Invalid Date"; };
  }

  const methods = [
    [Number.prototype, "toLocaleString", number],
    [Date.prototype, "toLocaleString", shown((time, options) => day(time) + ", " + hour(time, options))],
    [Date.prototype, "toLocaleDateString", shown(day)],
    [Date.prototype, "toLocaleTimeString", shown(hour)],
  ];
  for (const [object, name, value] of methods) Object.defineProperty(object, name, { value, configurable: true, writable: true });
})()
