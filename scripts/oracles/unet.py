#!/usr/bin/env python3
"""Writes tests/oracles/unet.json: outputs and gradients of small U-Nets in PyTorch, in double precision.

    python3 scripts/oracles/unet.py > tests/oracles/unet.json      # PyTorch (python3-torch of Debian will do); at once

Parameter number i of the whole network, in the order of gdiff's layout, is 0.3 sin(1.7 i + 0.3); pixel j of all images is
sin(0.9 j + 0.1), and the loss is the sum of output k times cos(0.7 k). Of each parameter's gradient g the file has the sum
and the sum of g times cos(1.3 i), i from 0 within the parameter.
"""

import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "compare"))
from unet_peer import UNet, encoding  # noqa: E402

torch.set_default_dtype(torch.float64)

CASES = [
    dict(image=[1, 8, 8], channels=4, multipliers=[1, 2, 1], blocks=1, attention=[], groups=2),
    dict(image=[3, 7, 5], channels=6, multipliers=[1, 2], blocks=2, attention=[7], groups=3),
    dict(image=[2, 6, 9], channels=4, multipliers=[2, 1], blocks=1, attention=[3], groups=4),
]


def case(options):
    steps, t = 12, torch.tensor([1, 5, 12])
    net = UNet(**options, outputs=2 * options["image"][0])
    named = net.named()
    start = 0
    for p in named.values():
        i = torch.arange(start, start + p.numel(), dtype=torch.float64)
        p.data = (0.3 * torch.sin(1.7 * i + 0.3)).reshape(p.shape)
        start += p.numel()
    c, h, w = options["image"]
    x = torch.sin(0.9 * torch.arange(3 * c * h * w) + 0.1).reshape(3, c, h, w)
    out = net(x, encoding(t, steps, options["channels"]))
    (out.flatten() * torch.cos(0.7 * torch.arange(out.numel()))).sum().backward()
    sums = {}
    for name, p in named.items():
        g = p.grad.flatten()
        sums[name] = [g.sum().item(), (g * torch.cos(1.3 * torch.arange(g.numel()))).sum().item()]
    return {"options": options, "steps": steps, "t": t.tolist(), "outputs": out.flatten().tolist(), "gradients": sums}


if __name__ == "__main__":
    json.dump({"cases": [case(options) for options in CASES]}, sys.stdout)
    print()
