"""The sketches have the bytes of their definition on any hardware."""

import functools
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from plain_encoders import (
    plain_panel_sketch,
    plain_stress_shape,
    plain_stress_shape_v2,
)

from python_encoders.encoders import ENCODERS
from python_encoders.encoders.panel_sketch import panel_sketch
from python_encoders.encoders.stress_shape import stress_shape
from python_encoders.encoders.stress_shape_v2 import stress_shape_v2

PLAIN = {
    panel_sketch: plain_panel_sketch,
    stress_shape: plain_stress_shape,
    stress_shape_v2: plain_stress_shape_v2,
}
# The plain reference is slow.
SLOW = settings(max_examples=40)
EACH = pytest.mark.parametrize("sketch", PLAIN)

ABC = ["AAA", "BBB", "CCC", "DDD", "EEE"]
# As code points, two of these are one letter with and without a combining accent.
UNICODE = ["é", "e\u0301", "📉", 'say "hi"', "it's", " ", "\u202e", "株価", "\t", "\x1e"]

FILLS = {
    "zero": lambda t, i: 0.0,
    "negative zero": lambda t, i: -0.0,
    "slightly negative": lambda t, i: 0.0 if i else -(2.0**-24),
    "page": lambda t, i: ((31 * t + 17 * i) % 41 - 20) / 1000,
    "scattered": lambda t, i: ((31 * t * t + 17 * i * t + 7 * i) % 4001 - 2000) / 50_000,
    "extreme": lambda t, i: 4.0 if (31 * t + 17 * i) % 41 > 20 else -4.0,
    "highest": lambda t, i: 4.0,
}


def names(num_series: int) -> list[str]:
    return [f"S{i}" for i in range(num_series)]


# (fill, days, ids), SHA-256 of panel-sketch, SHA-256 of stress-shape and of its v2
GOLDEN = [
    # The definition's own.
    (
        ("page", 7, ABC),
        "5f106c9d3444a62efc1ebd61a2b357a25836956305ffe0f966c6623ebcddf3bf",
        "4d201f9bf43475e2f8109ae8219f671d5bdb7cee5b4a75c040bd082f5b8fd062",
        "62d6463c8c3fea24698bf3a4146c61cb51519daf81f94bf9acdfc75349dd792b",
    ),
    (
        ("page", 1, names(1)),
        "601a9870fd89bcf35aae959ae9634c3a11f8bec9948fb96b445a442f6e9806d8",
        "093be77e3c29bfbe9c6951eccff74e17e78120948f5a737b558dbc841f094069",
        "4cf1b68fcf7b9c31f3eb5877cbd177dab6dbcf82505c2cc5d0dd8b391ed49c14",
    ),
    (
        ("zero", 5, names(3)),
        "80422bc3d307b4a25bdafcc84ac7fb01cb55a09810e8b0f37bb12e0edb5c48ca",
        "80422bc3d307b4a25bdafcc84ac7fb01cb55a09810e8b0f37bb12e0edb5c48ca",
        "80422bc3d307b4a25bdafcc84ac7fb01cb55a09810e8b0f37bb12e0edb5c48ca",
    ),
    (
        ("scattered", 65, names(3)),
        "844cf81d9830ebfed475bcaec3b5bfddda431d4c3b4b80c4af24937b47ea2f84",
        "3678004b5f6c167c950fd80dea0a1c5d49c7d7e502b9a1257f97eacb02651a70",
        "7223b2307bda539b52dbe90377fbf31cccc4ae198d7faaa652c460440a55d239",
    ),
    (
        ("scattered", 80, names(40)),
        "5ff8f00121a1a03fe0fdeecc9cca4dd279ac5e5b76576e939e88130ff30db0d5",
        "0b8a7a44b1b96950a135f45b0d63ec03dccfc58235368400ba757dc6585d5e41",
        "e17b0ca6fc7e78024a5610f21a06e69d86d2af3f44b98618739ae14009d0b272",
    ),
    (
        ("scattered", 20, names(200)),
        "10b2ce172e876914fbc28e835b2c4a24c46732b045f05aed3832345ac5bbda0b",
        "94238e662c2de7a60db7e595e95e8f5db5f2c1d89fb7fb54d939cc72560e93bc",
        "a7ae87f12b1fcd9b909b5388fe4bd89449cd8eca1995d25d635a0e70502b6ad4",
    ),
    (
        ("scattered", 20, names(300)),
        "a6ac500c044d2ec2c7392459e8227b3d50b53fc62eaf02f38bf6aa40e44593e4",
        "d993279d854c903aac09ab0124c2ce0010df0c9346f01b810ca42bca656f57f6",
        "1f11c47f71342bac725cb9ea25379d54941442ddd13764133a74cc2ef2692857",
    ),
    (
        ("scattered", 30, UNICODE),
        "e55ae3f1d85566d3afbb85f64d46b1fe7f6bc0164c9b04a86b8ca1f9b2f51399",
        "d95cc25d3c70cbaf9349b55d41308a0ef8523d49dd0c2d53c0d9861320557366",
        "517e3fe523811b89867792ca87794f0def850602fed34db22ce33485a0cd4d6d",
    ),
    (
        ("extreme", 128, names(10)),
        "755dd217bc4a6dd13acfea5e13149f54e5ce2466beb80461247d11375bcfb2b7",
        "1456b5f5322b98181d14cdedda0f02499d107ff239d93e96af4dc1d97dd350f6",
        "0fe53184fdd501bb2344275ccc43b26d2c2b1d697ea5fd9ff41ed90df7e0e9ba",
    ),
    (
        ("highest", 100, names(5)),
        "66d53b0c3b7efa1ef7f556489a64aadfbee785cc83b1393fd8e2d3f2febaba55",
        "7358f0c71b722edb571a7b00d2385ca7d4d3d20eca00d1cf0023b979a902b9df",
        "aa88a300ba82885392de9bd4fbbcb6c429ef8b7816dd0fbc80df7327a586783e",
    ),
]

# Of the panels in `digest_of_vectors.py`.
EVERYWHERE = {
    "panel-sketch": "ae3e16d64fd90b0e8f9cc2cecc2c985e1541d741e948e7a6f1a01f44127b1717",
    "stress-shape": "08caab4f6ccd1b01d07a704482668c52d8418df024524b8e7b90275f506bd7bf",
    "stress-shape-v2": "eabacf5f070c9d748b5810bc9d1516bd82745fda193ae390e9a75fc0c4aea4d4",
}

# The CPU flag, as Linux names it, that a kernel of OpenBLAS needs. Prescott is reported by
# the first name of the CPUs that share its kernel.
KERNELS = {
    "Prescott": {"pni"},
    "Nehalem": {"sse4_2"},
    "Sandybridge": {"avx"},
    "Haswell": {"avx2", "fma"},
    "SkylakeX": {"avx512f", "avx512dq", "avx512bw", "avx512vl"},
}
ALSO_CALLED = {"Katmai": "Prescott"}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def as_bytes(vectors: np.ndarray) -> list[bytes]:
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(vectors), 384)
    return [vector.astype("<f4").tobytes() for vector in vectors]


def made_up(fill: str, num_days: int, num_series: int) -> list[list[float]]:
    return [[FILLS[fill](t, i) for i in range(num_series)] for t in range(num_days)]


def run_apart(*arguments: object, **environment: str) -> Any:
    """Run `digest_of_vectors.py` in a process of its own."""
    done = subprocess.run(
        [
            sys.executable,
            str(Path(__file__).with_name("digest_of_vectors.py")),
            *map(str, arguments),
        ],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@functools.cache
def why_not(kernel: str) -> str | None:
    """Say why this machine cannot run a kernel, if it cannot."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return f"{kernel} is a kernel for x86-64, not for {platform.machine()}"
    described = Path("/proc/cpuinfo")
    if not described.exists():
        return "no /proc/cpuinfo to ask what the CPU has"
    flags = set(described.read_text().split("flags\t\t:", 1)[1].split("\n", 1)[0].split())
    lacking = sorted(KERNELS[kernel] - flags)
    return f"{kernel} needs {', '.join(lacking)}, which the CPU lacks" if lacking else None


def run_on_kernel(kernel: str, num_threads: int, what: str) -> Any:
    """Run it on an OpenBLAS kernel, and check that it did run there."""
    found = run_apart(what, OPENBLAS_CORETYPE=kernel, OPENBLAS_NUM_THREADS=str(num_threads))
    # On a Mac numpy may come with Apple's library, which has no kernels to choose from.
    if found["kernel"] is None:
        pytest.skip("numpy does not come with OpenBLAS here")
    assert ALSO_CALLED.get(found["kernel"], found["kernel"]) == kernel
    assert found["threads"] == min(num_threads, len(os.sched_getaffinity(0)))
    return found


@pytest.mark.parametrize(
    ("made_of", "digests"),
    [(made_of, digests) for made_of, *digests in GOLDEN],
    ids=[f"{fill} {num_days}×{len(ids)}" for (fill, num_days, ids), *_ in GOLDEN],
)
def test_each_sketch_has_its_golden_digests(made_of, digests):
    fill, num_days, ids = made_of
    panel = made_up(fill, num_days, len(ids))

    for sketch, digest in zip(PLAIN, digests, strict=True):
        assert sha256(as_bytes(sketch(np.array([panel]), ids))[0]) == digest
        assert sha256(PLAIN[sketch](panel, ids)) == digest


def test_the_table_of_encoders_has_each_sketch():
    assert ENCODERS["num-scenario-panel-sketch-v1"].encode is panel_sketch
    assert ENCODERS["num-scenario-stress-shape-v1"].encode is stress_shape
    assert ENCODERS["num-scenario-stress-shape-v2"].encode is stress_shape_v2


series_ids = st.sampled_from(UNICODE) | st.text(
    st.characters(codec="utf-8", exclude_characters="\x00\x1f"), min_size=1, max_size=5
)


def ids_of(num_series: int) -> st.SearchStrategy[list[str]]:
    return st.lists(series_ids, min_size=num_series, max_size=num_series, unique=True)


@st.composite
def panels_of_any_size(draw):
    """One or two panels: noise of one size, with peculiar values strewn over it."""
    num_days, num_series = draw(st.integers(1, 80)), draw(st.integers(1, 40))
    shape = (draw(st.integers(1, 2)), num_days, num_series)
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    size = draw(st.sampled_from([0.0, 3 * 2.0**-24, 1e-5, 0.02, 4.0]))
    noise = random.uniform(-size, size, shape)
    halfway = (random.integers(-(2**26), 2**26, shape) + 0.5) * 2.0**-24
    near_zero = (random.integers(-4, 4, shape) + 0.5) * 2.0**-24
    fixed = [0.0, -0.0, 4.0, -4.0, 5e-324, -5e-324, 1e-310, np.nextafter(4.0, 0.0)]
    peculiar = draw(
        st.sampled_from([noise, halfway, near_zero, random.choice(fixed, shape)])
    )
    share = draw(st.sampled_from([0.0, 0.1, 0.9, 1.0]))
    panels = np.where(random.random(shape) < share, peculiar, noise)
    return panels, draw(ids_of(num_series))


@st.composite
def small_panels_of_any_value(draw):
    num_days, num_series = draw(st.integers(1, 12)), draw(st.integers(1, 6))
    panels = npst.arrays(
        np.float64,
        (draw(st.integers(1, 3)), num_days, num_series),
        elements=st.floats(-4.0, 4.0)
        | st.integers(-(2**26), 2**26 - 1).map(lambda whole: (whole + 0.5) * 2.0**-24),
    )
    return draw(panels), draw(ids_of(num_series))


@EACH
@SLOW
@given(panels_of_any_size())
def test_a_sketch_of_any_size_equals_the_plain_reference(sketch, panels_and_ids):
    panels, ids = panels_and_ids

    assert as_bytes(sketch(panels, ids)) == [
        PLAIN[sketch](panel, ids) for panel in panels.tolist()
    ]


@EACH
@SLOW
@given(small_panels_of_any_value())
def test_a_sketch_of_any_values_equals_the_plain_reference(sketch, panels_and_ids):
    panels, ids = panels_and_ids

    assert as_bytes(sketch(panels, ids)) == [
        PLAIN[sketch](panel, ids) for panel in panels.tolist()
    ]


@pytest.mark.parametrize(
    "steps",
    [
        # √(Σx²/64) is k + ½ to the bit, k even: a sum too large by an ulp gives k + 1.
        [32_428_529, 56_478_971, 38_429_807, 29_846_200]
        + [
            55_000_000 + (100_003 * (i + 1) ** 2 + 77_778 * i) % 12_000_001
            for i in range(60)
        ],
        # √(Σx²/256) over the first of eight parts is halfway between two float32.
        [
            30_000_000 + (100_003 * (i + 1) ** 2 + 77_778 * i) % 12_000_001
            for i in range(124)
        ]
        + [23_707_836, 26_788_963, 19_339_647, 2_492_518]
        + [0] * 896,
    ],
    ids=["of all days", "of an eighth of them"],
)
def test_squares_are_added_exactly_beyond_the_whole_numbers_of_float64(steps):
    panel = [[step * 2.0**-24] for step in steps]

    for sketch in (stress_shape, stress_shape_v2):
        assert as_bytes(sketch(np.array([panel]), ["A"])) == [PLAIN[sketch](panel, ["A"])]


def test_of_equal_falls_and_rises_the_first_is_the_turn():
    # The path 0 −1 −1 0 −1 0 0 0: the fall ends on day 1 and the rise on day 3, each of
    # them again later.
    panel = [[0.5 * step] for step in (-1, 0, 1, -1, 1, 0, 0)]
    vector = stress_shape_v2(np.array([panel]), ["A"])[0] * np.float32(7**0.5)

    # Offsets of 4, 2, 1 and 1 days, before and after.
    assert np.allclose(vector[70:78], [0.5, 0.5, 0.5, 0.5, 0.0, 0.0, 0.5, 0.5])
    assert np.allclose(vector[78:86], [0.0, -0.5, -0.5, -0.5, -0.5, -0.5, 0.0, 0.0])


def test_the_first_102_values_of_v2_look_at_no_name():
    panel = np.array([made_up("scattered", 30, 5)])
    named, renamed = stress_shape_v2(panel, ABC), stress_shape_v2(panel, names(5))

    assert np.array_equal(named[:, :102], renamed[:, :102])
    assert not np.isclose(named[:, 102:], renamed[:, 102:]).all()


@EACH
def test_a_sketch_takes_any_memory_layout_and_leaves_it_as_it_was(sketch):
    panels = np.array([made_up("scattered", 9, 5), made_up("extreme", 9, 5)])
    vectors = sketch(panels, ABC)
    apart = np.repeat(np.repeat(panels, 2, axis=2), 3, axis=1)[:, ::3, ::2]
    for other in (np.asfortranarray(panels), apart, panels.astype(">f8")):
        other.flags.writeable = False

        assert as_bytes(sketch(other, ABC)) == as_bytes(vectors)
        assert np.array_equal(other, panels)


@EACH
@pytest.mark.parametrize("fill", FILLS)
def test_no_zero_is_negative(sketch, fill):
    vectors = sketch(np.array([made_up(fill, 70, 4)]), ABC[:4])

    assert not np.signbit(vectors[vectors == 0]).any()


@EACH
@pytest.mark.parametrize(
    "value", [np.nan, np.inf, -np.inf, 4.0000001, -4.1, np.nextafter(4.0, 5.0), 1e308]
)
def test_a_value_without_a_sketch_is_named_with_its_cell(sketch, value):
    panels = np.zeros((3, 4, 5))
    panels[1, 2, 3] = value
    named = f"day 3, series 'DDD' of panel 1 is {value};"

    with pytest.raises(ValueError, match=re.escape(named)):
        sketch(panels, ABC)


@EACH
def test_the_named_panel_counts_from_the_start_of_the_batch(sketch):
    panels = np.zeros((3, 600, 1000))  # each is more than a part of a batch
    panels[2, 599, 999] = -5.0

    with pytest.raises(ValueError, match=r"day 600, series 'S999' of panel 2 is -5\.0;"):
        sketch(panels, names(1000))


@EACH
@pytest.mark.parametrize(
    ("num_days", "num_series", "message"),
    [
        (0, 1, "^0 days;"),
        (1025, 1, "^1025 days;"),
        (1, 0, "^0 series;"),
        (1, 2049, "^2049 series;"),
    ],
)
def test_a_shape_without_a_sketch_is_named(sketch, num_days, num_series, message):
    with pytest.raises(ValueError, match=message):
        sketch(np.zeros((1, num_days, num_series)), names(num_series))


@EACH
@pytest.mark.parametrize(("num_days", "num_series"), [(1024, 1), (1, 2048)])
def test_the_longest_and_the_widest_panel_have_a_sketch(sketch, num_days, num_series):
    ids = names(num_series)
    panel = made_up("scattered", num_days, num_series)

    assert as_bytes(sketch(np.array([panel]), ids)) == [PLAIN[sketch](panel, ids)]


@EACH
@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["A", ""], "series id '' is empty"),
        (["A", "B\x1fC"], r"series id 'B\\x1fC' .* U\+001F or U\+0000"),
        (["A", "\x00mkt"], r"series id '\\x00mkt' .* U\+001F or U\+0000"),
        (["📉", "📉"], "series id '📉' is there more than once"),
        (["A"], "1 series ids for 2 series"),
        (["A", "B", "C"], "3 series ids for 2 series"),
    ],
)
def test_ids_without_a_sketch_are_named(sketch, ids, message):
    with pytest.raises(ValueError, match=message):
        sketch(np.zeros((1, 1, 2)), ids)


@EACH
def test_batches_of_a_thousand_give_each_panel_the_bytes_it_has_alone(sketch):
    # 327 panels of this size are a part of a batch: three of them, and a rest.
    panels = np.random.default_rng(0).uniform(-4.0, 4.0, (1001, 8, 200))
    ids = names(200)
    at_once = as_bytes(sketch(panels, ids))

    for size in (1, 7, 1000):
        starts = range(0, len(panels), size)
        batches = [sketch(panels[i : i + size], ids) for i in starts]
        assert as_bytes(np.concatenate(batches)) == at_once


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("kernel", KERNELS)
def test_bytes_are_the_same_on_every_blas_kernel_and_number_of_threads(kernel, num_threads):
    # An instruction that the CPU lacks would end the process.
    if reason := why_not(kernel):
        pytest.skip(reason)
    found = run_on_kernel(kernel, num_threads, "sketches")

    for sketch, digest in EVERYWHERE.items():
        assert set(found[sketch].values()) == {digest}, found[sketch]


def test_bytes_are_the_same_without_the_simd_of_numpy():
    dispatched = run_apart("environment")["simd"]
    # Then there is no SIMD to switch off, and every other test ran without it.
    if not dispatched:
        pytest.skip("numpy dispatches to no more than its baseline on this CPU")
    found = run_apart("sketches", NPY_DISABLE_CPU_FEATURES=" ".join(dispatched))

    assert found["simd"] == []
    for sketch, digest in EVERYWHERE.items():
        assert set(found[sketch].values()) == {digest}, found[sketch]


def test_a_float32_product_differs_between_the_same_kernels():
    """The checks above see a product that depends on its kernel."""
    kernels = [kernel for kernel in KERNELS if not why_not(kernel)]
    # One kernel alone has none to differ from.
    if len(kernels) < 2:
        pytest.skip("; ".join(filter(None, map(why_not, KERNELS))))
    sums = [
        np.frombuffer(bytes.fromhex(run_on_kernel(kernel, 1, "naive")["naive"]), "<f4")
        for kernel in kernels
    ]

    assert len({sha256(of_kernel.tobytes()) for of_kernel in sums}) > 1
    # Between any two of the five, measured: 92 to 94 %.
    assert np.mean(sums[0] != sums[-1]) > 0.5


# What other systems tell, by getrusage, counts the process that started this one, too.
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells the peak")
@pytest.mark.parametrize(
    "shape",
    [
        pytest.param((64, 100, 300), id="a batch of 64"),
        # Two million cells to hash.
        pytest.param((1, 1024, 2048), id="the widest panel", marks=pytest.mark.scale),
    ],
)
def test_the_sketches_stay_within_a_gigabyte(shape):
    assert run_apart("memory", *shape)["peak_bytes"] < 2**30
