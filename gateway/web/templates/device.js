const id = decodeURIComponent(location.pathname.split("/").pop());

byId("exchanged")?.addEventListener("click", async ({target}) => {
  const said = byId("exchange_said"), texts = target.dataset;
  if (!confirm(`${id}: ${texts.sure}`)) return;
  const answer = await fetch(`/api/devices/${encodeURIComponent(id)}/exchange`, {method: "POST"}).catch(() => null);
  if (answer && answer.status === 401) {
    location.href = `/login?to=${encodeURIComponent(location.pathname + location.search)}`;
    return;
  }
  const found = answer && await answer.json().catch(() => ({}));
  said.textContent = !answer ? texts.away : answer.ok ? texts.done : `${texts.failed}: ${found.error || answer.status}`;
});
