# All dependencies, with their lowest versions that work.
find_package(Threads REQUIRED)
find_package(hwy 1.0.3 REQUIRED)            # SIMD with run-time dispatch
find_package(Eigen3 3.4 REQUIRED NO_MODULE)  # eigenvalues of small matrices
find_package(CLI11 2.1 REQUIRED)            # the command line
find_package(nlohmann_json 3.11 REQUIRED)   # JSON
find_package(ZLIB 1.2.11 REQUIRED)          # .gz and checksums
find_package(LibLZMA 5.2 REQUIRED)          # .xz
find_package(zstd 1.4 REQUIRED)             # .zst
if(LOWRANK_SERVE)
  find_package(Boost 1.81 REQUIRED)   # Beast and Asio: HTTP; headers alone
  find_package(SQLite3 3.40 REQUIRED)  # the store
endif()
if(LOWRANK_TESTS)
  find_package(GTest 1.12 REQUIRED)
endif()
if(LOWRANK_BENCH)
  find_package(benchmark 1.7 REQUIRED)
endif()
