# shellcheck disable=SC1091,SC2154,SC2016
# What is looked for in raw blocks hides nothing: random patterns over random stores find the same as without that
# look, and as a search that opens every run.
. "$(dirname "$0")/lib.sh"

seed=${XRAY_TEST_SEED:-1}
stores=6 patterns=25
[ -z "${XRAY_TEST_LONG:-}" ] || { stores=50 patterns=200; }

# generate SEED: a store as NDJSON. Ids in each of the forms that are packed, texts that are shared, numbers,
# keys, letters of which Unicode has other forms, candidates, decisions and notes.
generate()
{
    awk -v seed="$1" '
    function pick(list,    n, a) { n = split(list, a, " "); return a[1 + int(rand() * n)] }
    function word() { return pick("stand case phone KIOSK kiosk sKy MASS price_too_high Zürich naïve \\u212aelvin \\u017fun a1b2 0042 x.y 7Q 4.5 deadbeef cafe-babe null") }
    function hex(n,    s) { for (s = ""; n > 0; n--) s = s sprintf("%x", int(rand() * 16)); return s }
    function text(    n, s) { for (n = 1 + int(rand() * 6); n > 0; n--) s = s (s == "" ? "" : " ") word(); return s }
    function value(    k) {
        k = int(rand() * 7)
        if (k == 0) return int(rand() * 100000)
        if (k == 1) return sprintf("%.3f", rand() * 100 - 50)
        if (k == 2) return "[\"" text() "\"," int(rand() * 50) "]"
        if (k == 3) return "{\"" word() "\":\"" text() "\"}"
        if (k == 4) return "{\"messages\":[{\"role\":\"user\",\"content\":\"" shared[int(rand() * 4)] "\"},{\"content\":\"" text() "\"}]}"
        return "\"" text() "\""
    }
    function item() {
        if (form == 0) return hex(10)
        if (form == 1) return hex(8) "-" hex(4) "-" hex(4) "-" hex(4) "-" hex(12)
        if (form == 2) return sprintf("SKU-%06d", int(rand() * 1000000))
        if (form == 3) return "cafe" hex(6)
        return word() "/" int(rand() * 100)
    }
    BEGIN {
        srand(seed)
        for (i = 0; i < 4; i++)
            shared[i] = text() " " text() " a long text that many steps have in common, so that it is stored once " hex(8)
        runs = 10 + int(rand() * 30)
        form = int(rand() * 5)
        for (r = 1; r <= runs; r++) {
            id = sprintf("%08x", r) hex(24)
            printf "{\"kind\":\"run\",\"run\":\"%s\",\"ext_id\":\"%s\",\"pipeline\":\"p\",\"status\":\"success\",\"input\":%s}\n", id, item(), value()
            for (s = 1; s <= 3; s++) {
                printf "{\"kind\":\"step\",\"run\":\"%s\",\"step\":%d,\"name\":\"%s\",\"type\":\"filter\",\"status\":\"success\",\"input\":%s,\"output\":%s}\n", id, s, word(), value(), value()
                for (c = int(rand() * 5); c > 0; c--)
                    printf "{\"kind\":\"cand\",\"run\":\"%s\",\"step\":%d,\"item\":\"%s\",\"verdict\":\"reject\",\"reasons\":[{\"code\":\"%s\"}],\"score\":%.2f,\"evidence\":{\"%s\":%s,\"n\":%d}}\n", id, s, item(), word(), rand(), word(), value(), int(rand() * 1000)
                if (rand() < 0.2)
                    printf "{\"kind\":\"decision\",\"run\":\"%s\",\"step\":%d,\"name\":\"%s\",\"body\":{\"reason\":\"%s\"}}\n", id, s, word(), text()
            }
        }
    }' </dev/null
}

# patterns SEED COUNT FILE: lines of options, a tab, and a pattern. Half of them are made of what stands in the FILE: a few
# characters of a line, into which something is put that need not be there.
patterns()
{
    awk -v seed="$1" -v count="$2" '
    function pick(list,    n, a) { n = split(list, a, " "); return a[1 + int(rand() * n)] }
    function word() { return pick("stand case phone KIOSK kiosk sky MASS price_too_high Zürich naïve elvin sun a1b2 0042 7Q dead cafe babe SKU-0 in_common text 12 5 e messages content stored") }
    function piece(    k) {
        k = int(rand() * 16)
        if (k < 6) return word()
        if (k == 6) return word() pick("? * + {2} {0,1} {1,}")
        if (k == 7) return "(" word() "|" word() ")"
        if (k == 8) return "(?:" word() ")" pick("? + *")
        if (k == 9) return "[a-f0-9]" pick("+ {2} *")
        if (k == 10) return "\\" pick("d w s b S . - d+ w*")
        if (k == 11) return "."
        if (k == 12) return " "
        if (k == 13) return "(?" pick("! = <! <=") word() ")"
        if (k == 14) return pick("^ $ .* [^x] [k-s] [sS]")
        return substr(word(), 1 + int(rand() * 2))
    }
    function found(    line, n, i, a, s, at) {
        line = lines[1 + int(rand() * NR)]
        gsub(/"run":"[0-9a-f]*"/, "", line)
        n = split(line, a, /[^-a-zA-Z0-9_ ]+/)
        for (i = 0; i < 20 && length(s) < 4; i++) s = a[1 + int(rand() * n)]
        at = 1 + int(rand() * (length(s) - 3))
        s = substr(s, at, 3 + int(rand() * 8))
        at = int(rand() * (length(s) + 1))
        if (rand() < 0.6)
            s = substr(s, 1, at) pick("q? Z* (no)? (?:x|y)* w{0,2} () [^\\ny]? (?=.?) \\b? \\d* (q|.{0}) _{0} QQ?Q{0}Q{0}") substr(s, at + 1)
        return s
    }
    { lines[NR] = $0 }
    END {
        srand(seed)
        for (i = 0; i < count; i++) {
            options = pick("-c -c -c -c -c,-i -c,-i -c,-w -c,-x -c,-F -c,-F,-i -c,-S --count-runs -c,--unit=cand -l -c,--in=cand -c,-v")
            p = ""
            for (n = 1 + int(rand() * 4); n > 0; n--) p = p piece()
            if (rand() < 0.5) p = found()
            if (rand() < 0.1) p = p "|" word()
            if (rand() < 0.05) p = "(?i)" p
            print options "\t" p
        }
    }' "$3"
}

# search PATTERN OPTIONS...: what is printed and the exit status, in $found.
search()
{
    run xray-grep "$@"
    found="$status $(cat "$out")"
}

trial=0 hits=0 differ=0
for n in $(seq $stores); do
    generate "$((seed * 1000 + n))" >"$work/in.ndjson"
    rm -rf "$work/s"
    make_store s "$work/in.ndjson"
    patterns "$((seed * 2000 + n))" $patterns "$work/in.ndjson" >"$work/patterns"
    while IFS='	' read -r options pattern; do
        # shellcheck disable=SC2046
        set -- $(printf '%s' "$options" | tr , ' ') --threads $((1 + trial % 3))
        search "$@" -e "$pattern" "$work/s"
        with=$found
        export XRAY_TEST_NO_PREFILTER=1
        search "$@" -e "$pattern" "$work/s"
        unset XRAY_TEST_NO_PREFILTER
        trial=$((trial + 1))
        [ "$status" != 0 ] || hits=$((hits + 1))
        [ "$with" = "$found" ] && continue
        differ=$((differ + 1))
        echo "store $n: $* '$pattern': $with, without $found"
    done <"$work/patterns"
done
check "$trial searches find the same with and without a look at raw blocks" [ $differ = 0 ]
check "many of them find something ($hits)" [ $hits -gt $((trial / 4)) ]
check "many of them find nothing" [ $hits -lt $((trial * 9 / 10)) ]

finish
