"""Spyx: modules of Flax, run by ``spyx.nn.run`` and compiled by ``nnx.jit``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import Job, Work
from .inputs import spikes

NAME = "Spyx"
DISTRIBUTIONS = ("spyx", "jax", "flax")


def _layer(job: Job) -> Callable[[], Any]:
    import spyx.nn
    from flax import nnx

    n = job.size["n_neurons"]
    kind = spyx.nn.RLIF if job.size["recurrent"] else spyx.nn.LIF

    def build() -> Any:
        rngs = nnx.Rngs(0)
        linear = nnx.Linear(n, n, use_bias=False, rngs=rngs)
        return spyx.nn.Sequential(linear, kind((n,), beta=0.95, rngs=rngs))

    return build


def _convolution(job: Job) -> Callable[[], Any]:
    import spyx.nn
    from flax import nnx

    n = job.size["n_filters"]
    wide = job.size["image_size"] - 2  # without padding
    narrow = (wide - 3) // 2 + 1
    options = {"padding": "VALID", "use_bias": False}

    def build() -> Any:
        rngs = nnx.Rngs(0)
        size = narrow * narrow * 2 * n
        return spyx.nn.Sequential(
            nnx.Conv(1, n, (3, 3), rngs=rngs, **options),
            spyx.nn.LIF((wide, wide, n), beta=0.95, rngs=rngs),
            nnx.Conv(n, 2 * n, (3, 3), strides=2, rngs=rngs, **options),
            spyx.nn.LIF((narrow, narrow, 2 * n), beta=0.95, rngs=rngs),
            spyx.nn.Flatten(),
            nnx.Linear(size, 10, use_bias=False, rngs=rngs),
        )

    return build


def _spiking(
    network: Callable[[Job], Callable[[], Any]],
) -> Callable[[Job], Callable[[], Work]]:
    """Let a network be measured on spikes."""

    def prepare(job: Job) -> Callable[[], Work]:
        import jax
        import spyx.nn
        from flax import nnx

        build = network(job)
        size = job.size.get("n_neurons", job.size.get("image_size", 0) ** 2)
        values = spikes(job.batch_size, job.n_steps, size).swapaxes(0, 1)
        if "image_size" in job.size:
            side = job.size["image_size"]
            values = values.reshape((job.n_steps, job.batch_size, side, side, 1))
        x = jax.numpy.array(values)

        def made() -> Work:
            model = build()

            @nnx.jit
            def forward(model: Any, x: Any) -> Any:
                return spyx.nn.run(model, x)[0]

            @nnx.jit
            def train(model: Any, x: Any) -> Any:
                def loss(model: Any) -> Any:
                    return (spyx.nn.run(model, x)[0] ** 2).mean()

                return nnx.value_and_grad(loss)(model)

            return Work(
                lambda: jax.block_until_ready(forward(model, x)),
                lambda: jax.block_until_ready(train(model, x)),
            )

        return made

    return prepare


NETWORKS = {
    "spiking_layer": _spiking(_layer),
    "spiking_convolution": _spiking(_convolution),
}
