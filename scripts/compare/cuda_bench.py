"""Training, sampling and PRDC on a GPU: gdiff with runs side by side, gdiff on the cores, PyTorch on the GPU; run by
scripts/cuda_bench.sh. Writes results/cuda/gpu.md."""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy
import torch

from machine import describe
from report import number, table, whole

WIDTHS = [[16, 32, 64], [128, 256, 512]]
BATCH, STEPS, POINTS, DIM = 256, 100, 10_000, 2

SPEC = """
name = "cuda_bench"
seed = 1
pipelines = ["baseline"]
[data]
kind = "eight_gaussians"
samples = {points}
[diffusion]
steps = {steps}
[network]
hidden = {hidden}
[train]
batch_size = {batch}
iterations = {iterations}
[sample]
count = {count}
[metrics]
reference = 500
every = {steps}
"""


def run(gdiff, hidden, device, replicates, iterations, count):
    """Seconds of the whole command, and of training and sampling as each run has them in its status."""
    with tempfile.TemporaryDirectory() as folder:
        spec = pathlib.Path(folder) / "spec.toml"
        spec.write_text(SPEC.format(points=POINTS, steps=STEPS, hidden=hidden, batch=BATCH, iterations=iterations, count=count))
        arguments = [gdiff, "run", str(spec), "--out", f"{folder}/out", "--quiet", "--device", device]
        arguments += ["--set", f"replicates={replicates}"]
        if device == "cuda":
            arguments += ["--batch-runs", str(replicates)]
        clock = time.perf_counter()
        subprocess.run(arguments, check=True)
        wall = time.perf_counter() - clock
        seconds = [
            json.loads(status.read_text())["seconds"] for status in pathlib.Path(folder).glob("out/runs/*/status.json")
        ]
        return wall, [s["train"] for s in seconds], [s["sample"] for s in seconds]


class Network(torch.nn.Module):
    """The network of gdiff's baseline: dense layers with ReLU, two numbers of time beside the point."""

    def __init__(self, hidden):
        super().__init__()
        sizes = [DIM + 2, *hidden]
        layers = []
        for inputs, outputs in zip(sizes, sizes[1:]):
            layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
        self.layers = torch.nn.Sequential(*layers, torch.nn.Linear(sizes[-1], DIM))

    def forward(self, x):
        return self.layers(x)


def torch_step(hidden, captured):
    """Milliseconds of one training iteration of one network in PyTorch, Adam in one kernel; `captured` as a CUDA graph."""
    torch.manual_seed(0)
    network = Network(hidden).cuda()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True, capturable=captured)
    data = torch.randn(POINTS, DIM, device="cuda")
    signal = torch.rand(STEPS, device="cuda")
    sigma = (1 - signal**2).sqrt()
    times = torch.randn(STEPS, 2, device="cuda")
    rows = torch.zeros(BATCH, dtype=torch.long, device="cuda")

    def step():
        t = torch.randint(STEPS, (BATCH,), device="cuda")
        x = data[rows]
        eps = torch.randn_like(x)
        x_t = signal[t, None] * x + sigma[t, None] * eps
        loss = torch.nn.functional.mse_loss(network(torch.cat([x_t, times[t]], dim=1)), eps)
        optimizer.zero_grad(set_to_none=not captured)
        loss.backward()
        optimizer.step()

    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(20):
            step()
    torch.cuda.synchronize()
    one = step
    if captured:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step()
        one = graph.replay
    groups = []
    for _ in range(7):
        clock = time.perf_counter()
        for _ in range(100):
            rows.random_(POINTS)
            one()
        torch.cuda.synchronize()
        groups.append((time.perf_counter() - clock) / 100 * 1e3)
    return statistics.median(groups)


@torch.inference_mode()
def torch_sampling(hidden):
    """Seconds for the reverse process of POINTS points in PyTorch on the GPU."""
    network = Network(hidden).cuda()
    times = torch.randn(STEPS, 2, device="cuda")
    seconds = []
    for _ in range(4):
        torch.cuda.synchronize()
        clock = time.perf_counter()
        x = torch.randn(POINTS, DIM, device="cuda")
        for t in reversed(range(STEPS)):
            eps = network(torch.cat([x, times[t].expand(len(x), -1)], dim=1))
            x = 1.01 * (x - 0.1 * eps) + 0.1 * torch.randn_like(x)
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - clock)
    return statistics.median(seconds[1:])


def prdc(gdiff, device, folder):
    clock = time.perf_counter()
    subprocess.run(
        [gdiff, "metrics", f"{folder}/real.npy", f"{folder}/fake.npy", "--device", device],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - clock


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gdiff", required=True, help="the program, built with CUDA")
    parser.add_argument("--out", default="results/cuda/gpu.md")
    chosen = parser.parse_args()
    gdiff = chosen.gdiff
    about = [" ".join(line.split()) for line in describe(gdiff)]
    name = torch.cuda.get_device_name()
    # Starts the driver and the kernels once, so that no measurement pays for it.
    run(gdiff, WIDTHS[0], "cuda", 1, 10, 500)

    iterations = {"cuda": 1000, "cpu": 1000}
    rows = []
    for way, device, count in [
        ("gdiff, CPU, one run on all cores", "cpu", 1),
        ("gdiff, CPU, 64 runs, one a core", "cpu", 64),
        ("gdiff, GPU, 1 run", "cuda", 1),
        ("gdiff, GPU, 16 runs side by side", "cuda", 16),
        ("gdiff, GPU, 64 runs side by side", "cuda", 64),
        ("gdiff, GPU, 256 runs side by side", "cuda", 256),
    ]:
        cells = []
        for hidden in WIDTHS:
            wall, train, _ = run(gdiff, hidden, device, count, iterations[device], 500)
            # Runs side by side share one computation, and each has all of its time in its status; on the CPU runs on
            # different cores overlap, so the wall clock of the whole command counts.
            seconds = max(train) if device == "cuda" else wall
            each = seconds / count / iterations[device] * 1e3
            cells.append(number(each))
            print(way, hidden, number(each), "ms a run and iteration; wall", number(wall), flush=True)
        rows.append([way, *cells])
    for way, captured in [("PyTorch, GPU, 1 run", False), ("PyTorch, GPU, 1 run, as a CUDA graph", True)]:
        cells = [number(torch_step(hidden, captured)) for hidden in WIDTHS]
        print(way, cells, flush=True)
        rows.append([way, *cells])

    sampling = []
    for way, device in [("gdiff, CPU", "cpu"), ("gdiff, GPU", "cuda")]:
        cells = []
        for hidden in WIDTHS:
            _, _, sample = run(gdiff, hidden, device, 1, 10, POINTS)
            cells.append(number(statistics.median(sample)))
        print(way, cells, flush=True)
        sampling.append([way, *cells])
    sampling.append(["PyTorch, GPU", *[number(torch_sampling(hidden)) for hidden in WIDTHS]])
    print(sampling[-1], flush=True)

    with tempfile.TemporaryDirectory() as folder:
        generator = numpy.random.default_rng(1)
        for part in ["real", "fake"]:
            numpy.save(f"{folder}/{part}.npy", generator.standard_normal((10_000, 784)))
        prdc_rows = [[way, number(prdc(gdiff, device, folder))] for way, device in [("CPU", "cpu"), ("GPU", "cuda")]]
        print(prdc_rows, flush=True)

    page = f"""# One GPU

Made by `./scripts/cuda_bench.sh` on {name}. {" ".join(about)}

## Training

{table(["milliseconds a run and iteration", *map(str, WIDTHS)], rows)}

Batch {BATCH}, T = {STEPS}, {DIM} dimensions. Of runs side by side the time of the common computation, divided among
them; on the CPU the wall time of the whole command, start and metrics of 500 points included. PyTorch: median of 7 groups of 100 iterations,
Adam as one kernel.

## Sampling

{table([f"seconds for {POINTS} points and {STEPS} steps", *map(str, WIDTHS)], sampling)}

gdiff's times include metrics at the first and the last step, on the cores.

## PRDC of 10,000 x 10,000 points in 784 dimensions

{table(["`gdiff metrics`, reading included", "seconds"], prdc_rows)}
"""
    with whole(chosen.out) as file:
        file.write(page)
    print(page)


if __name__ == "__main__":
    main()
