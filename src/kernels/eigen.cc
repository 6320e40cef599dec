#include "kernels/eigen.h"

#include <Eigen/Eigenvalues>

namespace lowrank {

std::vector<double> symmetric_eigen(std::vector<double>& a, std::size_t n) {
  if (n == 0) return {};
  const auto size = static_cast<Eigen::Index>(n);
  // What is the upper triangle row by row is the lower one column by column, which is the one that the solver reads.
  Eigen::Map<Eigen::MatrixXd> matrix(a.data(), size, size);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(matrix);
  const auto& values = solver.eigenvalues();
  matrix = solver.eigenvectors().transpose();
  return {values.data(), values.data() + n};
}

}  // namespace lowrank
