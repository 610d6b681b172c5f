"""Small data files that Python's own libraries wrote, for tests/data/readers.rs.

    pip install numpy pillow && python3 data_files.py ../golden/data
"""

import os
import pickle
import sys

import numpy as np
from PIL import Image

out = sys.argv[1]
os.makedirs(f"{out}/core50", exist_ok=True)


def save(name, value, protocol):
    with open(f"{out}/{name}", "wb") as f:
        pickle.dump(value, f, protocol)


planes = np.array([[(7 * i + 100 * n) % 251 for i in range(3072)] for n in range(2)], np.uint8)
for protocol in range(6):
    head = {"batch_label": "testing batch 1 of 1", "filenames": ["a_s_000001.png", "b_s_000002.png"], "data": planes}
    save(f"cifar10_p{protocol}.pkl", head | {"labels": [3, 9]}, protocol)
    save(f"cifar100_p{protocol}.pkl", head | {"coarse_labels": [1, 2], "fine_labels": [42, 99]}, protocol)

Image.fromarray(np.array([[[255, 0, 10], [1, 2, 3]]], np.uint8)).save(f"{out}/rgb.png")
Image.fromarray(np.array([[0, 65535]], np.uint16)).save(f"{out}/grey16.png")
Image.fromarray(np.full((8, 8, 3), 128, np.uint8)).save(f"{out}/flat.jpg", quality=95)

paths, objects = [], [1, 2, 6, 7]
for session in (1, 2, 3):
    for o in objects:
        paths += [f"s{session}/o{o}/C_{session:02}_{o:02}_{frame:03}.png" for frame in (0, 1)]
rows = list(range(16))[::-1]
parts = [rows[2 * i : 2 * i + 2] for i in range(8)] + [list(range(16, 24))]
label = lambda row: objects[row // 2 % 4] - 1
save("core50/paths.pkl", paths, 0)
save("core50/LUP.pkl", {"ni": [parts], "nc": [[np.array(p) for p in parts]]}, 2)
save("core50/labels.pkl", {"ni": [[[label(r) for r in part] for part in parts]]}, 2)
x = np.stack([np.full((2, 3, 3), row, np.uint8) for row in range(24)])
np.savez(f"{out}/core50/core50_imgs.npz", x=x)
np.savez_compressed(f"{out}/core50/compressed.npz", x=x)
