// `diff` (npm) as a tool of the comparison: DIR PATCH, exit 0 when it says that it applied everything. NODE_PATH names
// the folder that has the package.
const fs = require("fs");
const path = require("path");
const { parsePatch, applyPatch } = require("diff");

const [folder, file] = process.argv.slice(2);
const results = new Map();
const strip = (name) => (name || "").replace(/^[ab]\//, "");
for (const patch of parsePatch(fs.readFileSync(file, "utf8"))) {
  const name = strip(patch.newFileName === "/dev/null" ? patch.oldFileName : patch.newFileName);
  if (!name || !patch.hunks.length) process.exit(1);
  const place = path.join(folder, name);
  const old = fs.existsSync(place) ? fs.readFileSync(place, "utf8") : "";
  const text = applyPatch(old, patch, { fuzzFactor: 2, autoConvertLineEndings: true });
  if (text === false) process.exit(1);
  results.set(place, patch.newFileName === "/dev/null" ? null : text);
}
if (!results.size) process.exit(1);
for (const [place, text] of results) {
  if (text === null) {
    fs.rmSync(place);
    continue;
  }
  fs.mkdirSync(path.dirname(place), { recursive: true });
  fs.writeFileSync(place, text);
}
