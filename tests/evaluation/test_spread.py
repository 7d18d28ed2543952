"""Numbers of several seeds in one table."""

from ganverse_nb.evaluation.spread import Cell, as_markdown, table


def test_mean_and_spread():
    cell = Cell({0: 1.0, 1: 2.0, 2: 3.0})
    assert (cell.mean, cell.deviation, str(cell)) == (2.0, 1.0, "2 ± 1")
    assert str(Cell({0: 0.123456})) == "0.1235"
    rows = [{"key": "car.x", "ours": 1.0, "unit": ""}]
    text = as_markdown(table([{"variant": "b", "seed": 0, "rows": rows}], ["a", "b"]), ["a", "b"], [0])
    assert "| number | a | b |" in text and "| car.x | - | 1 |" in text
    titled = as_markdown({}, ["a"], [3, 4], "Study", "the rest alike")
    assert titled.startswith("# Study\n\nMean ± standard deviation over the seeds 3, 4; the rest alike.\n")
