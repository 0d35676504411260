"""What learning leaves behind, for tests of reports: ranks of known quality and records of epochs."""


def right(n):
    """Of 400 questions the first n have their solution at the top."""
    return (1,) * n + (0,) * (400 - n)


def epochs(*dev, kept=None, each=2.0, **more):
    rows = [{"loss": 1.0 / (at + 1), "dev": value, "seconds": each * (at + 1)} for at, value in enumerate(dev)]
    return {"pairs": 1000, "dev RR@10": max(dev), "best_epoch": kept or 1 + dev.index(max(dev)), "epochs": rows, **more}
