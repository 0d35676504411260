"""Stored fits: taken over while nothing that matters has changed, and no reason to fail where they cannot be kept."""

from pathlib import Path

from plugin_examples import ZEROS, broken

FITS = """
    def fit(self, train, dev, env):
        from pathlib import Path
        with Path("fits.txt").open("a") as file:
            file.write("x")

    def save(self, folder):
        (folder / "x").write_text("x")

    def load(self, folder):
        assert (folder / "x").read_text() == "x"
"""


def test_a_stored_fit_is_taken_over_until_something_that_matters_changes(bench, plugin, tmp_path):
    source = broken(ZEROS, extra=FITS)
    learner = plugin("learner", source)
    fits = tmp_path / "fits.txt"
    fits.write_text("", encoding="utf-8")

    def runs(*options):
        before = len(fits.read_text(encoding="utf-8"))
        assert bench("--retrievers=learner", f"--plugin={learner}", *options) == 0
        return len(fits.read_text(encoding="utf-8")) - before

    assert runs() == 1
    assert runs() == 0
    assert runs("--k=2", "--pool=all") == 0
    assert runs("--refit") == 1
    assert runs("--seeds=4") == 0  # it says that its seed does not matter
    assert runs("--limit=5") == 1
    learner.write_text(source + "\n# another source\n", encoding="utf-8")
    assert runs() == 1


def test_a_damaged_fit_says_how_to_be_rid_of_it(bench, plugin, tmp_path, outcomes):
    Path("fits.txt").touch()
    path = plugin("learner", broken(ZEROS, extra=FITS))
    assert bench("--retrievers=learner", f"--plugin={path}") == 0
    next((tmp_path / "cache" / "fits").glob("learner-*/x")).unlink()
    assert bench("--retrievers=learner", f"--plugin={path}", "--out=again") == 1
    assert "run with --refit" in outcomes("again")["learner"].failure
    assert bench("--retrievers=learner", f"--plugin={path}", "--refit") == 0


def test_a_fit_that_cannot_be_kept_is_used_all_the_same(bench, plugin, tmp_path):
    path = plugin("learner", broken(ZEROS, extra=FITS))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "fits").write_text("in the way", encoding="utf-8")
    assert bench("--retrievers=learner", f"--plugin={path}", "--out=kept") == 0
    assert "could not be kept" in Path("kept/logs/learner.seed0.cpu.log").read_text(encoding="utf-8")
