#pragma once

#include <cstddef>
#include <span>

#include "lowrank/data/ratings.h"
#include "lowrank/model/history.h"
#include "lowrank/model/model.h"
#include "lowrank/train/observer.h"
#include "lowrank/train/train.h"
#include "lowrank/train/trained.h"
#include "lowrank/train/validation.h"
#include "train/context.h"
#include "train/option.h"

namespace lowrank {

/// \name What each method's source specialises for its options struct
/// \{

/// What the doors and the estimate of memory must know of a method.
template <class Options>
struct MethodTraits {
  std::span<const Option<Options>> options;                ///< every member of the options struct, in the order of the doors
  std::size_t rating_bytes = 9;                            ///< bytes per rating that training adds: by default a second view of the ratings
  std::size_t weight_bytes = 4;                            ///< bytes per rating that training adds if ratings have weights
  bool warm_starts = true;                                 ///< whether training reads the model to start from
  bool any_start_rank = false;                             ///< whether the model to start from may have another rank
  bool weights_alone = false;                              ///< whether weights between rows are all it learns, but for mean and biases
  bool (*counts)(const Options&, float rating) = nullptr;  ///< whether training takes a rating for one; by default every rating
  const char* uncounted = "";                              ///< `no rating is ...`: what to say where it takes none
  bool (*ignores_values)(const Options&) = nullptr;        ///< whether all ratings that it takes are alike to it; by default they are not
  const char* rating_setting = "";                         ///< the setting under which it predicts ratings, if only under one
  bool (*weighs)(const Options&) = nullptr;                ///< whether training reads weights of ratings; by default it does not
  const char* unweighed = "";                              ///< the setting under which it does not
  bool uncertainty = false;                                ///< whether its models know how far ratings lie from predictions
  bool features = false;                                   ///< whether training reads features of users and items
  bool contexts = false;                                   ///< whether training reads the contexts of ratings
  bool (*times)(const Options&) = nullptr;                 ///< whether training reads the timestamps of ratings; by default it does not
  HistoryValues (*history)(const Options&) = nullptr;      ///< the values of ratings that scores read; by default none
  std::size_t (*extra_tables)(const Options&) = nullptr;   ///< factor tables that training holds besides its own and the model's
  std::size_t (*extra_rating_bytes)(const Options&) = nullptr;                 ///< bytes per rating besides rating_bytes
  std::size_t (*extra_bytes)(const Options&, const TrainingShape&) = nullptr;  ///< bytes besides all that
};
template <class Options>
MethodTraits<Options> traits_of();

/// Trains by one method.
/// \param ratings  at least one
/// \param frame    a model with what no method decides: the numbers of ratings of users and items, the record
template <class Options>
Trained train_method(Ratings ratings, const Options& options, Model frame, const Validation& validation, TrainingObserver& observer,
                     const TrainContext& context);

/// \}

}  // namespace lowrank
