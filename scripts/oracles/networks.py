#!/usr/bin/env python3
"""Writes tests/oracles/networks.json: what each layer of Inception-v3 and ResNet-50 gives, by PyTorch in double precision.

    python3 scripts/oracles/networks.py > tests/oracles/networks.json      # numpy and torch; half a minute

Weights and input are the rule and the formula of scripts/networks.py, which the test knows too. Of each layer: its shape,
mean, standard deviation, and three numbers (first, middle, last).
"""

import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import networks


def main():
    result = {"versions": {"torch": torch.__version__}}
    for name, network in [("inception", networks.Inception()), ("resnet50", networks.ResNet50())]:
        weights = networks.with_rule(network)
        seen = networks.layers(network, torch.from_numpy(networks.picture(network.side)).double())
        entries = []
        for layer, output in seen.items():
            flat = output.flatten()
            entries.append(
                {
                    "name": layer,
                    "shape": list(output.shape),
                    "mean": float(flat.mean()),
                    "std": float(flat.std(unbiased=False)),
                    "numbers": [float(flat[i]) for i in (0, len(flat) // 2, len(flat) - 1)],
                }
            )
        shapes = {tensor: list(values.shape) for tensor, values in weights.items()}
        result[name] = {"weights": shapes, "layers": entries}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
