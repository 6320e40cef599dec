# Installs BUILD into an empty PREFIX.
file(REMOVE_RECURSE ${PREFIX})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX} COMMAND_ERROR_IS_FATAL ANY)

# The pkg-config file finds what was installed, wherever that is.
find_program(pkg_config pkg-config REQUIRED)
file(GLOB_RECURSE pc ${PREFIX}/lowrank.pc)
cmake_path(GET pc PARENT_PATH pc_folder)
set(ENV{PKG_CONFIG_PATH} ${pc_folder})
foreach(variable includedir libdir)
  execute_process(COMMAND ${pkg_config} --variable=${variable} lowrank OUTPUT_VARIABLE folder OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(${variable} ${folder})
endforeach()
file(GLOB libraries ${libdir}/liblowrank.*)
if(NOT EXISTS ${includedir}/lowrank/lowrank.h OR NOT libraries)
  message(FATAL_ERROR "lowrank.pc names ${includedir} and ${libdir}, where lowrank is not")
endif()
execute_process(COMMAND ${pkg_config} --cflags --libs lowrank OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)

# So are the completions and the manual pages, one per command and one for the program.
foreach(file bash-completion/completions/lowrank zsh/site-functions/_lowrank fish/vendor_completions.d/lowrank.fish man/man1/lowrank.1
             man/man1/lowrank-train.1)
  if(NOT EXISTS ${PREFIX}/share/${file})
    message(FATAL_ERROR "${file} is not installed")
  endif()
endforeach()
