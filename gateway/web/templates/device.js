const {language, words, quantities, details, logged_in: loggedIn} = JSON.parse(byId("data").textContent);
const locale = {vi: "vi", en: "en-GB"}[language];
const number = new Intl.NumberFormat(locale, {maximumFractionDigits: 4});
const spans = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
let aheadMs = 0;  // of this device's clock, of the gateway's

/** A new element: text and what stands in it is text, whatever a device sent. */
function made(tag, text, className) {
  const element = document.createElement(tag);
  element.append(...[text ?? ""].flat());
  if (className) element.className = className;
  return element;
}

/** What was found in one message, in this page's language where there is a sentence for it; else quoted as it is. */
function inWords(detail) {
  for (const [pattern, text] of details) {
    const found = detail.match(pattern);
    if (found) return text.replace(/\{(\d)\}/g, (_, hole) => found[hole]);
  }
  return made("q", detail);
}

const filled = (text, ...values) => values.reduce((filled, value) => filled.replace("{}", value), text);

function span(seconds) {
  const [unit, length] = spans.find(([, length]) => Math.abs(seconds) >= length) || spans[3];
  const count = Math.trunc(seconds / length);
  return new Intl.NumberFormat(locale, {style: "unit", unit, unitDisplay: "long"}).format(count);
}
function ago(ms) {
  const seconds = (Date.now() - aheadMs - ms) / 1000;
  return seconds < 1 ? words.just_now : words.ago.replace("{}", span(seconds));
}
const moment = ms => new Date(ms).toLocaleString(locale);

/** How long ago, and it goes on counting. */
function since(ms) {
  const place = made("span", ago(ms));
  place.dataset.ms = ms;
  return place;
}
setInterval(() => document.querySelectorAll("[data-ms]").forEach(place => { place.textContent = ago(Number(place.dataset.ms)); }), 1000);

/** Ask until told to stop: at once, then every so often while somebody looks, and tell when the gateway does not answer. */
function follow(path, everyMs, show, failed) {
  let turn = 0;
  async function ask() {
    const mine = ++turn;
    try {
      const answer = await fetch(path(), {cache: "no-store"});
      if (answer.status === 401) location.reload();  // the page that asks for the token comes in its place
      const found = await answer.json();
      if (mine !== turn) return;
      if (found.now) aheadMs = Date.now() - found.now;
      show(found, answer.status);
    } catch {
      if (mine === turn) failed();
    }
  }
  setInterval(() => document.hidden || ask(), everyMs);
  document.addEventListener("visibilitychange", () => document.hidden || ask());
  ask();
  return ask;
}
const id = decodeURIComponent(location.pathname.split("/").pop());
byId("name").textContent = id;
let shown = "";

const rows = (place, pairs) => byId(place).replaceChildren(...pairs.flatMap(([label, value]) => [made("dt", label), made("dd", value)]));
const bits = quality => [1, 2, 4, 8, 16, 32, 64, 128].filter(bit => quality & bit).map(bit => words["quality_" + bit]);

function value(field, given) {
  const {name, unit, state} = quantities[field] || {name: field, unit: ""};
  const alarm = state && field.startsWith("alarm_") && given;
  const text = typeof given === "boolean" ? (given ? words.yes : words.no) : number.format(given);
  return made("div", [made("span", name, "soft"), made("b", [text, made("small", unit && " " + unit)], alarm ? "bad" : "")]);
}

function reading(point, waits) {
  const {quality, seq, ...fields} = point.fields;
  const tags = ["channel", "lane", "direction", "vehicle_class"].map(tag => point.tags[tag]).filter(Boolean);
  const head = made("b", [words[point.measurement] || point.measurement, ...tags].join(" · "));
  const values = made("div", Object.entries(fields).map(([field, given]) => value(field, given)), "values");
  const good = made("p", `${words.quality}: ${waits ? words.not_written : bits(quality).join(", ") || words.good}`);
  return made("div", [head, made("p", [`${moment(point.time_ms)} · `, since(point.time_ms)], "soft"), values, good], "box");
}

function points(result, waits) {
  const health = result.points.filter(point => point.measurement === "device_health");
  const [newest, ...older] = result.points.filter(point => !health.includes(point)).sort((one, other) => other.time_ms - one.time_ms);
  const found = [newest, ...health, ...older].filter(Boolean).map(point => reading(point, waits));
  const more = found.length - 3 + result.points_left_out;
  if (more > 1) found.splice(3, found.length, made("details", [made("summary", `${number.format(more)} ${words.more_points}`), ...found.slice(3)]));
  return found;
}

/** What a program said, in English. */
const quoted = detail => made("p", detail ? [`${words.detail}: `, inWords(detail)] : "", "soft");

function refused(result) {
  if (result.reject) {
    const {reason, detail} = result.reject;
    return [made("b", words.was_rejected), made("p", `${words[reason]} (${reason})`), made("p", words["advice_" + reason]), quoted(detail)];
  }
  if (result.duplicates && !result.points.length) return [made("b", words.was_duplicate)];
  if (result.ignored) return [made("b", words.was_ignored), made("p", words[result.ignored] || result.ignored)];
  return result.waits ? [made("b", words.waits), made("p", `${words["waits_" + result.waits.cause]}: ${result.waits.for}`)] : [];
}

function verdict(device) {
  const box = byId("verdict"), gone = device.said_goodbye;
  const troubled = {rejected: ["bad", words.heard_rejected], waiting: ["attention", words.heard_waiting]}[device.fate];
  const [level, headline] = {
    online: troubled || ["good", words.heard], silent: ["bad", gone ? words.said_goodbye : words.heard_not],
    new: ["", words.never_yet], unknown: ["attention", words.never_heard],
  }[device.presence];
  box.className = `box verdict ${level}`;
  box.replaceChildren(made("b", headline), made("span", device.last_seen ? [since(device.last_seen), ` · ${moment(device.last_seen)}`] : ""));
}

function hint(device) {
  const box = byId("hint"), byProfile = device.profile || device.model;
  box.hidden = Boolean(device.last_message);
  box.replaceChildren(made("p", device.last_seen ? words.kept_from_now : words.never_heard_hint));
  if (device.last_seen || byProfile) return;
  box.append(made("p", words.native_sends_to), made("pre", `iot/v1/${device.site || "SITE"}/${device.domain || "water"}/${device.id}/readings`));
}

function about(device) {
  const params = Object.entries(device.params || {}).map(([name, given]) => `${name} = ${given}`).join(", ");
  const offset = device.clock_offset_s === null ? null : `${number.format(device.clock_offset_s)} s`;
  const counters = device.counters.map(({name: key, value, time_ms, doubt}) => {
    const [field, ...tags] = key.split(","), {name, unit} = quantities[field] || {name: field, unit: ""};
    const stands = value === null ? words.counter_exchanged : `${number.format(value)} ${unit} · ${moment(time_ms)}`;
    return [[`${words.counter}: ${name}`, ...tags].join(" · "), stands + (doubt ? ` · ${words.counter_doubted} ${number.format(doubt.value)}` : "")];
  });
  byId("exchange").hidden = !device.counters.length;
  rows("about", [
    [words.site, device.site], [words.area, device.area_name || device.area], [words.domain, words[device.domain]],
    [words.profile, (device.result && device.result.profile) || device.profile], [words.model, device.model], [words.serial, device.serial],
    [words.interval, device.interval_s && span(device.interval_s)], [words.installed, device.installed], [words.params, params],
    [words.clock_offset, offset], [words.seq_missing, device.seq_missing || null], ...counters,
  ].filter(([, text]) => text));
}

function message(device) {
  const last = device.last_message, result = device.result;
  byId("way").hidden = byId("message").hidden = !last;
  byId("readings").hidden = !result;
  byId("drops").hidden = !(result && result.dropped.length);
  const waits = device.fate === "waiting", state = JSON.stringify([last, result, device.steps, waits]);
  if (!last || state === shown) return;  // what somebody reads or copies does not move under the finger
  shown = state;
  const more = byId("points").querySelector("details[open]");
  byId("points").replaceChildren(...(result.points.length ? points(result, waits) : [made("p", words.no_points)]));
  byId("points").querySelectorAll("details").forEach(details => { details.open = Boolean(more); });
  rows("dropped", result.dropped.map(({path, cause}) => [path, words[cause] || cause]));
  byId("steps").replaceChildren(...device.steps.flatMap(({what, value}, at) => {
    const again = at && device.steps[at - 1].what === what;
    return [...(again ? [] : [made("dt", words["step_" + what] || what)]), made("dd", value)];
  }));
  byId("came").textContent = [last.topic, moment(last.arrival_ms), `${number.format(last.size_bytes)} ${words.bytes}`,
    ...(last.cut ? [words.left_out] : [])].join(" · ");
  byId("payload").textContent = last.payload ?? last.payload_hex;
}

function show(device, status) {
  if (status !== 200) {
    byId("verdict").className = "box verdict bad";
    byId("verdict").replaceChildren(...(status === 404
      ? [made("b", words.not_found), made("span", words.never_heard_hint)]
      : [made("b", words.verdict_trouble), quoted(device.error)]));
    return;
  }
  verdict(device);
  hint(device);
  const why = device.result ? refused(device.result) : [];
  byId("refused").hidden = !why.length;
  byId("refused").replaceChildren(...why);
  byId("stranger").hidden = device.registered;
  byId("waiting").textContent = device.waiting ? `${words.offered}: ${number.format(device.waiting)} ${words.messages_wait}. ${words.offered_means}` : "";
  if (!device.registered && byId("entry").textContent !== device.registry_entry) byId("entry").textContent = device.registry_entry;
  message(device);
  about(device);
  byId("history").hidden = !device.rejects.length;
  byId("rejects").replaceChildren(...device.rejects.map(({arrival_ms, reason, detail}) =>
    made("div", [made("b", `${words[reason]} (${reason})`), made("p", [`${moment(arrival_ms)} · `, since(arrival_ms)], "soft"), quoted(detail)], "box")));
}

byId("copy").addEventListener("click", () => {
  getSelection().selectAllChildren(byId("entry"));  // the clipboard's own interface wants https
  byId("copy").textContent = document.execCommand("copy") ? words.copied : words.copy;
});
byId("exchanged").addEventListener("click", async () => {
  if (!confirm(`${id}: ${words.exchanged_sure}`)) return;
  const answer = await fetch(`../api/devices/${encodeURIComponent(id)}/exchange`, {method: "POST"}).catch(() => null);
  if (answer && answer.status === 401) {
    location.href = `../login?to=${encodeURIComponent(location.pathname + location.search)}`;
    return;
  }
  const said = answer && await answer.json().catch(() => ({}));
  byId("exchange_said").textContent = !answer ? words.unreachable : answer.ok ? words.exchanged_done : `${words.verdict_trouble}: ${said.error || answer.status}`;
  again();
});
const again = follow(() => `../api/devices/${encodeURIComponent(id)}`, 2000, show, () => {
  byId("verdict").className = "box verdict bad";
  byId("verdict").replaceChildren(made("b", words.unreachable));
});
