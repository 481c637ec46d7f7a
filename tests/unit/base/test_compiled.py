import numpy as np

from compendium.base.compiled import compiled, source_state


@compiled
def double(x):
    return 2 * x


def test_compiled_functions_compute():
    assert double(np.float64(1.5)) == 3.0


def test_another_source_is_another_state_of_the_cache(tmp_path):
    for name, text in (
        ("one", "@compiled\ndef f(): ...\n"),
        ("two", "@compiled\ndef f(): pass\n"),
        ("three", "x = 1\n"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "k.py").write_text("import a\n\n" + text)
    (tmp_path / "four").mkdir()
    states = [source_state(tmp_path / name) for name in ("one", "two", "three", "four")]
    assert states[0] != states[1] and states[2] == states[3]
