#pragma once

#include "lowrank/pipeline/run.h"

namespace lowrank {

/// Refuses options of a run that do not fit together. \param validation  whether there is a separate validation set \param starts  whether
/// there is a model to start from. \throws OptionError
void check_run(const TrainRun& run, bool validation, bool starts);

/// Refuses files that would be read twice where they cannot be, and an output over an input. \throws OptionError, FileError
void check_run_files(const TrainRun& run);

}  // namespace lowrank
