const file = byId("file");
if (file) {
  byId("from_file").hidden = false;
  file.addEventListener("change", async () => {
    const bytes = new Uint8Array(await file.files[0].arrayBuffer());
    const encoding = {255: "utf-16le", 254: "utf-16be"}[bytes[0]] || "utf-8";  // by the mark that Excel puts before the text
    byId("rows").value = new TextDecoder(encoding).decode(bytes);
  });
}
