# Warnings for our own targets. An interface library, so that they do not apply to projects that link lowrank.
add_library(lowrank_warnings INTERFACE)
target_compile_options(lowrank_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast
                                                  -Wcast-align -Woverloaded-virtual -Wdouble-promotion
                                                  # g++ 12 sees overlapping copies in its own std::string where there are none.
                                                  -Wno-restrict)
