#pragma once

#include "lowrank/model/fold_in.h"

namespace lowrank {

/// Whether fold-in depends on the values of ratings above 0, not only on the items.
bool reads_values(const FoldIn& fold_in);

}  // namespace lowrank
