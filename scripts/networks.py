"""The FID's Inception-v3 and ResNet-50 as PyTorch modules of our own, and weights by a rule that other languages can follow.

Used by features_test.py and oracles/networks.py. Needs numpy and torch, any version from 1.13 on.
"""

import numpy
import torch
import torch.nn.functional as F
from torch import nn


class Unit(nn.Module):
    """Convolution without bias, batch normalization with stored moments, max(0, .)."""

    def __init__(self, inputs, outputs, kernel, **options):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, bias=False, **options)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


def average(x):
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def largest(x):
    return F.max_pool2d(x, 3, stride=1, padding=1)


class Block35(nn.Module):
    def __init__(self, inputs, pooled):
        super().__init__()
        self.branch1x1 = Unit(inputs, 64, 1)
        self.branch5x5_1 = Unit(inputs, 48, 1)
        self.branch5x5_2 = Unit(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = Unit(inputs, 64, 1)
        self.branch3x3dbl_2 = Unit(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Unit(96, 96, 3, padding=1)
        self.branch_pool = Unit(inputs, pooled, 1)

    def forward(self, x):
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        five = self.branch5x5_2(self.branch5x5_1(x))
        return torch.cat([self.branch1x1(x), five, double, self.branch_pool(average(x))], 1)


class To17(nn.Module):
    def __init__(self):
        super().__init__()
        self.branch3x3 = Unit(288, 384, 3, stride=2)
        self.branch3x3dbl_1 = Unit(288, 64, 1)
        self.branch3x3dbl_2 = Unit(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Unit(96, 96, 3, stride=2)

    def forward(self, x):
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, F.max_pool2d(x, 3, stride=2)], 1)


class Block17(nn.Module):
    def __init__(self, inner):
        super().__init__()
        row, column = {"kernel": (1, 7), "padding": (0, 3)}, {"kernel": (7, 1), "padding": (3, 0)}
        self.branch1x1 = Unit(768, 192, 1)
        self.branch7x7_1 = Unit(768, inner, 1)
        self.branch7x7_2 = Unit(inner, inner, **row)
        self.branch7x7_3 = Unit(inner, 192, **column)
        self.branch7x7dbl_1 = Unit(768, inner, 1)
        self.branch7x7dbl_2 = Unit(inner, inner, **column)
        self.branch7x7dbl_3 = Unit(inner, inner, **row)
        self.branch7x7dbl_4 = Unit(inner, inner, **column)
        self.branch7x7dbl_5 = Unit(inner, 192, **row)
        self.branch_pool = Unit(768, 192, 1)

    def forward(self, x):
        single = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), single, double, self.branch_pool(average(x))], 1)


class To8(nn.Module):
    def __init__(self):
        super().__init__()
        self.branch3x3_1 = Unit(768, 192, 1)
        self.branch3x3_2 = Unit(192, 320, 3, stride=2)
        self.branch7x7x3_1 = Unit(768, 192, 1)
        self.branch7x7x3_2 = Unit(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = Unit(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = Unit(192, 192, 3, stride=2)

    def forward(self, x):
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), seven, F.max_pool2d(x, 3, stride=2)], 1)


class Block8(nn.Module):
    def __init__(self, inputs, pool):
        super().__init__()
        self.pool = pool
        self.branch1x1 = Unit(inputs, 320, 1)
        self.branch3x3_1 = Unit(inputs, 384, 1)
        self.branch3x3_2a = Unit(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = Unit(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = Unit(inputs, 448, 1)
        self.branch3x3dbl_2 = Unit(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = Unit(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = Unit(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = Unit(inputs, 192, 1)

    def forward(self, x):
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        maps = [self.branch1x1(x), self.branch3x3_2a(three), self.branch3x3_2b(three)]
        maps += [self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double), self.branch_pool(self.pool(x))]
        return torch.cat(maps, 1)


class Inception(nn.Module):
    """As in the FID; the logits are without the bias of the last layer."""

    side = 299

    def __init__(self):
        super().__init__()
        self.Conv2d_1a_3x3 = Unit(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Unit(32, 32, 3)
        self.Conv2d_2b_3x3 = Unit(32, 64, 3, padding=1)
        self.MaxPool_1 = nn.MaxPool2d(3, stride=2)
        self.Conv2d_3b_1x1 = Unit(64, 80, 1)
        self.Conv2d_4a_3x3 = Unit(80, 192, 3)
        self.MaxPool_2 = nn.MaxPool2d(3, stride=2)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = Block35(192, 32), Block35(256, 64), Block35(288, 64)
        self.Mixed_6a = To17()
        self.Mixed_6b, self.Mixed_6c = Block17(128), Block17(160)
        self.Mixed_6d, self.Mixed_6e = Block17(160), Block17(192)
        self.Mixed_7a = To8()
        self.Mixed_7b, self.Mixed_7c = Block8(1280, average), Block8(2048, largest)
        self.fc = nn.Linear(2048, 1008)

    def forward(self, x):
        for name, layer in self.named_children():
            x = x if name == "fc" else layer(x)
        features = x.mean(dim=(2, 3))
        return features, features @ self.fc.weight.T


class Bottleneck(nn.Module):
    def __init__(self, inputs, inner, stride, shortcut):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, inner, 1, bias=False), nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3, self.bn3 = nn.Conv2d(inner, 4 * inner, 1, bias=False), nn.BatchNorm2d(4 * inner)
        if shortcut:
            conv = nn.Conv2d(inputs, 4 * inner, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(4 * inner))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + (self.downsample(x) if hasattr(self, "downsample") else x))


class ResNet50(nn.Module):
    side = 224

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        inputs = 64
        for group, (count, inner) in enumerate([(3, 64), (4, 128), (6, 256), (3, 512)], 1):
            blocks = []
            for index in range(count):
                blocks.append(Bottleneck(inputs, inner, 2 if group > 1 and index == 0 else 1, index == 0))
                inputs = 4 * inner
            setattr(self, f"layer{group}", nn.Sequential(*blocks))

    def forward(self, x):
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return x.mean(dim=(2, 3)), None


def uniform(tensor, count):
    """Numbers from 0 to 1 of tensor number `tensor`: SplitMix64 of `2^32 tensor + i + 1` times its constant."""
    z = numpy.arange(1, count + 1, dtype=numpy.uint64) + numpy.uint64(tensor << 32)
    z *= numpy.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    z ^= z >> numpy.uint64(31)
    return (z >> numpy.uint64(11)).astype(numpy.float64) / 2.0**53


def rule(tensor, name, shape):
    """The weights of tensor number `tensor` of the names in their order, in single precision."""
    u = uniform(tensor, int(numpy.prod(shape))).reshape(shape)
    if len(shape) == 4:
        values = (2 * u - 1) * numpy.sqrt(6 / numpy.prod(shape[1:]))
    elif len(shape) == 2:
        values = (2 * u - 1) * numpy.sqrt(3 / shape[1])
    elif name.endswith("running_var"):
        values = 0.5 + u
    elif name.endswith("weight"):
        values = 0.8 + 0.4 * u
    else:
        values = 0.2 * u - 0.1
    return values.astype(numpy.float32)


def with_rule(network):
    """Gives a network the weights of the rule, and double precision. Returns the weights by name."""
    names = sorted(name for name in network.state_dict() if not name.endswith("num_batches_tracked"))
    shapes = {name: tuple(network.state_dict()[name].shape) for name in names}
    weights = {name: rule(place, name, shapes[name]) for place, name in enumerate(names)}
    network.load_state_dict({name: torch.from_numpy(w) for name, w in weights.items()}, strict=False)
    network.double().eval()
    return weights


def layers(network, x):
    """The output of every layer, by the name that gdiff gives it: after batch normalization, and max(0, .) where it follows."""
    seen, hooks = {}, []

    def keep(name, rectified):
        def hook(_, __, output):
            seen[name] = F.relu(output) if rectified else output

        return hook

    for name, module in network.named_modules():
        last = name.split(".")[-1]
        if isinstance(network, Inception):
            wanted = isinstance(module, Unit) or (name and "." not in name and last != "fc")
            if wanted:
                hooks.append(module.register_forward_hook(keep(name, False)))
        elif isinstance(module, nn.BatchNorm2d):
            own = name.replace("bn", "conv").replace("downsample.1", "downsample")
            rectified = last in ("bn1", "bn2")
            hooks.append(module.register_forward_hook(keep(own, rectified)))
        elif isinstance(module, Bottleneck) or name == "maxpool":
            hooks.append(module.register_forward_hook(keep(name, False)))
    with torch.no_grad():
        features, logits = network(x)
    for hook in hooks:
        hook.remove()
    seen["AvgPool" if logits is not None else "avgpool"] = features
    if logits is not None:
        seen["logits"] = logits
    return seen


def picture(side):
    """An input `(1, 3, side, side)` by a formula, in single precision."""
    c, y, x = numpy.meshgrid(numpy.arange(3), numpy.arange(side), numpy.arange(side), indexing="ij")
    values = numpy.sin(0.11 * y + 0.07 * x + 0.9 * c) * numpy.cos(0.003 * y * x)
    return values.astype(numpy.float32)[None]
