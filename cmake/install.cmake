# Installed by `cmake --install`: the library with its headers, CMake package and pkg-config file, the program with its completions and manual
# pages, the example data, the licence.
include(CMakePackageConfigHelpers)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/lowrank)
install(TARGETS lowrank EXPORT lowrankTargets)
install(TARGETS lowrank_cli)
install(DIRECTORY include/lowrank DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(DIRECTORY examples/data/ DESTINATION ${CMAKE_INSTALL_DATADIR}/lowrank)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# The program itself writes these, from the descriptions of its options.
install(CODE "
  set(program \"$<TARGET_FILE:lowrank_cli>\")
  set(written \"${CMAKE_CURRENT_BINARY_DIR}/written\")
  file(MAKE_DIRECTORY \"\${written}/man1\")
  foreach(script bash=lowrank zsh=_lowrank fish=lowrank.fish)
    string(REPLACE = \";\" script \"\${script}\")
    list(GET script 0 shell)
    list(GET script 1 name)
    execute_process(COMMAND \"\${program}\" completion \${shell} --output \"\${written}/\${name}\" COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
  execute_process(COMMAND \"\${program}\" manual --all \"\${written}/man1\" COMMAND_ERROR_IS_FATAL ANY)
")
set(written ${CMAKE_CURRENT_BINARY_DIR}/written)
install(FILES ${written}/lowrank DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${written}/_lowrank DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${written}/lowrank.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(DIRECTORY ${written}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR} FILES_MATCHING PATTERN "*.1")

install(EXPORT lowrankTargets NAMESPACE lowrank:: DESTINATION ${package_folder})
configure_package_config_file(cmake/lowrankConfig.cmake.in lowrankConfig.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(lowrankConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/lowrankConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/lowrankConfigVersion.cmake DESTINATION ${package_folder})

# For pkg-config. Who links the static library links what it calls.
set(pc_folder ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH prefix_from_pc ${pc_folder} ${CMAKE_INSTALL_PREFIX})
set(pc_requires Requires)
if(BUILD_SHARED_LIBS)
  set(pc_requires Requires.private)
endif()
configure_file(cmake/lowrank.pc.in lowrank.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/lowrank.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
