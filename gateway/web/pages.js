const language = "{language}";
const words = "{words}";
const quantities = "{quantities}";
const details = "{details}";
const loggedIn = "{logged_in}";
const locale = {vi: "vi", en: "en-GB"}[language];
const number = new Intl.NumberFormat(locale, {maximumFractionDigits: 4});
const byId = id => document.getElementById(id);
const asked = new URLSearchParams(location.search).get("language");
const parting = asked ? `?language=${encodeURIComponent(asked)}` : "";  // pages keep the language that was asked for
const spans = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
let aheadMs = 0;  // of this device's clock, of the gateway's

document.querySelectorAll("[data-word]").forEach(place => { place.textContent = words[place.dataset.word]; });
document.querySelectorAll("[data-hint]").forEach(place => { place.placeholder = words[place.dataset.hint]; });
document.querySelectorAll("[data-label]").forEach(place => { place.setAttribute("aria-label", words[place.dataset.label]); });
document.querySelectorAll("a[href]").forEach(link => { link.href += parting; });

/** A new element: text and what stands in it is text, whatever a device sent. */
function made(tag, text, className) {
  const element = document.createElement(tag);
  element.append(...[text ?? ""].flat());
  if (className) element.className = className;
  return element;
}

/** The same page in each language; whatever else was asked for stays. */
document.body.prepend(made("nav", Object.entries({vi: "Tiếng Việt", en: "English"}).map(([code, name]) => {
  const link = made("a", name), there = new URLSearchParams(location.search);
  there.set("language", code);
  link.href = `?${there}`;
  link.lang = code;
  if (code === language) link.setAttribute("aria-current", "true");
  return link;
}), "languages"));

if (loggedIn) {
  const out = made("button", words.log_out);
  out.addEventListener("click", async () => {
    const answer = await fetch("/logout", {method: "POST"}).catch(() => null);
    if (answer && answer.ok) location.assign(`/login${parting}`);
  });
  document.querySelector(".languages").append(out);
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
