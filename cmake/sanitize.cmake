# LOWRANK_SANITIZE=address,undefined or thread: instruments everything that is built, tests included. Assertions stay on.
set(LOWRANK_SANITIZE "" CACHE STRING "Sanitizers to build with, as for -fsanitize=")
# The sanitizers of `.ci/run`: the rooms that read what comes from outside (data and model), what these need, and their tests.
option(LOWRANK_SANITIZE_SHORT "With sanitizers, build only the rooms up to model" OFF)
if(LOWRANK_SANITIZE)
  set(LOWRANK_SANITIZE_FLAGS -fsanitize=${LOWRANK_SANITIZE} -fno-sanitize-recover=all)
  add_compile_options(${LOWRANK_SANITIZE_FLAGS} -O1 -g1 -fno-omit-frame-pointer -D_GLIBCXX_ASSERTIONS)
  add_link_options(${LOWRANK_SANITIZE_FLAGS})
endif()
