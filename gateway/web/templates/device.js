const id = decodeURIComponent(location.pathname.split("/").pop());

/** A picture small enough to be sent; none if it cannot be read. What the camera wrote into it, as the place, is left out. */
async function scaled(file, mostBytes) {
  const image = await createImageBitmap(file).catch(() => null);
  if (!image) return null;
  for (const [edge, quality] of [[1280, .75], [1024, .7], [800, .6], [640, .5], [480, .4]]) {
    const share = Math.min(1, edge / Math.max(image.width, image.height)), canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height].map(side => Math.max(1, Math.round(side * share)));
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    const small = await new Promise(made => canvas.toBlob(made, "image/jpeg", quality));
    if (small && small.size <= mostBytes) return small;
  }
  return null;
}

byId("photo_file")?.addEventListener("change", async ({target}) => {
  const said = byId("photo_said"), texts = target.dataset, [file] = target.files;
  if (!file) return;
  const body = await scaled(file, Number(texts.most));
  target.value = "";
  if (!body) { said.textContent = texts.unreadable; return; }
  const answer = await fetch(`/api/devices/${encodeURIComponent(id)}/photo`, {method: "POST", body}).catch(() => null);
  if (answer?.status === 401) return location.assign(`/login?to=${encodeURIComponent(location.pathname)}`);
  const found = await answer?.json().catch(() => ({}));
  if (answer?.ok) location.reload();
  else said.textContent = answer ? texts.refused.replace("{}", () => found.error || answer.status) : texts.away;
});
