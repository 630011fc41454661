# SPDX-License-Identifier: BSD-3-Clause
#
# Modules, their floors and the libraries made of them.
#
# A module is compiled with the public headers of the modules it names in DEPENDS, and of those
# below them, and with no others: an #include from its own floor or from above is not found.
#
# Each source is compiled twice: as PIE for libpollux.a, where a global or a thread-local of the
# library is then one plain access, and as PIC for libpollux.so.

set(plx_floors
	"base 0"
	"ring 1"
	"eal 1"
	"mempool 2"
	"netif 2"
	"bus 2"
	"mbuf 3"
	"port 4"
	"stats 5"
	"net_null 5"
	"net_ring 5"
	"net_pcap 5"
	"net_af_packet 5"
	"net_af_xdp 5"
	"net_tap 5"
	"net_igb 5"
	"pollux 6"
)

function(plx_floor module out)
	foreach(entry IN LISTS plx_floors)
		if(entry MATCHES "^${module} ([0-9]+)$")
			set(${out} ${CMAKE_MATCH_1} PARENT_SCOPE)
			return()
		endif()
	endforeach()
	message(FATAL_ERROR
		"module ${module} has no floor: add it to plx_floors in config/cmake/PolluxModule.cmake")
endfunction()

# System libraries: a header of each and the Debian package that has it.
set(plx_system_libs
	"numa numa.h libnuma-dev"
	"inih ini.h libinih-dev"
	"mnl libmnl/libmnl.h libmnl-dev"
	"pcap pcap/pcap.h libpcap-dev"
	"bpf bpf/bpf.h libbpf-dev"
	"xdp xdp/xsk.h libxdp-dev"
)

# One line for a library that is not there, instead of a compiler's many.
function(plx_want_lib lib)
	foreach(entry IN LISTS plx_system_libs)
		if(NOT entry MATCHES "^${lib} ([^ ]+) ([^ ]+)$")
			continue()
		endif()
		set(header ${CMAKE_MATCH_1})
		set(package ${CMAKE_MATCH_2})
		find_path(PLX_${lib}_INCLUDE "${header}")
		find_library(PLX_${lib}_LIBRARY "${lib}")
		mark_as_advanced(PLX_${lib}_INCLUDE PLX_${lib}_LIBRARY)
		if(NOT PLX_${lib}_INCLUDE OR NOT PLX_${lib}_LIBRARY)
			message(FATAL_ERROR "${package} is missing (scripts/setup.sh installs it)")
		endif()
		return()
	endforeach()
	message(FATAL_ERROR "library ${lib} is unknown: "
		"add it to plx_system_libs in config/cmake/PolluxModule.cmake")
endfunction()

# plx_module(<name> SOURCES <file>... [DEPENDS <lower module>...] [LIBS <system library>...])
function(plx_module name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPENDS;LIBS")
	if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
		message(FATAL_ERROR
			"plx_module(${name}): want SOURCES, and then only DEPENDS and LIBS")
	endif()

	plx_floor(${name} floor)
	set(depends)
	foreach(lower IN LISTS arg_DEPENDS)
		plx_floor(${lower} lower_floor)
		if(NOT lower_floor LESS floor)
			message(FATAL_ERROR "floors: ${name} (floor ${floor}) may not use "
				"${lower} (floor ${lower_floor}): only lower floors are allowed")
		endif()
		list(APPEND depends plx-${lower})
	endforeach()

	foreach(lib IN LISTS arg_LIBS)
		plx_want_lib(${lib})
	endforeach()
	add_library(plx-${name} OBJECT ${arg_SOURCES})
	target_compile_options(plx-${name} PRIVATE -fPIE)
	set(targets plx-${name})
	if(PLX_BUILD_SHARED)
		add_library(plx-${name}-pic OBJECT ${arg_SOURCES})
		target_compile_options(plx-${name}-pic PRIVATE -fPIC -fno-semantic-interposition)
		list(APPEND targets plx-${name}-pic)
	endif()
	foreach(target IN LISTS targets)
		set_target_properties(${target} PROPERTIES C_VISIBILITY_PRESET hidden)
		target_include_directories(${target} PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}/include")
		target_link_libraries(${target} PUBLIC ${depends} PRIVATE plx-flags)
	endforeach()
	if(floor EQUAL 0)
		target_include_directories(plx-${name} PUBLIC "${PROJECT_BINARY_DIR}/include")
		if(PLX_BUILD_SHARED)
			target_include_directories(plx-${name}-pic
				PUBLIC "${PROJECT_BINARY_DIR}/include")
		endif()
	endif()

	set_property(GLOBAL APPEND PROPERTY PLX_MODULES ${name})
	set_property(GLOBAL APPEND PROPERTY PLX_LIBS ${arg_LIBS})
	set_property(GLOBAL APPEND PROPERTY PLX_INCLUDES "${CMAKE_CURRENT_SOURCE_DIR}/include")
endfunction()

# <build>/include/pollux/config.h from config/config.h.in and the cache.
function(plx_config_header)
	set(PLX_VERSION_MAJOR ${PROJECT_VERSION_MAJOR})
	set(PLX_VERSION_MINOR ${PROJECT_VERSION_MINOR})
	set(PLX_VERSION_PATCH ${PROJECT_VERSION_PATCH})
	foreach(switch PLX_CHECK PLX_BUSY)
		if(${switch})
			set(${switch} 1)
		else()
			set(${switch} 0)
		endif()
	endforeach()
	configure_file("${PROJECT_SOURCE_DIR}/config/config.h.in"
		"${PROJECT_BINARY_DIR}/include/pollux/config.h" @ONLY)
endfunction()

# libpollux.a and libpollux.so, each holding the objects of all modules.
function(plx_libraries)
	get_property(modules GLOBAL PROPERTY PLX_MODULES)
	get_property(includes GLOBAL PROPERTY PLX_INCLUDES)
	get_property(libs GLOBAL PROPERTY PLX_LIBS)
	list(REMOVE_DUPLICATES libs)
	list(APPEND includes "${PROJECT_BINARY_DIR}/include")

	set(objects)
	set(pic_objects)
	foreach(module IN LISTS modules)
		list(APPEND objects $<TARGET_OBJECTS:plx-${module}>)
		list(APPEND pic_objects $<TARGET_OBJECTS:plx-${module}-pic>)
	endforeach()

	add_library(pollux-static STATIC ${objects})
	target_link_libraries(pollux-static INTERFACE ${libs})
	set(targets pollux-static)
	if(PLX_BUILD_SHARED)
		add_library(pollux-shared SHARED ${pic_objects})
		target_link_libraries(pollux-shared PRIVATE ${libs})
		target_link_options(pollux-shared PRIVATE -Wl,--no-undefined)
		set_target_properties(pollux-shared PROPERTIES
			EXPORT_NAME pollux
			VERSION ${PROJECT_VERSION}
			SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
		)
		add_library(pollux::pollux ALIAS pollux-shared)
		list(APPEND targets pollux-shared)
	endif()
	add_library(pollux::pollux-static ALIAS pollux-static)
	foreach(target IN LISTS targets)
		set_target_properties(${target} PROPERTIES OUTPUT_NAME pollux LINKER_LANGUAGE C)
		foreach(dir IN LISTS includes)
			target_include_directories(${target} INTERFACE $<BUILD_INTERFACE:${dir}>)
		endforeach()
		target_include_directories(${target} INTERFACE
			$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
	endforeach()
endfunction()

# plx_program(<name> SOURCES <file>... [LIBS <library>...]): a program of build/bin/, installed.
function(plx_program name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
	add_executable(${name} ${arg_SOURCES})
	target_link_libraries(${name} PRIVATE plx-flags pollux-static ${arg_LIBS})
	install(TARGETS ${name} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endfunction()
