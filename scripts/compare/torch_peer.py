"""The diffusion model in PyTorch, as most people write it."""

import numpy
import torch


class Model:
    def __init__(self, d, hidden, schedule, times, rate=1e-3, fused=False, seed=0):
        torch.manual_seed(seed)
        self.d, self.steps = d, len(times)
        sizes = [d + times.shape[1], *hidden]
        layers = []
        for inputs, outputs in zip(sizes, sizes[1:]):
            layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
        self.network = torch.nn.Sequential(*layers, torch.nn.Linear(sizes[-1], d))
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=rate, fused=fused)
        self.schedule = schedule
        self.times = torch.from_numpy(times)
        self.signal, self.sigma = torch.from_numpy(schedule.signal), torch.from_numpy(schedule.sigma)

    def step(self, x):
        """One iteration on points (n, d)."""
        t = torch.randint(self.steps, (len(x),))
        eps = torch.randn_like(x)
        x_t = self.signal[t, None] * x + self.sigma[t, None] * eps
        predicted = self.network(torch.cat([x_t, self.times[t]], dim=1))
        loss = torch.nn.functional.mse_loss(predicted, eps)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss

    def train(self, data, batch, epochs):
        """Shuffled batches; each epoch's last one is smaller."""
        for _ in range(epochs):
            for rows in torch.randperm(len(data)).split(batch):
                self.step(data[rows])

    @torch.inference_mode()
    def sample(self, n):
        """Yields the points of each reverse step, the start first."""
        x = torch.randn(n, self.d)
        yield x
        s = self.schedule
        for t in reversed(range(self.steps)):
            eps = self.network(torch.cat([x, self.times[t].expand(n, -1)], dim=1))
            x = float(s.growth[t]) * (x - float(s.share[t]) * eps)
            if t > 0:
                x = x + float(s.spread[t]) * torch.randn_like(x)
            yield x


def tensor(points):
    return torch.from_numpy(numpy.ascontiguousarray(points, dtype=numpy.float32))
