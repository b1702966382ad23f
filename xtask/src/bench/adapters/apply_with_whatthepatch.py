"""`whatthepatch` (PyPI) as a tool of the comparison: DIR PATCH, exit 0 when it says that it applied everything."""
import os
import sys

import whatthepatch

folder, patch = sys.argv[1:]
results = {}
diffs = list(whatthepatch.parse_patch(open(patch, encoding="utf-8", newline="").read()))
if not diffs:
    sys.exit("no diff")
for diff in diffs:
    path = diff.header.new_path if diff.header.new_path != "/dev/null" else diff.header.old_path
    path = path[2:] if path[:2] in ("a/", "b/") else path
    place = os.path.join(folder, path)
    old = open(place, encoding="utf-8", newline="").read() if os.path.exists(place) else ""
    if not diff.changes:
        sys.exit("no changes")
    lines = whatthepatch.apply_diff(diff, old)
    end = "\n" if old.endswith("\n") or not old else ""
    results[place] = "\n".join(lines) + end if lines else None
for place, text in results.items():
    if text is None:
        os.remove(place)
        continue
    os.makedirs(os.path.dirname(place), exist_ok=True)
    open(place, "w", encoding="utf-8", newline="").write(text)
