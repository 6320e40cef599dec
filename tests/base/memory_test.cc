#include "base/memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace lowrank::memory_test {
namespace {

TEST(Memory, ResidentMemoryGrowsWithWhatIsTouched) {
  const std::size_t before = resident_memory();
  ASSERT_GT(before, 0U);
  std::vector<char> room(std::size_t{64} << 20U);
  std::memset(room.data(), 1, room.size());
  EXPECT_GT(resident_memory(), before + (std::size_t{48} << 20U));
  EXPECT_GE(peak_resident_memory(), resident_memory() - (std::size_t{1} << 20U));
  EXPECT_EQ(room[room.size() / 2], 1);
}

TEST(Memory, SomethingIsAvailable) { EXPECT_GT(available_memory(), 0U); }

}  // namespace
}  // namespace lowrank::memory_test
