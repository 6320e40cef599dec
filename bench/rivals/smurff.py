from rivals import Rival, clipped_rmse, rated, timed


class Smurff(Rival):
    name = "SMURFF"
    packages = ["smurff==1.1", "h5py"]
    # The best of the noises that it offers, by `bench/bayes.py --grid`.
    noise, grid = "adaptive", ["fixed", "sampled", "adaptive"]

    @staticmethod
    def macau(train, test, features, rank, samples, burn_in, threads, noise, seed=1):
        """Seconds of all sweeps of Macau with features of items, and the test RMSE of the mean of `samples` sweeps. `features` has a line per item and feature.

        It has no biases; what it factorizes are the differences to the mean rating.
        """
        import csv

        import numpy
        import scipy.sparse
        import smurff

        (users, items, values), held_out = rated(train), rated(test)
        with open(features) as file:
            lines = [(int(line["item"]), line["feature"]) for line in csv.DictReader(file)]
        names = {name: column for column, name in enumerate(sorted({name for _, name in lines}))}
        shape = (int(max(users.max(), held_out[0].max())) + 1, int(max(items.max(), held_out[1].max(), *(item for item, _ in lines))) + 1)
        of_items = scipy.sparse.csr_matrix((numpy.ones(len(lines)), ([item for item, _ in lines], [names[name] for _, name in lines])), shape=(shape[1], len(names)))
        mean = values.mean()
        noises = {"fixed": smurff.FixedNoise(1 / values.var()), "sampled": smurff.SampledNoise(1 / values.var()), "adaptive": smurff.AdaptiveNoise()}
        training, tested = (scipy.sparse.csr_matrix((value - mean, (user, item)), shape=shape) for user, item, value in ((users, items, values), held_out))
        session = smurff.TrainSession(priors=["normal", "macau"], num_latent=rank, num_threads=threads, burnin=burn_in, nsamples=samples, seed=seed, verbose=0)
        session.addTrainAndTest(training, tested, noises[noise])
        session.addSideInfo(1, of_items, direct=True)
        seconds, predictions = timed(session.run)
        scores = numpy.array([one.pred_avg for one in predictions])
        truth = numpy.array([one.val for one in predictions])
        return {"seconds": seconds, "rmse": clipped_rmse(scores + mean, truth + mean, values)}

    @staticmethod
    def tensor(train, test, modes, rank, samples, burn_in, threads, noise, seed=1):
        """Seconds of all sweeps of Bayesian factorization of a sparse tensor, whose first columns are its modes, and the test RMSE of the mean of `samples` sweeps.

        It has no biases; what it factorizes are the differences to the mean rating.
        """
        import numpy
        import smurff

        parts = [numpy.loadtxt(file, delimiter=",", skiprows=1) for file in (train, test)]
        shape = [int(max(part[:, mode].max() for part in parts)) + 1 for mode in range(modes)]
        values = parts[0][:, modes]
        mean = values.mean()
        noises = {"fixed": smurff.FixedNoise(1 / values.var()), "sampled": smurff.SampledNoise(1 / values.var()), "adaptive": smurff.AdaptiveNoise()}
        tensors = [smurff.SparseTensor((part[:, modes] - mean, [part[:, mode].astype(numpy.int32) for mode in range(modes)]), shape) for part in parts]
        session = smurff.TrainSession(priors=["normal"] * modes, num_latent=rank, num_threads=threads, burnin=burn_in, nsamples=samples, seed=seed, verbose=0)
        session.addTrainAndTest(*tensors, noises[noise])
        seconds, predictions = timed(session.run)
        scores = numpy.array([one.pred_avg for one in predictions])
        truth = numpy.array([one.val for one in predictions])
        return {"seconds": seconds, "rmse": clipped_rmse(scores + mean, truth + mean, values)}
