"""Training iterations of the network of Ho et al. 2020 (35.7 million parameters, 32 x 32 x 3, batch 128) on a GPU: gdiff beside
PyTorch, both with dropout, clipping and a moving average; run by scripts/cuda_unet.sh. Writes results/cuda/unet.md."""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import torch

from machine import describe
from report import number, table, whole
from unet_peer import UNet, encoding

BATCH, SHORT, LONG, STEPS = 128, 20, 80, 50


def ours(gdiff, folder, tf32):
    """Milliseconds of an iteration, of the longer training less the shorter one, and of a step of sampling; as their status has
    them."""
    text = pathlib.Path("configs/images/cifar10.toml").read_text()
    text, swept = text.split("[[sweep.zip]]")
    assert "isotropy" in swept
    spec, out = pathlib.Path(folder) / "ho.toml", pathlib.Path(folder) / "out"
    spec.write_text(text + f"[sweep]\n\"train.iterations\" = [{SHORT}, {LONG}]\n")
    settings = [
        f"data.path={folder}/cifar", "data.samples=1800", "data.flip=false", "replicates=1", f"sample.count={BATCH}",
        "sample.sampler=ddim", f"sample.steps={STEPS}", "metrics.reference=16", "train.warmup=0", f"train.batch_size={BATCH}",
    ]
    command = [gdiff, "run", spec, "--quiet", "--device", "cuda", "--batch-runs", "1", "--out", out]
    for setting in settings:
        command += ["--set", setting]
    environment = os.environ | ({} if tf32 else {"NVIDIA_TF32_OVERRIDE": "0"})
    subprocess.run(command, check=True, env=environment)
    seconds = [json.loads(status.read_text())["seconds"] for status in out.glob("runs/*/status.json")]
    assert len(seconds) == 2, seconds
    shutil.rmtree(out)
    short, long = sorted(run["train"] for run in seconds)
    return (long - short) / (LONG - SHORT) * 1e3, min(run["sample"] for run in seconds) / STEPS * 1e3


def theirs(memory, tf32):
    """Milliseconds of an iteration and of a prediction in PyTorch, medians of 30, and the memory in GiB."""
    torch.backends.cudnn.allow_tf32 = tf32
    torch.manual_seed(0)
    net = UNet([3, 32, 32], 128, [1, 2, 2, 2], 2, attention=[16], groups=32, dropout=0.1).cuda().to(memory_format=memory)
    count = sum(p.numel() for p in net.parameters())
    assert count == 35_746_307, count
    parameters = list(net.parameters())
    average = [p.detach().clone() for p in parameters]
    optimizer = torch.optim.Adam(parameters, lr=2e-4, fused=True)
    torch.cuda.reset_peak_memory_stats()

    def step():
        x, eps = (torch.randn(BATCH, 3, 32, 32, device="cuda").to(memory_format=memory) for _ in range(2))
        e = encoding(torch.randint(1, 1001, (BATCH,)), 1000, 128).cuda()
        loss = torch.nn.functional.mse_loss(net(x, e), eps)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        torch._foreach_lerp_(average, [p.detach() for p in parameters], 1e-4)
        torch.cuda.synchronize()

    @torch.inference_mode()
    def predict():
        net(torch.randn(BATCH, 3, 32, 32, device="cuda").to(memory_format=memory), encoding(torch.full((BATCH,), 7), 1000, 128).cuda())
        torch.cuda.synchronize()

    def median(work):
        for _ in range(5):
            work()
        times = []
        for _ in range(30):
            clock = time.perf_counter()
            work()
            times.append(time.perf_counter() - clock)
        return statistics.median(times) * 1e3

    training = median(step)
    peak = torch.cuda.max_memory_allocated() / 2**30
    net.eval()
    return training, median(predict), peak


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gdiff", required=True, help="the program, built with CUDA")
    parser.add_argument("--out", default="results/cuda/unet.md")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    about = [" ".join(line.split()) for line in describe(options.gdiff)]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "cifar").mkdir()
        images = numpy.random.default_rng(0).integers(0, 256, (2000, 3073), dtype=numpy.uint8)
        images[:, 0] %= 10
        (pathlib.Path(folder) / "cifar/data_batch_1.bin").write_bytes(images.tobytes())
        for products, tf32 in [("TF32 in convolutions", True), ("32-bit floats", False)]:
            rounds = []
            for _ in range(options.rounds):
                mine = ours(options.gdiff, folder, tf32)
                contiguous = theirs(torch.contiguous_format, tf32)
                last = theirs(torch.channels_last, tf32)
                rounds.append((mine, contiguous, last))
                print(products, mine, contiguous, last, file=sys.stderr, flush=True)
            for which, name in enumerate(["training iteration", "prediction, in sampling"]):
                columns = [[way[which] for way in one] for one in rounds]
                ratios = [mine / min(contiguous, last) for mine, contiguous, last in columns]
                cells = [number(statistics.median(column)) for column in zip(*columns)]
                ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} .. {max(ratios):.2f})"
                rows.append([f"{name}, {products}", *cells, ratio])
    heads = ["milliseconds", "gdiff", "PyTorch contiguous", "PyTorch channels_last", "gdiff / the faster"]
    page = f"""# A training iteration of Ho's network on one GPU

Made by `./scripts/cuda_unet.sh` on {torch.cuda.get_device_name()}, PyTorch {torch.__version__}. {" ".join(about)}

{table(heads, rows)}

32 x 32 x 3, 35,746,307 parameters, batch {BATCH}, dropout 0.1, Adam in one kernel, clipping and a moving average on both sides.
gdiff's batches, noise and steps are drawn on the host, by streams that do not depend on the device; its iteration is the
difference of trainings of {LONG} and {SHORT} iterations, and its prediction a step of a whole sampling of {BATCH} images, with the
sampler's arithmetic on the host and the metrics at the end. PyTorch: median of 30 iterations; the prediction alone. Medians of {options.rounds} rounds in turn, and the
ratio's smallest and largest. PyTorch takes TF32 in convolutions unless it is told otherwise; so does cuDNN for gdiff, and
`NVIDIA_TF32_OVERRIDE=0` forbids it.
"""
    with whole(options.out) as file:
        file.write(page)
    print(page)


if __name__ == "__main__":
    main()
