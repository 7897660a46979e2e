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
const mebibytes = new Intl.NumberFormat(locale, {maximumFractionDigits: 1});
const capital = text => text[0].toUpperCase() + text.slice(1);
const fewGroups = 12;
const perSecond = new Intl.NumberFormat(locale, {maximumFractionDigits: 1});
const seconds = 120;
let areasShown = false, myName = "";

function tiles(id, rows) {
  byId(id).replaceChildren(...rows.map(([label, value, bad]) =>
    made("div", [label, made("b", typeof value === "number" ? number.format(value) : value)], bad ? "tile bad" : "tile")));
}
const counts = object => Object.entries(object).map(([key, value]) => [words[key] || key, value]);
const orNone = rows => rows.length ? rows : [[words.none, 0]];

/** What came and what was written in the last two minutes, the newest at the right. */
function draw(rates) {
  const canvas = byId("curve"), pen = canvas.getContext("2d"), top = Math.max(1, ...rates.received, ...rates.written);
  pen.clearRect(0, 0, canvas.width, canvas.height);
  for (const [kind, width] of [["received", 8], ["written", 4]]) {
    pen.beginPath();
    rates[kind].forEach((rate, i) => {
      const x = canvas.width * (seconds - rates[kind].length + i) / (seconds - 1);
      pen[i ? "lineTo" : "moveTo"](x, canvas.height - 8 - (canvas.height - 40) * rate / top);
    });
    pen.strokeStyle = getComputedStyle(byId(kind)).color; pen.lineWidth = width; pen.stroke();
  }
  pen.fillStyle = "#888"; pen.font = "22px system-ui"; pen.fillText(`${number.format(Math.round(top))}/s`, 8, 24);
}

/** How fast readings come and are written: a second, or a minute where few come; and how many wait. */
function pace(rates, pending, influxdbUp) {
  const total = (values, of) => values.slice(-of).reduce((sum, rate) => sum + rate, 0);
  const mean = values => total(values, 5) / Math.max(1, Math.min(5, values.length));
  const slow = Object.values(rates).every(values => mean(values) < 1);
  for (const kind of ["received", "written"]) {
    const shown = slow ? Math.round(total(rates[kind], 60)) : mean(rates[kind]);
    byId(kind).textContent = filled(words[kind + (slow ? "_per_min" : "_per_s")], perSecond.format(shown));
  }
  const waiting = influxdbUp ? pending.journal : pending.journal + pending.memory;
  byId("queued").textContent = waiting ? `${number.format(waiting)} ${words.readings_waiting}` : "";
}

function told({key, params, detail}) {
  const text = words["finding_" + key].replace(/\{(\w+)\}/g, (_, name) =>
    typeof params[name] === "number" ? number.format(params[name]) : ["domain", "reason"].includes(name) ? words[params[name]] : params[name]);
  return made("li", detail ? [`${text}: `, inWords(detail)] : text);
}

function verdict({level, findings}, devices) {
  const box = byId("verdict"), known = Object.values(devices).reduce((sum, count) => sum + count, 0);
  box.className = `box verdict ${level === "trouble" ? "bad" : level}`;
  box.replaceChildren(made("b", words["verdict_" + level]));
  if (findings.length) box.append(made("ul", findings.map(told)));
  else if (known) box.append(filled(words.report_of, number.format(devices.online), number.format(known)));
}

function unreachable() {
  byId("verdict").className = "box verdict bad";
  byId("verdict").replaceChildren(made("b", words.unreachable));
}

/** How far a backlog has come in, or since when it waits. */
function catchUp(now, influxdbUp) {
  byId("catch_up").hidden = !now || influxdbUp && !now.readings_in;  // what is only passing through is no backlog
  if (!now) return;
  const {readings_in: here, readings_left: left, seconds_left: seconds} = now;
  const rest = seconds === null ? "" : filled(words.time_left, span(Math.max(1, Math.ceil(seconds))));
  byId("caught").textContent = influxdbUp
    ? filled(words.catching_up, number.format(here), number.format(here + left)) + rest
    : filled(words.backlog_waits, number.format(left), now.since ? moment(now.since) : "…");
  byId("came_in").hidden = !influxdbUp;
  byId("came_in").max = here + left;
  byId("came_in").value = here;
}

function show(s) {
  aheadMs = Date.now() - s.now;
  verdict(s.verdict, s.devices);
  document.title = `${words.title} · ${s.gateway}`;
  byId("who").textContent = `${s.gateway} · ${s.version} · ${words.since} ${moment(s.since)}`;
  catchUp(s.catch_up, s.influxdb.up);
  const waiting = s.ledger.pending.journal;
  tiles("links", [
    [words.broker, s.mqtt.connected ? words.connected : words.away, !s.mqtt.connected],
    [words.influxdb, s.influxdb.up ? words.connected : words.away, !s.influxdb.up],
    [words.journal, waiting ? `${number.format(waiting)} ${words.readings_waiting}` : words.empty, waiting > 0],
    [words.clock, s.clock_trusted ? words.trusted : words.doubted, !s.clock_trusted],
  ]);
  pace(s.rates, s.ledger.pending, s.influxdb.up);
  draw(s.rates);
  const pending = Object.values(s.ledger.pending).reduce((sum, n) => sum + n, 0);
  tiles("ledger", ["received", "written", "duplicate", "rejected", "expired", "lost"]
    .map(key => [words[key], s.ledger[key], key === "lost" && s.ledger[key] > 0])
    .concat([[words.pending, pending], [words.imbalance, s.ledger.imbalance, s.ledger.imbalance !== 0]]));
  tiles("domains", orNone(counts(s.written)));
  tiles("devices", counts(s.devices).concat(s.unregistered ? [[words.unregistered, s.unregistered]] : []));
  tiles("rejects", orNone(Object.keys({...s.rejects, ...s.rejects_kept}).map(reason => [words[reason],
    [number.format(s.rejects[reason] || 0), made("small", ` · ${number.format(s.rejects_kept[reason] || 0)} ${words.kept}`)]])));
  tiles("dropped", orNone(counts(s.dropped)));
  const suspended = Object.entries(s.codecs.suspended);
  byId("codecs").hidden = !suspended.length;
  const unprotected = s.codecs.confinement || [];
  byId("unconfined").hidden = !unprotected.length;
  byId("unprotected").replaceChildren(...unprotected.map(text => made("li", text)));
  byId("suspended").replaceChildren(...suspended.flatMap(([codec, why]) => [made("dt", codec), made("dd", why)]));
}

/** How many devices a row of the table counts; a share of 100 % is all of them. */
function counted(label, {registered, reporting, silent, new: expected, unknown}, className) {
  const share = registered ? `${number.format(Math.floor(1000 * reporting / registered) / 10)} %` : "–";
  const cells = [registered, reporting, silent, expected + unknown].map(count => number.format(count)).concat(share);
  return made("tr", [made("th", label), ...cells.map(cell => made("td", cell))], className);
}
const domainOf = row => row.domain ? words[row.domain] : words.no_domain;

function coverage(found) {
  const {total} = found, [domains, groups] = [found.domains, found.groups].map(rows => rows.filter(row => row.registered));
  byId("coverage").hidden = !total.registered;
  byId("totals").replaceChildren(counted(words.total, total, "all"), ...domains.map(row => counted(domainOf(row), row)));
  const rows = groups.flatMap((row, at) => {
    if (at && groups[at - 1].area === row.area) return [counted(domainOf(row), row)];
    const area = made("th", row.area === null ? words.no_area : [row.name || "", " ", made("small", row.area)]);
    area.colSpan = 6;
    return [made("tr", [area], "area"), counted(domainOf(row), row)];
  });
  byId("groups").replaceChildren(...rows);
  byId("areas").hidden = groups.every(row => row.area === null);
  if (!areasShown) byId("areas").open = groups.length <= fewGroups;
  areasShown = true;  // from now on as people want it
}

function quarantine({messages, bytes, max_bytes, by_cause, keys}) {
  byId("waits").hidden = !messages;
  tiles("causes", Object.entries(by_cause).map(([cause, count]) => [words["waits_" + cause], count]));
  const size = `${mebibytes.format(bytes / 2 ** 20)} / ${mebibytes.format(max_bytes / 2 ** 20)} MiB`;
  byId("held").textContent = `${number.format(messages)} ${words.messages_wait} · ${size}`;
  byId("waiting").replaceChildren(...keys.flatMap(key => {
    const name = key.cause === "unknown_device" ? made("a", key.key) : key.key;
    if (name.tagName) name.href = `devices/${encodeURIComponent(key.key)}`;
    return [made("dt", name), made("dd", [`${words["waits_" + key.cause]} · ${number.format(key.messages)} · `, since(key.since)])];
  }));
  const others = messages - keys.reduce((sum, key) => sum + key.messages, 0);
  if (keys.length && others > 0) byId("waiting").append(made("dt", "…"), made("dd", number.format(others)));
}

/** The form of who takes an alarm on: name and note, the name as it was last time. */
function acknowledging(id) {
  const [by, note] = [["your_name", 100], ["note", 1000]].map(([word, most]) => {
    const field = made("input");
    field.placeholder = words[word];
    field.setAttribute("aria-label", words[word]);
    field.maxLength = most;
    return field;
  });
  by.required = true;
  by.autocomplete = "name";
  by.value = myName;
  const form = made("form", [by, note, made("button", words.acknowledge)]);
  form.addEventListener("submit", async event => {
    event.preventDefault();
    myName = by.value;
    const query = new URLSearchParams({by: by.value, note: note.value});
    const path = `api/alarms/${encodeURIComponent(id)}/acknowledge?${query}`;
    const answer = await fetch(path, {method: "POST"}).catch(() => null);
    byId("refused").textContent = !answer ? words.unreachable : answer.ok ? "" : `${words.verdict_trouble}: ${answer.status}`;
    form.remove();
    alarmsAgain();
  });
  return form;
}

function alarm(found) {
  const {id, severity, text, advice, device, site, acknowledged, silenced, simulated} = found;
  const where = made(device ? "a" : "span", device || site);
  if (device) where.href = `devices/${encodeURIComponent(device)}`;
  const notes = [acknowledged && filled(words.known_to, acknowledged.by) + (acknowledged.note && `: ${acknowledged.note}`),
    silenced && words.planned_work, simulated && words.simulated].filter(Boolean).map(note => ` · ${note}`);
  const head = [made("b", text[language] || found.alarm), where, device && site ? ` · ${site} · ` : " · ", words["severity_" + severity], " · ", since(found.since_ms), ...notes];
  const item = made("li", [made("div", head), made("small", advice[language])], severity);
  if (loggedIn && !acknowledged) {
    const button = made("button", words.acknowledge);
    button.addEventListener("click", () => button.replaceWith(acknowledging(id)));
    item.append(button);
  }
  return item;
}

function showAlarms({active, alarms}) {
  byId("alarms").hidden = !active;
  if (document.querySelector(".alarms form")) return;  // somebody writes in it
  byId("active").replaceChildren(...alarms.map(alarm));
  byId("more").textContent = active > alarms.length ? filled(words.more_alarms, number.format(active - alarms.length)) : "";
}

/** What each rule looks at, its limits and their source; asked for when somebody wants to know. */
byId("rules").addEventListener("toggle", async () => {
  const answer = byId("rules").open && await fetch("api/alarms/rules").catch(() => null);
  if (!answer || !answer.ok) return;
  const {rules} = await answer.json();
  byId("rule_list").replaceChildren(...rules.flatMap(({alarm, severity, text, when, source}) => [
    made("dt", [text[language], made("br"), made("small", `${alarm} · ${words["severity_" + severity]}`)]),
    made("dd", [...when[language].map(said => made("div", said)), made("small", source)]),
  ]));
});

byId("head").replaceChildren(...["domain", "registered", "reporting", "silent", "unheard", "share"].map(key => made("th", capital(words[key]))));
function listen() {
  const events = new EventSource("api/events");
  events.onmessage = event => show(JSON.parse(event.data));
  events.onerror = () => {
    unreachable();
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 5000);  // refused: it does not try again by itself
  };
}
listen();
const ifAnswered = then => (found, status) => status === 200 && then(found);  // what is wrong, the events tell
const alarmsAgain = follow(() => "api/alarms?most=50", 5000, ifAnswered(showAlarms), () => {});
follow(() => "api/coverage", 30000, ifAnswered(coverage), () => {});
follow(() => "api/quarantine", 10000, ifAnswered(quarantine), () => {});
