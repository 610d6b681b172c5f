"""Images resized and turned by Pillow, for tests/data/transforms.rs.

    pip install pillow==11.3.0 && python3 resize.py > resize.json

Pillow 13 takes rows first where that is cheaper, which moves some bytes by one; 11.3 takes columns first always, as docs/data.md says.

The source images are drawn on both sides by one 32-bit linear congruential generator; the golden holds the SHA-256 of each result,
so one bit of one pixel fails it.
"""

import hashlib
import json

import PIL
from PIL import Image

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "area": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
# Height and width of source and result: up, down, mixed, the networks' own sizes, odd ratios.
SIZES = [
    ((32, 32), (128, 128)), ((32, 32), (224, 224)), ((28, 28), (32, 32)), ((128, 128), (32, 32)), ((350, 350), (128, 128)),
    ((7, 5), (5, 7)), ((3, 9), (3, 4)), ((9, 3), (4, 3)), ((1, 1), (5, 6)), ((17, 31), (31, 17)), ((101, 75), (67, 50)), ((2, 2), (1, 1)),
]
ANGLES = [0, 15, 30, 45, 60, 75, 89.5, 90, 133.7, 180, 195, 270, 299.99, 345, 360, -20]


def pixels(n, seed):
    state, out = seed, bytearray()
    for _ in range(n):
        state = (state * 1664525 + 1013904223) % 2**32
        # Runs of equal and extreme values as well as noise.
        value = state >> 24
        out.append(0 if value < 40 else 255 if value > 215 else value)
    return bytes(out)


def image(h, w, c, seed):
    mode = "L" if c == 1 else "RGB"
    return Image.frombytes(mode, (w, h), pixels(h * w * c, seed))


def digest(im):
    return hashlib.sha256(im.tobytes()).hexdigest()


resized = []
for (h, w), (height, width) in SIZES:
    for c in (1, 3):
        for name, code in FILTERS.items():
            new = image(h, w, c, h * 1000 + w).resize((width, height), code)
            resized.append({"from": [h, w, c], "to": [height, width], "filter": name, "sha256": digest(new)})
rotated = []
for h, w in ((28, 28), (9, 14), (32, 31)):
    for angle in ANGLES:
        turned = image(h, w, 3, h * 1000 + w).rotate(angle, Image.Resampling.NEAREST)
        rotated.append({"from": [h, w, 3], "degrees": angle, "sha256": digest(turned)})
grey = digest(image(64, 64, 3, 64064).convert("L"))
print(json.dumps({"pillow": PIL.__version__, "resized": resized, "rotated": rotated, "grey_64": grey}, indent=0))
