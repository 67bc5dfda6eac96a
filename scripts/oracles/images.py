"""Writes tests/cases/images: image files of kinds that only other programs write, and what Pillow reads and resizes.

    python scripts/oracles/images.py      # needs Pillow and NumPy

`expected.json` has the values that Pillow reads from each file, upright and as RGB or grey; `resized.json` an image and what
Pillow makes of it with its bicubic and nearest filters.
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

OUT = Path(__file__).parents[2] / "tests/cases/images"
OUT.mkdir(parents=True, exist_ok=True)

# A smooth picture, so that JPEG keeps it: 16 rows, 24 columns.
y, x = np.mgrid[0:16, 0:24]
rgb = np.stack([40 + 8 * x, 30 + 12 * y, 200 - 4 * x - 4 * y], axis=-1).astype(np.uint8)
picture, grey = Image.fromarray(rgb), Image.fromarray(rgb).convert("L")
best = {"quality": 95, "subsampling": 0}

picture.save(OUT / "rgb.jpg", **best)
picture.save(OUT / "progressive.jpg", progressive=True, **best)
grey.save(OUT / "grey.jpg", quality=95)
picture.convert("CMYK").save(OUT / "cmyk.jpg", quality=95)
picture.save(OUT / "lossy.webp", quality=95)
exif = Image.Exif()
exif[0x0112] = 6  # The camera was turned: the image is shown turned by 90 degrees clockwise.
picture.save(OUT / "turned.jpg", exif=exif, **best)
picture.save(OUT / "turned.png", exif=exif)
frames = [picture, Image.fromarray(255 - rgb)]
frames[0].save(OUT / "animated.webp", save_all=True, append_images=frames[1:], duration=50, lossless=True)
frames[0].save(OUT / "animated.png", save_all=True, append_images=frames[1:], duration=50)
frames[0].save(OUT / "a_gif.png", format="GIF")
picture.quantize(16).save(OUT / "palette.png")
picture.quantize(16).save(OUT / "palette_transparent.png", transparency=0)

expected = {}
for path in sorted(OUT.iterdir()):
    if path.suffix in (".png", ".jpg", ".webp") and path.stem != "a_gif":
        image = ImageOps.exif_transpose(Image.open(path))
        if path.stem == "palette_transparent":
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image.convert("RGBA"))
        image = image if image.mode == "L" else image.convert("RGB")
        expected[path.name] = {"shape": np.asarray(image).shape, "pixels": np.asarray(image).ravel().tolist()}
(OUT / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")

random = np.random.default_rng(0).integers(70, 186, (20, 27), dtype=np.uint8)  # No overshoot is cut off.
resized = []
for side in (5, 9, 20, 32):
    for name, kind in (("bicubic", Image.BICUBIC), ("nearest", Image.NEAREST)):
        pixels = np.asarray(Image.fromarray(random).resize((side, side), kind)).ravel().tolist()
        resized.append({"side": side, "resize": name, "pixels": pixels})
colour = np.random.default_rng(1).integers(0, 256, (4, 5, 3), dtype=np.uint8)
out = {
    "shape": random.shape,
    "pixels": random.ravel().tolist(),
    "resized": resized,
    "colour": colour.ravel().tolist(),
    "grey": np.asarray(Image.fromarray(colour).convert("L")).ravel().tolist(),
}
(OUT / "resized.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
