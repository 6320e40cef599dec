# LOWRANK_SANITIZE=address,undefined or thread: instruments everything that is built, tests included. Assertions stay on.
set(LOWRANK_SANITIZE "" CACHE STRING "Sanitizers to build with, as for -fsanitize=")
if(LOWRANK_SANITIZE)
  set(LOWRANK_SANITIZE_FLAGS -fsanitize=${LOWRANK_SANITIZE} -fno-sanitize-recover=all)
  add_compile_options(${LOWRANK_SANITIZE_FLAGS} -O1 -g1 -fno-omit-frame-pointer -D_GLIBCXX_ASSERTIONS)
  add_link_options(${LOWRANK_SANITIZE_FLAGS})
endif()
