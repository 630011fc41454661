# SPDX-License-Identifier: BSD-3-Clause
#
# What `cmake --install` puts under the prefix: libraries, headers, pollux.pc, the CMake package.

include(CMakePackageConfigHelpers)

get_property(plx_includes GLOBAL PROPERTY PLX_INCLUDES)
get_property(plx_libs GLOBAL PROPERTY PLX_LIBS)
list(REMOVE_DUPLICATES plx_libs)
list(TRANSFORM plx_libs PREPEND "-l" OUTPUT_VARIABLE PLX_PC_LIBS_PRIVATE)
list(JOIN PLX_PC_LIBS_PRIVATE " " PLX_PC_LIBS_PRIVATE)

set(plx_targets pollux-static)
if(PLX_BUILD_SHARED)
	list(APPEND plx_targets pollux-shared)
endif()
set(plx_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/pollux")

install(TARGETS ${plx_targets} EXPORT polluxTargets
	LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
	ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
)
foreach(dir IN LISTS plx_includes)
	install(DIRECTORY "${dir}/pollux" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
		FILES_MATCHING PATTERN "*.h")
endforeach()
install(FILES "${PROJECT_BINARY_DIR}/include/pollux/config.h"
	DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/pollux")

# The prefix is where pollux.pc is found, so that an installed tree can be moved.
set(PLX_PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
set(PLX_PC_LIBDIR "${CMAKE_INSTALL_FULL_LIBDIR}")
set(PLX_PC_INCLUDEDIR "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
	file(RELATIVE_PATH plx_up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
	string(REGEX REPLACE "/$" "" plx_up "${plx_up}")
	set(PLX_PC_PREFIX "\${pcfiledir}/${plx_up}")
	set(PLX_PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
	set(PLX_PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file(config/pollux.pc.in pollux.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/pollux.pc"
	DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

install(EXPORT polluxTargets NAMESPACE pollux:: DESTINATION "${plx_cmake_dir}")
configure_package_config_file(config/polluxConfig.cmake.in polluxConfig.cmake
	INSTALL_DESTINATION "${plx_cmake_dir}")
write_basic_package_version_file(polluxConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
	"${PROJECT_BINARY_DIR}/polluxConfig.cmake"
	"${PROJECT_BINARY_DIR}/polluxConfigVersion.cmake"
	DESTINATION "${plx_cmake_dir}"
)
