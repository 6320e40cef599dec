from rivals import Rival


class River(Rival):
    name = "river"
    packages = ["river"]

    @staticmethod
    def stream(file):
        """RMSE of a stream, sorted by time, and microseconds per event, of its models of ratings with the options of its own guide."""
        import csv
        import time

        from river import optim, reco

        with open(file, encoding="utf-8") as lines:
            events = [(row["user"], row["item"], float(row["rating"])) for row in csv.DictReader(lines)]
        normal = optim.initializers.Normal(mu=0.0, sigma=0.1, seed=73)
        steps = {"bias_optimizer": optim.SGD(0.025), "latent_optimizer": optim.SGD(0.05), "l2_bias": 0.0, "l2_latent": 0.0}
        models = {
            "Baseline": reco.Baseline(optimizer=optim.SGD(0.025), l2=0.0),
            "BiasedMF": reco.BiasedMF(n_factors=10, weight_initializer=optim.initializers.Zeros(), latent_initializer=normal, **steps),
        }
        results = {}
        for name, model in models.items():
            squares = 0.0
            start = time.perf_counter()
            for user, item, rating in events:
                squares += (min(max(model.predict_one(user=user, item=item), 1.0), 5.0) - rating) ** 2
                model.learn_one(user=user, item=item, y=rating)
            results[name] = {"rmse": (squares / len(events)) ** 0.5, "microseconds": (time.perf_counter() - start) / len(events) * 1e6}
        return results
