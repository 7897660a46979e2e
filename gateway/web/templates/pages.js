const byId = id => document.getElementById(id);
const patienceMs = 8000;

/** Forms marked data-change send their fields to the API, and say what came of it; then the page shows what changed. */
function changing(refresh) {
  document.addEventListener("submit", async event => {
    const form = event.target, {change, done, sure} = form.dataset, said = byId("said");
    if (!change) return;
    event.preventDefault();
    if (sure && !confirm(sure)) return;
    const given = [...new FormData(form)].filter(([, text]) => text !== "");
    const answer = await fetch(`${change}?${new URLSearchParams(given)}`, {method: "POST"}).catch(() => null);
    if (answer?.status === 401) return location.assign(`/login?to=${encodeURIComponent(location.pathname + location.search)}`);
    const found = await answer?.json().catch(() => ({}));
    byId("unreachable").hidden = Boolean(answer);
    if (!answer) return;
    said.textContent = answer.ok ? done.replace(/\{(\w+)\}/g, (_, name) => found[name])
      : said.dataset.refused.replace("{}", () => found.error || answer.status);
    said.classList.toggle("warn", !answer.ok);
    said.hidden = false;
    said.focus();
    refresh();
  });
}

/** Sections marked data-live follow the gateway: the page is fetched again, and what changed takes the place of what was there. */
function live() {
  const main = byId("main"), everyMs = 1000 * main.dataset.every, shown = new Map();
  const sections = () => main.querySelectorAll("[data-live]");
  sections().forEach(section => shown.set(section.id, section.outerHTML));
  const busy = section => section.contains(document.activeElement) || getSelection().type === "Range" && getSelection().containsNode(section, true);
  let turn = 0, waiting = false, more = false;
  async function again() {
    if (document.hidden) return;
    const mine = ++turn;
    waiting = true;
    try {
      const signal = AbortSignal.timeout(patienceMs);  // a gateway that stands still answers nothing, and must not look well
      const answer = await fetch(location.href, {headers: {Accept: "text/html"}, cache: "no-store", signal});
      if (answer.status === 401) location.reload();  // the page that asks for the token comes in its place
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine !== turn) return;  // another was asked for meanwhile
      for (const section of sections()) {
        const fresh = page.getElementById(section.id);
        if (!fresh || shown.get(section.id) === fresh.outerHTML || busy(section)) continue;
        shown.set(section.id, fresh.outerHTML);
        fresh.querySelectorAll("details[id]").forEach(details => { details.open = byId(details.id)?.open ?? details.open; });
        section.replaceWith(fresh);
      }
      byId("unreachable").hidden = true;
    } catch {
      if (mine === turn) byId("unreachable").hidden = false;
    }
    if (mine !== turn) return;
    waiting = false;
    if (more) again();
    more = false;
  }
  if (everyMs) setInterval(() => waiting || again(), everyMs);
  const onNews = () => { if (waiting) more = true; else again(); };  // news that come faster than answers do not stop them
  if (main.dataset.events) new EventSource(main.dataset.events).onmessage = onNews;
  document.addEventListener("visibilitychange", again);
  changing(again);
  document.querySelectorAll("form[data-search]").forEach(form => form.addEventListener("input", () => {
    history.replaceState(null, "", `?${new URLSearchParams(new FormData(form))}`);
    again();
  }));
}
if (byId("main").querySelector("[data-live]")) live();
else changing(() => {});

/** Sections with data-src are loaded when the page stands, and again every data-every seconds: what they show may take long. */
document.querySelectorAll("[data-src]").forEach(section => {
  async function load() {
    if (document.hidden) return;
    const answer = await fetch(section.dataset.src + location.search).catch(() => null);
    if (!answer || !answer.ok) return;  // what was there stays
    const found = new DOMParser().parseFromString(await answer.text(), "text/html");
    section.replaceChildren(...found.body.children);
  }
  load();
  setInterval(load, 1000 * section.dataset.every);
});

