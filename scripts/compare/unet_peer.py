"""The U-Net of docs/model.md in PyTorch, with gdiff's names of the parameters: residual blocks with the step's embedding,
attention, strided convolutions down, nearest upsampling up (Ho et al. 2020). A peer for timings and an oracle for values."""

import math

import torch
from torch import nn
from torch.nn import functional as F


def encoding(t, steps, width):
    """Sines and cosines of 1000 (t - 1) / T, t from 1, shape (n, width)."""
    half = width // 2
    u = 1000.0 * (t.double() - 1) / steps
    angles = u[:, None] * 10_000.0 ** (-torch.arange(half, dtype=torch.float64) / half)[None]
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class Block(nn.Module):
    def __init__(self, inputs, outputs, time, groups, dropout):
        super().__init__()
        self.norm0 = nn.GroupNorm(groups, inputs, eps=1e-6)
        self.conv0 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.time = nn.Conv2d(time, outputs, 1)
        self.norm1 = nn.GroupNorm(groups, outputs, eps=1e-6)
        self.dropout = nn.Dropout(dropout)
        self.conv1 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x, e):
        h = self.conv0(F.silu(self.norm0(x))) + self.time(e)
        h = self.conv1(self.dropout(F.silu(self.norm1(h))))
        return h + (x if self.skip is None else self.skip(x))


class Attention(nn.Module):
    def __init__(self, channels, groups):
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels, eps=1e-6)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.output = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        n, c, h, w = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(n, 3, c, h * w).unbind(1)
        weights = torch.softmax(q.transpose(1, 2) @ k / math.sqrt(c), dim=-1)
        return x + self.output((v @ weights.transpose(1, 2)).reshape(n, c, h, w))


class UNet(nn.Module):
    def __init__(self, image, channels, multipliers, blocks, attention=(), groups=8, dropout=0.0, outputs=None):
        super().__init__()
        self.image, self.channels, self.multipliers, self.blocks = image, channels, multipliers, blocks
        inputs, height, _ = image
        time = 4 * channels
        self.parts = nn.ModuleDict()

        def add(name, module):
            self.parts[name.replace(".", "/")] = module

        add("time0", nn.Conv2d(channels, time, 1))
        add("time1", nn.Conv2d(time, time, 1))
        add("input", nn.Conv2d(inputs, channels, 3, padding=1))
        widths, now, heights = [channels], channels, [height]
        for level, multiplier in enumerate(multipliers):
            for block in range(blocks):
                name = f"down{level}.block{block}"
                add(name, Block(now, multiplier * channels, time, groups, dropout))
                now = multiplier * channels
                if heights[-1] in attention:
                    add(f"{name}.attention", Attention(now, groups))
                widths.append(now)
            if level + 1 < len(multipliers):
                add(f"down{level}.reduce", nn.Conv2d(now, now, 3, stride=2, padding=1))
                widths.append(now)
                heights.append((heights[-1] + 1) // 2)
        add("middle.block0", Block(now, now, time, groups, dropout))
        add("middle.attention", Attention(now, groups))
        add("middle.block1", Block(now, now, time, groups, dropout))
        for level, multiplier in reversed(list(enumerate(multipliers))):
            for block in range(blocks + 1):
                name = f"up{level}.block{block}"
                add(name, Block(now + widths.pop(), multiplier * channels, time, groups, dropout))
                now = multiplier * channels
                if heights[level] in attention:
                    add(f"{name}.attention", Attention(now, groups))
            if level > 0:
                add(f"up{level}.enlarge", nn.Conv2d(now, now, 3, padding=1))
        add("output.norm", nn.GroupNorm(groups, now, eps=1e-6))
        add("output", nn.Conv2d(now, outputs or inputs, 3, padding=1))

    def named(self):
        """gdiff's names and the parameters."""
        return {name.removeprefix("parts.").replace("/", "."): p for name, p in self.named_parameters()}

    def part(self, name, *inputs):
        return self.parts[name.replace(".", "/")](*inputs)

    def forward(self, x, e):
        """x (n, c, h, w), e (n, channels): the encoding of each step."""
        e = F.silu(self.part("time0", e[:, :, None, None].to(x.dtype)))
        e = F.silu(self.part("time1", e))
        h = self.part("input", x)
        skips, levels = [h], len(self.multipliers)

        def block(name, h):
            h = self.part(name, h, e)
            attention = f"{name}.attention"
            return self.part(attention, h) if attention.replace(".", "/") in self.parts else h

        for level in range(levels):
            for number in range(self.blocks):
                h = block(f"down{level}.block{number}", h)
                skips.append(h)
            if level + 1 < levels:
                h = self.part(f"down{level}.reduce", h)
                skips.append(h)
        h = self.part("middle.block0", h, e)
        h = self.part("middle.attention", h)
        h = self.part("middle.block1", h, e)
        for level in reversed(range(levels)):
            for number in range(self.blocks + 1):
                h = block(f"up{level}.block{number}", torch.cat([h, skips.pop()], dim=1))
            if level > 0:
                height, width = skips[-1].shape[2:]
                h = h.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3) if (height % 2 or width % 2) else \
                    F.interpolate(h, scale_factor=2, mode="nearest")
                h = self.part(f"up{level}.enlarge", h[:, :, :height, :width])
        return self.part("output", F.silu(self.part("output.norm", h)))
