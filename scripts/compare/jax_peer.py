"""The diffusion model in JAX: training as one compiled scan, sampling as another. Adam by hand, as optax writes it."""

import functools

import jax
import jax.numpy as jnp
import numpy


def parameters(sizes, key):
    """Dense layers, PyTorch's first values."""
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        key, w, b = jax.random.split(key, 3)
        bound = inputs**-0.5
        layers.append(
            (
                jax.random.uniform(w, (inputs, outputs), minval=-bound, maxval=bound),
                jax.random.uniform(b, (outputs,), minval=-bound, maxval=bound),
            )
        )
    return layers


def network(layers, x, embedding):
    h = jnp.concatenate([x, embedding], axis=1)
    for w, b in layers[:-1]:
        h = jax.nn.relu(h @ w + b)
    w, b = layers[-1]
    return h @ w + b


def adam(layers, gradient, first, second, count, rate):
    count = count + 1
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
    c1, c2 = 1.0 - 0.9**count, 1.0 - 0.999**count
    update = lambda p, m, v: p - rate * (m / c1) / (jnp.sqrt(v / c2) + 1e-8)
    return jax.tree.map(update, layers, first, second), first, second, count


def start(d, hidden, constants, seed=0):
    """Parameters, Adam's moments and its step count."""
    layers = parameters([d + constants["times"].shape[1], *hidden, d], jax.random.key(seed))
    zeros = lambda: jax.tree.map(jnp.zeros_like, layers)
    return layers, zeros(), zeros(), jnp.float32(0.0)


def constants(schedule, times):
    names = ["signal", "sigma", "growth", "share", "spread"]
    return {name: jnp.asarray(getattr(schedule, name)) for name in names} | {"times": jnp.asarray(times)}


@functools.partial(jax.jit, donate_argnums=0)
def train(state, data, order, key, constants, rate):
    """One iteration for each row of `order` (iterations, batch): row numbers of the data."""

    def iteration(carry, rows):
        (layers, first, second, count), key = carry
        key, at, noise = jax.random.split(key, 3)
        x = data[rows]
        t = jax.random.randint(at, rows.shape, 0, len(constants["times"]))
        eps = jax.random.normal(noise, x.shape)
        x_t = constants["signal"][t, None] * x + constants["sigma"][t, None] * eps
        loss = lambda layers: jnp.mean((eps - network(layers, x_t, constants["times"][t])) ** 2)
        value, gradient = jax.value_and_grad(loss)(layers)
        return (adam(layers, gradient, first, second, count, rate), key), value

    (state, _), losses = jax.lax.scan(iteration, (state, key), order)
    return state, losses


@functools.partial(jax.jit, static_argnums=(3, 4))
def sample(layers, key, constants, n, d):
    """The points of all reverse steps, (T + 1, n, d)."""
    begin, noise = jax.random.split(key)
    x = jax.random.normal(begin, (n, d))

    def step(x, at):
        c, key = at
        eps = network(layers, x, jnp.broadcast_to(c["times"], (n, len(c["times"]))))
        x = c["growth"] * (x - c["share"] * eps) + c["spread"] * jax.random.normal(key, x.shape)
        return x, x

    keys = jax.random.split(noise, len(constants["times"]))
    backwards = jax.tree.map(lambda a: a[::-1], constants)
    _, path = jax.lax.scan(step, x, (backwards, keys))
    return jnp.concatenate([x[None], path])


def orders(n, batch, epochs, rng):
    """Row numbers of whole batches, without replacement within an epoch, (iterations, batch)."""
    whole = n // batch
    return numpy.concatenate(
        [rng.permutation(n)[: whole * batch].reshape(whole, batch) for _ in range(epochs)]
    ).astype(numpy.int32)
