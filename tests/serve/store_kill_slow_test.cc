#include <gtest/gtest.h>

#include "serve/store_kill.h"

namespace lowrank::serve::store_kill_slow_test {
namespace {

TEST(StoreKill, TwoHundredTimes) { testing_store::kill_at_random(200); }

}  // namespace
}  // namespace lowrank::serve::store_kill_slow_test
