"""Writes src/data/images/digits/images-idx3-ubyte.gz from scikit-learn's table of digits.

    python scripts/digits.py          # needs scikit-learn

The table has 1,797 images of 8 x 8 with values from 0 to 16. A value v becomes the byte round(255 v / 16), which tells all
17 values apart. The file is in the format of MNIST (idx) and gzipped without a time stamp, so that it has the same bytes
each time.
"""

import gzip
import struct
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

images = load_digits().images
assert images.shape == (1797, 8, 8) and images.min() == 0 and images.max() == 16
pixels = np.rint(images * 255 / 16).astype(np.uint8)
assert np.array_equal(np.rint(pixels.astype(float) * 16 / 255), images)
idx = struct.pack(">BBBBIII", 0, 0, 8, 3, *pixels.shape) + pixels.tobytes()
out = Path(__file__).parent.parent / "src/data/images/digits/images-idx3-ubyte.gz"
out.write_bytes(gzip.compress(idx, 9, mtime=0))
print(out, out.stat().st_size, "bytes")
