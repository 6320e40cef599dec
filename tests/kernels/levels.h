#pragma once

#include <gtest/gtest.h>

#include <string>

#include "kernels/simd_level.h"

namespace lowrank {

/// A test that runs once at every SIMD level of the machine.
class AtEveryLevel : public testing::TestWithParam<SimdLevel> {
 protected:
  void SetUp() override { set_simd_level(GetParam()); }
  void TearDown() override { set_simd_level(before_); }

 private:
  SimdLevel before_ = active_simd_level();
};

inline std::string level_name(const testing::TestParamInfo<SimdLevel>& info) { return std::string(name_of(info.param)); }

}  // namespace lowrank
