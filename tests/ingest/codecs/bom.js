// A file with a mark of byte order, and a comment that is not UTF-8: ¶Á.
function decodeUplink(input) { return { data: { ok: true } }; }
// no line end here