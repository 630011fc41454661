# SPDX-License-Identifier: BSD-3-Clause
#
# Reads ctest's JUnit file; for a test that left DIR/<test>.tap behind, that report of its cases,
# Criterion's or plx-conform's, takes the place of the one verdict. Prints lines
# "pass|fail|skip <tab> name <tab> reason".

function attribute(line, name) {
	if (!match(line, " " name "=\"[^\"]*\""))
		return ""
	line = substr(line, RSTART, RLENGTH)
	sub(/^[^"]*"/, "", line)
	sub(/"$/, "", line)
	return line
}

function plain(text) {
	gsub(/\t/, " ", text)
	gsub(/&lt;/, "<", text)
	gsub(/&gt;/, ">", text)
	gsub(/&quot;/, "\"", text)
	gsub(/&amp;/, "\\&", text)
	return text
}

function verdict(kind, name, reason) {
	printf "%s\t%s\t%s\n", kind, name, reason
}

function case_reason(line) {
	if (!match(line, /(timed out|unexpected signal|# SKIP|# FAIL).*/))
		return ""
	line = substr(line, RSTART, RLENGTH)
	sub(/^# (SKIP|FAIL) */, "", line)
	return line
}

# The cases of one program; returns how many failed, -1 when there is no report.
function read_tap(file, test, line, name, nb_failed, nb_seen, nb_planned) {
	nb_planned = -1
	while ((getline line < file) > 0) {
		if (line ~ /^1\.\.[0-9]+/)
			nb_planned = substr(line, 4) + 0
		if (line !~ /^(not )?ok - /)
			continue
		nb_seen++
		name = line
		sub(/^(not )?ok - /, "", name)
		sub(/ .*/, "", name)
		if (line ~ /^not ok/) {
			nb_failed++
			verdict("fail", test " " name, case_reason(line))
		} else if (line ~ /# SKIP/) {
			verdict("skip", test " " name, case_reason(line))
		} else {
			verdict("pass", test " " name, "")
		}
	}
	close(file)
	if (nb_planned < 0)
		return -1
	for (; nb_seen < nb_planned; nb_seen++) {
		nb_failed++
		verdict("fail", test, "a case is not in its report")
	}
	return nb_failed + 0
}

function close_test(	nb_failed) {
	nb_failed = read_tap(dir "/" test ".tap", test)
	if (nb_failed < 0 && status == "run" && kind == "unit")
		verdict("fail", test, "no report of its cases")
	else if (nb_failed < 0 && status == "run")
		verdict("pass", test, "")
	else if (nb_failed < 0 && skip ~ /SKIP_RETURN_CODE/)
		verdict("skip", test, last ? last : "no reason given")
	else if (nb_failed < 0)
		verdict("fail", test, skip ? skip : last ? last : "killed or timed out")
	else if (nb_failed == 0 && status != "run")
		verdict("fail", test, "its cases passed, the program did not: see its output")
	test = ""
}

/<testcase / {
	test = attribute($0, "name")
	status = attribute($0, "status")
	kind = test ~ /^(test|conform)_/ ? "unit" : "plain"
	skip = last = ""
	in_output = 0
}

/<skipped / && !in_output {
	skip = plain(attribute($0, "message"))
}

test && (in_output || /<system-out>/) {
	line = $0
	sub(/.*<system-out>/, "", line)
	sub(/<\/system-out>.*/, "", line)
	if (line ~ /[^ \t]/)
		last = plain(line)
	in_output = $0 !~ /<\/system-out>/
}

/<\/testcase>/ && !in_output {
	close_test()
}
