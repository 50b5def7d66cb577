# shellcheck disable=SC2016
# type-json: part of type-ready.sh: what prepare lines add to a program's own JSON file, which may have comments. What is
# there stays as it is, to the letter; a file that is no JSON is left alone. Values travel in the environment of awk only.

# mngr_json FILE JSON KEY…: the value JSON at that path, unless there is one.
mngr_json() {
	mngr_file=$1 mngr_value=$2 mngr_mode=set
	shift 2
	mngr_json_put "$@"
}

# mngr_json_add FILE TEXT KEY…: TEXT as one more element of the list at that path, unless it is in it.
mngr_json_add() {
	mngr_file=$1 mngr_value=$2 mngr_mode=add
	shift 2
	mngr_json_put "$@"
}

mngr_json_put() {
	mngr_path=''
	for mngr_key in "$@"; do mngr_path="$mngr_path$mngr_key$(printf '\001')"; done
	# A link stays one.
	[ ! -L "$mngr_file" ] || mngr_file=$(readlink -f -- "$mngr_file")
	case $mngr_file in */*) mkdir -p -- "${mngr_file%/*}" ;; esac
	(
		umask 077
		[ -s "$mngr_file" ] || echo '{}' >"$mngr_file"
		mngr_tries=0
		while
			mngr_json_once
			[ $mngr_code -eq 9 ]
		do
			mngr_tries=$((mngr_tries + 1))
			[ $mngr_tries -lt 20 ] || {
				echo "mngr: $mngr_file is being written all the time: left as it is"
				break
			}
		done
		[ $mngr_code -ne 8 ]
	)
}

# mngr_json_once: mngr_code is 8 if the new file can't take the place of the old one, 9 if the program wrote to its file meanwhile, so that this has to begin anew.
mngr_json_once() {
	mngr_was=$(cksum <"$mngr_file")
	MNGR_VALUE=$mngr_value MNGR_PATH=$mngr_path MNGR_MODE=$mngr_mode MNGR_FILE=$mngr_file \
		LC_ALL=C awk "$mngr_json_awk" </dev/null >"$mngr_file.mngr" && mngr_code=0 || mngr_code=$?
	case $mngr_code in
	0) # its mode stays, too
		chmod "$(stat -c %a -- "$mngr_file")" "$mngr_file.mngr"
		if [ "$(cksum <"$mngr_file")" = "$mngr_was" ]; then
			mv -f -- "$mngr_file.mngr" "$mngr_file" || mngr_code=8
		else
			rm -f -- "$mngr_file.mngr"
			mngr_code=9
		fi
		;;
	3) rm -f -- "$mngr_file.mngr" ;; # nothing to add
	*)
		rm -f -- "$mngr_file.mngr"
		if [ "$(cksum <"$mngr_file")" = "$mngr_was" ]; then
			echo "mngr: $mngr_file isn't JSON as expected: left as it is"
		else # read while it was written
			mngr_code=9
		fi
		;;
	esac
}

mngr_json_awk='
# The file is read as one text T; at: where we are in it. Of the path each object that is there is entered.
function fail() { failed = 1; exit 4 }
function quoted(s,  i, c, text) {
	text = ""
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (c == "\\" || c == "\"") text = text "\\" c
		else if (c == "\n") text = text "\\n"
		else if (c == "\t") text = text "\\t"
		else if (c == "\r") text = text "\\r"
		else if (c < " ") text = text sprintf("\\u%04x", ord[c])
		else text = text c
	}
	return "\"" text "\""
}
function blank(  c) {
	while (at <= n) {
		c = T[at]
		if (c == " " || c == "\t" || c == "\n" || c == "\r") at++
		else if (c == "/" && T[at + 1] == "/") while (at <= n && T[at] != "\n") at++
		else if (c == "/" && T[at + 1] == "*") {
			at += 2
			while (at <= n && !(T[at] == "*" && T[at + 1] == "/")) at++
			at += 2
		} else return
	}
}
# string: reads one, and is its text, with escapes taken for what they mean (\u only below 128).
function string(  text, c, code) {
	if (T[at] != "\"") fail()
	at++
	text = ""
	while (at <= n && T[at] != "\"") {
		c = T[at]
		if (c == "\\") {
			c = T[++at]
			if (c == "n") c = "\n"
			else if (c == "t") c = "\t"
			else if (c == "r") c = "\r"
			else if (c == "b") c = "\b"
			else if (c == "f") c = "\f"
			else if (c == "u") {
				code = tolower(T[at + 1] T[at + 2] T[at + 3] T[at + 4])
				at += 4
				c = (code in char) ? char[code] : "\\u" code
			}
		}
		text = text c
		at++
	}
	if (at > n) fail()
	at++
	return text
}
# value(DEPTH): reads one; DEPTH: so many keys of the path have led here, -1 if others did. Notes what it finds.
function value(depth,  c, key, deeper, last) {
	blank()
	c = T[at]
	if (depth == parts) found = 1
	if (c == "{") {
		if (depth >= 0 && depth < parts) { reached = depth; inside = at; kind = "{" }
		at++
		blank()
		if (depth >= 0 && depth < parts) empty = (T[at] == "}")
		while (T[at] != "}") {
			key = string()
			blank()
			if (T[at] != ":") fail()
			at++
			deeper = (depth >= 0 && depth < parts && key == part[depth + 1]) ? depth + 1 : -1
			if (deeper > 0 && deeper < parts) { reached = deeper; kind = "" }
			value(deeper)
			blank()
			if (T[at] == ",") { at++; blank() }
			else if (T[at] != "}") fail()
		}
		at++
	} else if (c == "[") {
		at++
		blank()
		if (depth == parts) { list = at; listempty = (T[at] == "]") }
		while (T[at] != "]") {
			blank()
			if (depth == parts && T[at] == "\"") { if (string() == ENVIRON["MNGR_VALUE"]) member = 1 }
			else value(-1)
			blank()
			if (T[at] == ",") { at++; blank() }
			else if (T[at] != "]") fail()
		}
		at++
	} else if (c == "\"") string()
	else {
		last = at
		while (at <= n && T[at] ~ /[-+.0-9A-Za-z]/) at++
		if (at == last) fail()
	}
}
function show(from, to,  i, s) {
	s = ""
	for (i = from; i <= to; i++) {
		s = s T[i]
		if (length(s) > 1000) { printf "%s", s; s = "" }
	}
	printf "%s", s
}
BEGIN {
	for (i = 1; i < 128; i++) { c = sprintf("%c", i); ord[c] = i; char[sprintf("%04x", i)] = c }
	n = 0
	while ((got = (getline line < ENVIRON["MNGR_FILE"])) > 0) {
		m = split(line, chars, "")
		for (i = 1; i <= m; i++) T[++n] = chars[i]
		T[++n] = "\n"
	}
	parts = split(ENVIRON["MNGR_PATH"], part, "\001") - 1
	wanted = (ENVIRON["MNGR_MODE"] == "add") ? quoted(ENVIRON["MNGR_VALUE"]) : ENVIRON["MNGR_VALUE"]
	at = 1
	value(0)
	blank()
	if (at <= n) fail()
	if (found) {
		if (ENVIRON["MNGR_MODE"] == "set" || member) exit 3
		if (!list) fail()
		show(1, list - 1)
		printf "%s", wanted (listempty ? "" : ", ")
		show(list, n)
		exit 0
	}
	if (kind != "{") fail() # something that is no object stands in the way
	made = (ENVIRON["MNGR_MODE"] == "add") ? "[" wanted "]" : wanted
	for (i = parts; i > reached + 1; i--) made = "{" quoted(part[i]) ": " made "}"
	show(1, inside)
	printf "%s", quoted(part[reached + 1]) ": " made (empty ? "" : ", ")
	show(inside + 1, n)
	exit 0
}
END { if (failed) exit 4 }
'
