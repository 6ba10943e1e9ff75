"""Whatever versions there are, whatever the workspace has and the cache holds: a plan gives the target bit for bit."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save
from tests.integration.server.content_kit import DOMAIN, commit, cut, forget, open_store, run
from tests.integration.server.plan_kit import ALL, RAW_ONLY, follow, plan, wish

# One step of a file's life: what happens to its tensors or its lines.
STEPS = st.lists(st.sampled_from(["train", "grow", "bias", "rename", "back", "text"]), min_size=1, max_size=5)


def lives(steps: list[str], seed: int):
    """The versions of a file that goes through `steps`; a `back` is an earlier version again."""
    rng = np.random.default_rng(seed)
    tensors = {"a": rng.standard_normal((200, 128)).astype(np.float32), "b": rng.standard_normal(64).astype(np.float32)}
    versions = [save(tensors)]
    for number, step in enumerate(steps):
        if step == "back":
            versions.append(versions[number // 2])
            continue
        if step == "train":
            tensors = {k: (t + 1e-4 * rng.standard_normal(t.shape)).astype(np.float32) for k, t in tensors.items()}
        elif step == "grow":
            tensors["a"] = np.concatenate([tensors["a"], rng.standard_normal((3, 128)).astype(np.float32)])
        elif step == "bias":
            tensors["b"] = tensors["b"] + np.float32(1)
        elif step == "rename":
            tensors = {f"{k}x": t for k, t in tensors.items()} if "a" in tensors else tensors
            tensors = {("a" if k.startswith("a") else "b"): t for k, t in tensors.items()} | {"extra": np.ones(9000)}
        versions.append(b"line of text\n" * 9000 + bytes([number]) if step == "text" else save(tensors))
    return [cut(version) for version in versions]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    steps=STEPS,
    seed=st.integers(0, 99),
    old=st.integers(-1, 5),
    new=st.integers(0, 5),
    cached=st.sets(st.integers(0, 5)),
    raw=st.booleans(),
)
def test_following_a_plan_gives_the_target(steps, seed, old, new, cached, raw):
    async def body(folder: Path):
        async with open_store(folder) as store:
            versions = lives(steps, seed)
            for n, version in enumerate(versions):
                await commit(store, version, versions[n - 1] if n else None)
            for n, version in enumerate(versions):
                if n not in cached:
                    store.materialized.drop(DOMAIN, version.name)
            forget(store)
            target = versions[new % len(versions)]
            have = None if old < 0 else versions[old % len(versions)]
            codecs = RAW_ONLY if raw else ALL
            part = await plan(store, [wish("f", target, have), wish("g", versions[0])], codecs)
            files, _ = await follow(store, part, {0: have.plain} if have else {}, codecs)
            assert files == {0: target.plain, 1: versions[0].plain}

    with tempfile.TemporaryDirectory() as folder:
        run(lambda: body(Path(folder)))
