#!/usr/bin/env python3
"""Makes the safetensors file for `gdiff metrics --features inception --weights` of the usual PyTorch file of the FID's
Inception-v3 (pt_inception-2015-12-05-6726825d.pth, which pytorch-fid and torch-fidelity download), and that for
`--features resnet50` of a state_dict of torchvision's ResNet-50.

    python3 scripts/convert_inception.py pt_inception-2015-12-05-6726825d.pth inception.safetensors   # numpy and torch

Names and numbers stay as they are; a prefix that all names share, such as `module.`, is taken away. The same file gives the
same bytes, so that the SHA-256 that gdiff writes into its results names the weights.
"""

import json
import struct
import sys

import numpy

# A name that each network has, and the number of its convolutions.
NETWORKS = {"Mixed_7c.branch_pool.conv.weight": ("Inception-v3", 94), "layer4.2.conv3.weight": ("ResNet-50", 53)}


def write_safetensors(path, tensors):
    """Tensors of single precision, by name, as a safetensors file."""
    header, offset = {}, 0
    arrays = {name: numpy.ascontiguousarray(tensors[name], dtype="<f4") for name in sorted(tensors)}
    for name, array in arrays.items():
        header[name] = {
            "dtype": "F32",
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in arrays.values():
            file.write(array.tobytes())


def convert(state):
    """The tensors of a state_dict that a network needs, under their own names."""
    for inner in ("state_dict", "model"):
        if isinstance(state.get(inner), dict):
            state = state[inner]
    for known, (network, convolutions) in NETWORKS.items():
        ends = [name for name in state if name == known or name.endswith("." + known)]
        if ends:
            prefix = ends[0][: -len(known)]
            break
    else:
        sys.exit("this is the state_dict of neither the FID's Inception-v3 nor torchvision's ResNet-50: no `Mixed_7c...`, no `layer4...`")
    tensors = {
        name[len(prefix) :]: tensor.detach().cpu().numpy()
        for name, tensor in state.items()
        if name.startswith(prefix) and tensor.is_floating_point()
    }
    found = sum(tensor.ndim == 4 and not name.startswith("AuxLogits") for name, tensor in tensors.items())
    if found != convolutions:
        sys.exit(f"{network} has {convolutions} convolutions, but this file {found}")
    if network == "Inception-v3" and tensors["fc.weight"].shape != (1008, 2048):
        sys.exit(
            f"its last layer has shape {tensors['fc.weight'].shape}, not (1008, 2048): this is torchvision's Inception-v3, whose "
            "features are not those of the FID"
        )
    return network, tensors


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    import torch

    network, tensors = convert(torch.load(sys.argv[1], map_location="cpu"))
    write_safetensors(sys.argv[2], tensors)
    print(f"{sys.argv[2]}: {network}, {sum(t.size for t in tensors.values()):,} numbers in {len(tensors)} tensors")


if __name__ == "__main__":
    main()
