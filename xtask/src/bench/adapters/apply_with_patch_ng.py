"""`patch-ng` (PyPI) as a tool of the comparison: DIR PATCH, exit 0 when it says that it applied everything."""
import sys

import patch_ng

folder, patch = sys.argv[1:]
read = patch_ng.fromfile(patch)
sys.exit(0 if read and read.apply(strip=0, root=folder, fuzz=True) else 1)
