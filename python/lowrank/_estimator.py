"""The base class of the estimators."""

from __future__ import annotations

from lowrank._contexts import HasContexts
from lowrank._explain import Explains
from lowrank._fit import Trains
from lowrank._judge import Judges
from lowrank._keep import Keeps
from lowrank._similar import FindsSimilar
from lowrank._update import Updates
from lowrank._vectors import Exports


class Estimator(Trains, Updates, Judges, FindsSimilar, Explains, HasContexts, Exports, Keeps):
    """Base of the estimators: one class per method, whose keyword arguments are the method's options.

    Fitted attributes are views of the model: they take no memory of their own and are read-only.

    Attributes
    ----------
    user_factors_ : ndarray of shape (users, rank), float32
    item_factors_ : ndarray of shape (items, rank), float32
    user_biases_ : ndarray of shape (users,), float32
        Zeros for a model without biases.
    item_biases_ : ndarray of shape (items,), float32
    mean_ : float
        Added to every score; 0 for a model without biases.
    users_ : ndarray of shape (users,)
        Ids in the order of the rows, as they were fitted, also after `load`: int64, or objects if an id is not an
        integer. Ids of a file are integers if all are canonical decimals. A column of integers and strings together is
        loaded as ids of a file.
    items_ : ndarray of shape (items,)
    contexts_ : dict
        What a rating depends on besides its user and item, such as ``month``: see the property. Empty for most models.
    history_ : structured ndarray of shape (epochs,)
        Figures of every epoch: ``epoch``, ``seconds``, and for instance ``train_rmse`` and ``validation_rmse``. Empty
        after `load`.
    summary_ : dict
        Results of the training: ``epochs``, ``best_epoch``, ``stopped``, figures, and ``seconds``: ``read`` (from arrays
        or a file to grouped ratings), ``train``, ``write``, ``total``. Empty after `load`.
    record_ : dict
        Origin of the model: method, options, seed, number of ratings, fingerprint of the data, figures.
    """
