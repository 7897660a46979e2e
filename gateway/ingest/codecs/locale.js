// toLocaleString and its kin: English as in the United States, in UTC or in a zone whose clock is never moved. The engine itself
// ignores languages, zones and forms in silence; here what is not known is refused in words. Run by loading.py only for a codec that
// names one of them.
(function () {
  "use strict";
  const { min, max } = Math, { toFixed, toPrecision } = Number.prototype;
  const HOURS = { UTC: 0, GMT: 0, "Etc/UTC": 0, "Etc/GMT": 0, "Asia/Ho_Chi_Minh": 7, "Asia/Saigon": 7, "Asia/Bangkok": 7 };
  const STEADY_FROM_MS = Date.UTC(1976, 0); // before that, clocks in Vietnam were moved
  const WHOLE = ["minimumFractionDigits", "maximumFractionDigits", "maximumSignificantDigits", "minimumIntegerDigits"];
  const DATE = ["month", "day", "year"], TIME = ["hour", "minute", "second"];

  function refuse(name, what) { throw new Error("codec wants " + name + " " + what + ": not available"); }

  function check(name, language, languages, options, known) {
    const first = Array.isArray(language) ? language[0] : language;
    if (first !== undefined && !languages.test(first)) refuse(name, "in " + first);
    const wanted = options ?? {};
    for (const key in wanted)
      if (wanted[key] !== undefined && !known(key, wanted[key])) refuse(name, "with " + key + ": " + wanted[key]);
    return wanted;
  }

  function ofNumber(key, value) {
    return WHOLE.includes(key) ? Number(value) >= 0 : key === "style" ? value === "decimal" || value === "percent" : key === "useGrouping" && typeof value === "boolean";
  }

  function number(language, options) {
    const wanted = check("toLocaleString", language, /^en(-(US|GB|AU|CA|NZ))?$/, options, ofNumber);
    const value = Number(this);
    if (value !== value) return "NaN";
    if (value === Infinity || value === -Infinity) return value < 0 ? "-∞" : "∞";
    const percent = wanted.style === "percent";
    const least = wanted.minimumFractionDigits ?? min(0, wanted.maximumFractionDigits ?? 0);
    const most = wanted.maximumFractionDigits ?? max(least, percent ? 0 : 3);
    const shown = percent ? value * 100 : value;
    if (shown >= 1e21 || shown <= -1e21) refuse("toLocaleString", "of " + value);
    let [whole, part = ""] = (wanted.maximumSignificantDigits
      ? String(Number(toPrecision.call(shown < 0 ? -shown : shown, wanted.maximumSignificantDigits)))
      : toFixed.call(shown < 0 ? -shown : shown, most)).split(".");
    while (part.length > least && part.endsWith("0")) part = part.slice(0, -1);
    whole = whole.padStart(wanted.minimumIntegerDigits ?? 1, "0");
    if (wanted.useGrouping !== false) whole = whole.replace(/\B(?=(\d{3})+$)/g, ",");
    return (shown < 0 ? "-" : "") + whole + (part && "." + part) + (percent ? "%" : "");
  }

  function two(value) { return (value < 10 ? "0" : "") + value; }

  function ofDate(key, value) {
    if (DATE.includes(key) || TIME.includes(key)) return value === "numeric" || value === "2-digit";
    return key === "timeZone" || (key === "hour12" && typeof value === "boolean") || (key === "hourCycle" && (value === "h23" || value === "h12"));
  }

  function moved(name, time, zone) { // the time whose UTC is what the clocks of the zone show
    const offset = /^([+-])(\d\d):?(\d\d)$/.exec(zone);
    const minutes = offset ? (offset[1] + 1) * (offset[2] * 60 + +offset[3]) : Object.hasOwn(HOURS, zone) ? HOURS[zone] * 60 : undefined;
    if (minutes === undefined) refuse(name, "in the zone " + zone);
    if (minutes && !offset && time < STEADY_FROM_MS) refuse(name, "in the zone " + zone + " before 1976");
    return new Date(time.getTime() + minutes * 60000);
  }

  function day(name, time, wanted) {
    const parts = DATE.filter(part => part in wanted);
    if (parts.length === 2 && !parts.includes("month")) refuse(name, "with day and year alone");
    const values = { month: time.getUTCMonth() + 1, day: time.getUTCDate(), year: time.getUTCFullYear() };
    return parts.map(part => wanted[part] === "2-digit" ? two(values[part] % 100) : values[part]).join("/");
  }

  function hour(name, time, wanted) {
    const parts = TIME.filter(part => part in wanted);
    if (parts.length === 2 && !parts.includes("minute")) refuse(name, "with hour and second alone");
    const is24 = wanted.hour12 === undefined ? wanted.hourCycle === "h23" : !wanted.hour12, h = time.getUTCHours();
    const values = { hour: is24 ? h : h % 12 || 12, minute: time.getUTCMinutes(), second: time.getUTCSeconds() };
    const text = parts.map((part, place) => {
      const isTwo = part === "hour" ? is24 || wanted.hour === "2-digit" : parts.length > 1;
      return isTwo ? two(values[part]) : values[part];
    }).join(":");
    return text && text + (is24 || !("hour" in wanted) ? "" : h < 12 ? " AM" : " PM");
  }

  function shown(name, required, defaults) { // as ECMA-402: what is not asked for is shown where nothing of it is
    return function (language, options) {
      const time = this.getTime();
      if (time !== time) return "Invalid Date";
      const wanted = { ...check(name, language, /^en(-US)?$/, options, ofDate) };
      for (const key in wanted) if (wanted[key] === undefined) delete wanted[key];
      if (!required.some(part => part in wanted)) for (const part of defaults) wanted[part] ??= "numeric";
      const there = moved(name, this, wanted.timeZone ?? "UTC");
      return [day(name, there, wanted), hour(name, there, wanted)].filter(text => text !== "").join(", ");
    };
  }

  const methods = [
    [Number.prototype, "toLocaleString", number],
    [Date.prototype, "toLocaleString", shown("toLocaleString", [...DATE, ...TIME], [...DATE, ...TIME])],
    [Date.prototype, "toLocaleDateString", shown("toLocaleDateString", DATE, DATE)],
    [Date.prototype, "toLocaleTimeString", shown("toLocaleTimeString", TIME, TIME)],
  ];
  for (const [object, name, value] of methods) Object.defineProperty(object, name, { value, configurable: true, writable: true });
})()
