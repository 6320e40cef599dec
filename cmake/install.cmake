# Installed by `cmake --install`: the library with its headers, CMake package and pkg-config file, the program, the example data, the licence.
include(CMakePackageConfigHelpers)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/lowrank)
install(TARGETS lowrank EXPORT lowrankTargets)
install(TARGETS lowrank_cli)
install(DIRECTORY include/lowrank DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(DIRECTORY examples/data/ DESTINATION ${CMAKE_INSTALL_DATADIR}/lowrank)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

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
