# SPDX-License-Identifier: BSD-3-Clause
#
# plx-bench-report: from the JSON document to what people read. Not there without jansson; the tests
# of the report link it, too.

find_path(JANSSON_INCLUDE jansson.h)
find_library(JANSSON_LIBRARY jansson)
mark_as_advanced(JANSSON_INCLUDE JANSSON_LIBRARY)
if(NOT JANSSON_INCLUDE OR NOT JANSSON_LIBRARY)
	message(STATUS "plx-bench left out: jansson is missing (scripts/setup.sh)")
	return()
endif()

add_library(plx-bench-report STATIC
	compare.c complain.c html.c html_parts.c html_style.c report.c report_claims.c
	report_csv.c report_doc.c report_main.c report_points.c report_print.c report_ratios.c
	report_remarks.c report_tables.c report_verdicts.c svg.c svg_figures.c table.c)
target_include_directories(plx-bench-report PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}")
target_include_directories(plx-bench-report SYSTEM PUBLIC "${JANSSON_INCLUDE}")
target_link_libraries(plx-bench-report PUBLIC pollux-static "${JANSSON_LIBRARY}" m PRIVATE plx-flags)
