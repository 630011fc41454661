# SPDX-License-Identifier: BSD-3-Clause
#
# Compiler flags: the language, the warnings (plx-warnings), what every source of the tree is
# compiled with (plx-flags), and the sanitizers. No -march: a release runs on any x86-64.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
	set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()
set(CMAKE_C_FLAGS_RELEASE "-O3 -g")
set(CMAKE_C_FLAGS_DEBUG "-Og -g -fno-omit-frame-pointer")

add_library(plx-warnings INTERFACE)
target_compile_options(plx-warnings INTERFACE
	-Wall -Wextra -Werror
	-Wcast-qual -Wconversion -Wno-sign-conversion -Wformat=2 -Wimplicit-fallthrough
	-Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wshadow -Wstrict-prototypes
	-Wundef -Wvla -Wwrite-strings
)

add_library(plx-flags INTERFACE)
target_compile_definitions(plx-flags INTERFACE _GNU_SOURCE=)
target_link_libraries(plx-flags INTERFACE plx-warnings)

if(PLX_SANITIZE STREQUAL "address")
	set(plx_sanitize_flags -fsanitize=address,undefined -fno-sanitize-recover=all)
elseif(PLX_SANITIZE STREQUAL "thread")
	set(plx_sanitize_flags -fsanitize=thread)
elseif(PLX_SANITIZE)
	message(FATAL_ERROR "PLX_SANITIZE=${PLX_SANITIZE}: allowed are address, thread or nothing")
endif()
if(PLX_SANITIZE)
	add_compile_options(${plx_sanitize_flags} -fno-omit-frame-pointer)
	add_link_options(${plx_sanitize_flags})
endif()
