"""Figures of independent implementations that the tests of src/tune compare with: tests/tune/oracles.json.

usage: oracles.py            writes the file (needs scipy and scikit-learn)
       oracles.py --check    fails unless the packages that are there give the figures of the file; 77 where they are not
"""

import json
import sys
from pathlib import Path

FILE = Path(__file__).with_name("oracles.json")


def sobol_points():
    from scipy.stats import qmc

    return qmc.Sobol(32, scramble=False, bits=32).random(64).tolist()


def gaussian_process():
    """Posterior of a fixed kernel, its log marginal likelihood, and expected improvement."""
    import numpy
    from scipy.stats import norm
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    random = numpy.random.default_rng(7)
    places = random.random((20, 3)).round(6)
    values = (numpy.sin(5 * places[:, 0]) + places[:, 1] ** 2 + 0.1 * random.standard_normal(20)).round(6)
    asked = random.random((10, 3)).round(6)
    lengths, variance, noise = [0.3, 0.7, 2.0], 1.7, 0.02
    kernel = ConstantKernel(variance) * Matern(lengths, nu=2.5) + WhiteKernel(noise)
    model = GaussianProcessRegressor(kernel, optimizer=None, alpha=0).fit(places, values)
    mean, deviation = model.predict(asked, return_std=True)
    # Without the noise of a new observation.
    deviation = numpy.sqrt(deviation**2 - noise)
    best = float(values.min())
    z = (best - mean) / deviation
    improvement = (best - mean) * norm.cdf(z) + deviation * norm.pdf(z)
    return {
        "places": places.tolist(),
        "values": values.tolist(),
        "asked": asked.tolist(),
        "lengths": lengths,
        "variance": variance,
        "noise": noise,
        "mean": mean.tolist(),
        "deviation": deviation.tolist(),
        "likelihood": float(model.log_marginal_likelihood_value_),
        "best": best,
        "improvement": improvement.tolist(),
    }


def same(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(same(*pair) for pair in zip(one, other))
    return abs(one - other) <= 1e-9 * max(1, abs(one))


def main():
    try:
        figures = {"sobol": sobol_points(), "gaussian_process": gaussian_process()}
    except ImportError as error:
        print(f"skipped: {error}")
        return 77
    if sys.argv[1:] != ["--check"]:
        FILE.write_text(json.dumps(figures, indent=0) + "\n", encoding="utf-8")
        return 0
    if not same(json.loads(FILE.read_text(encoding="utf-8")), figures):
        print(f"{FILE}: is not what the packages compute")
        return 1
    print("the figures are what scipy and scikit-learn compute")
    return 0


if __name__ == "__main__":
    sys.exit(main())
