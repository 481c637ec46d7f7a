"""Requests that cannot be served end with one line and exit code 2; those that can do what they say."""

import pytest


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["run", "nothing"], '"nothing" names no chapter. `compendium list` shows all.'),
        (["run", "toy2025/01", "-p", "factor=3"], "need exactly one chapter and a --name"),
        (
            ["run", "toy2025/01", "-p", "factor=three", "--name", "x"],
            'Parameter "factor" is of type float. Given "three".',
        ),
        (["run", "toy2025/01", "-p", "factor=nan", "--name", "x"], "must be finite"),
        (
            ["run", "toy2025/01", "-p", "count=2.5", "--name", "x"],
            'Parameter "count" is of type int. Given "2.5".',
        ),
        (
            ["run", "toy2025/01", "-p", "fast=maybe", "--name", "x"],
            'Parameter "fast" is of type bool. Given "maybe".',
        ),
        (
            ["run", "toy2025/01", "-p", "facter=3", "--name", "x"],
            'no parameter "facter". It has: factor, label, count, fast.',
        ),
        (["run", "toy2025/01", "-p", "factor", "--name", "x"], 'NAME=VALUE. Given "factor".'),
        (["run", "toy2025/01", "-p", "factor=1", "-p", "factor=2", "--name", "x"], '"factor" is given twice'),
        (["run", "toy2025/01", "-i", "table=x.csv", "--name", "x"], 'no input "table". It has: none.'),
        (["run", "toy2025/01", "-p", "factor=3", "--name", "../x"], "A run is named with letters"),
        (["run", "toy2025/01", "-p", "factor=3", "--name", "published"], "choose another name"),
        (["run", "--cluster", "nowhere.json"], 'A scheduler file must exist. Given "nowhere.json".'),
        (["list", "toy2025/01", "--template", "table"], 'No such input: "table"'),
        (["list", "--format", "xml"], 'A format is text or json. Given "xml".'),
        (["check", "toy2025/07"], '"toy2025/07" names no chapter'),
        (["accept", "toy"], "has no finished results"),
    ],
)
def test_one_line_says_what_is_not_right(toy, arguments, fragment):
    done = toy.run(*arguments)
    assert done.returncode == 2
    assert fragment in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (toy.build / "runs").exists()


def test_an_ambiguous_prefix_names_the_candidates(toy):
    toy.plain_chapter("02_second", "pass")
    done = toy.run("accept", "toy2025/0")
    assert done.returncode == 2
    assert "toy2025/01_first, toy2025/02_second" in done.stderr


def test_text_that_looks_like_code_stays_data(toy):
    done = toy.run("run", "toy2025/01", "-p", "label='; raise SystemExit #", "--name", "quoted")
    assert "FAILED" not in done.stderr
    stored = (toy.build / "runs" / "quoted" / "results" / "toy2025" / "01_first.json").read_text()
    assert '"label": "\'; raise SystemExit #"' in stored


def test_a_named_run_keeps_apart_and_leaves_the_paper_out(accepted):
    before = accepted.published("results").read_bytes()
    accepted.run("run", "toy2025/01", "-p", "factor=7", "--name", "seven")
    assert accepted.published("results").read_bytes() == before
    notebook = (accepted.build / "runs" / "seven" / "notebooks" / "toy2025" / "01_first.ipynb").read_text()
    assert "factor 7.0" in notebook
    assert "The paper prints" not in notebook
    assert "The paper prints" in accepted.published("notebooks", suffix=".ipynb").read_text()
    assert accepted.run("check").returncode == 0


def test_help_teaches_with_examples(toy):
    main = toy.run("--help", COLUMNS="200").stdout
    assert all(verb in main for verb in ("list", "run", "check", "book", "fetch", "accept", "all"))
    assert "-i examinations=mine.csv --name my-cohort" in toy.run("run", "--help", COLUMNS="200").stdout
    assert "Usage: compendium" in toy.run().stdout + toy.run().stderr


def test_list_shows_parameters_with_type_default_and_words(toy):
    line = next(x for x in toy.run("list").stdout.splitlines() if "factor" in x)
    assert line.split() == ["-p", "factor=2.0", "float", "a", "factor"]
