# shellcheck disable=SC1091,SC2154
# xrayfile.hpp: compiles without a warning with both compilers, and records what it should.
. "$(dirname "$0")/lib.sh"

root=$(cd "$here/../.." && pwd)
libraries=$(pkg-config --libs libzstd msgpack libxxhash json-c libpcre2-8 yaml-0.1)
case $build in
*-asan) sanitize='-fsanitize=address,undefined' ;;
*) sanitize= ;;
esac

# try COMMAND...: as `run`, for what is no tool of ours.
try()
{
    status=0
    "$@" >"$out" 2>"$err" </dev/null || status=$?
}

wrote() { check "$compiler: $1" has "$work/$compiler.ndjson" "$1"; }

for compiler in g++ clang++; do
    command -v $compiler >/dev/null || continue
    case $build/$compiler in # the runtime of a sanitizer is its own compiler's
    *gcc-asan/clang++ | *clang-asan/g++ | *gcc-cov/clang++ | *clang-cov/g++) continue ;;
    esac
    # shellcheck disable=SC2086
    try $compiler -std=c++17 -Wall -Wextra -Wshadow -pedantic -Werror -O1 $sanitize -I"$root/libxrayfile/include" \
        "$root/tests/cpp/scopes.cpp" -o "$work/scopes" "$build/libxrayfile.a" $libraries -lpthread -lm
    check "$compiler compiles it" test "$status" = 0
    rm -rf "$work/store"
    try "$work/scopes" "$work/store"
    check "$compiler: it runs" test "$status" = 0
    run xray-cat -j "$work/store"
    cp "$out" "$work/$compiler.ndjson"
    wrote '"pipeline":"cpp","status":"success"'
    wrote '"tags":{"ab":"b"},"metadata":{"n":3},"input":"text"'
    wrote '"name":"values","type":"llm","status":"success"'
    wrote '"input":{"q":[1,2]},"output":1.5,"reasoning":"because"'
    wrote '"item":"B0","verdict":"reject","reasons":[{"code":"too_high"}],"evidence":{"price":119.0,"limit":60,"odd":true,"why":"text"}'
    wrote '"item":"B3","verdict":"modify","reasons":[{"code":"cut"}],"evidence":{"n":null}'
    wrote '"body":{"selected":["B1"],"alternatives":[{"id":"B0","score":0.25,"why_not":"too_high"}],"reason":"best","score":0.5,"by":"rule"}'
    wrote '"name":"known","type":"tool","status":"failure"'
    wrote '"error":{"type":"shop::price_error","message":"no price for B0"}'
    wrote '"error":{"type":"exception","message":"left by an exception"}'
    wrote '"error":{"type":"int","message":""}'
    wrote '"name":"caught","type":"tool","status":"partial"'
    wrote '"error":{"type":"std::bad_alloc"'
    wrote '"name":"moved","type":"rank","status":"success"'
    wrote '"candidates_in":7,"candidates_out":3'
    wrote '"parent":6,"name":"threaded"'
    wrote '"name":"returns","type":"tool","status":"success"'
    wrote '"pipeline":"fails","status":"failure"'
    wrote '"error":{"type":"std::string","message":"plain"}'

    # shellcheck disable=SC2086
    try $compiler -std=c++17 -Wall -Wextra -Werror $sanitize -I"$root/libxrayfile/include" "$root/examples/scopes.cpp" \
        -o "$work/example" "$build/libxrayfile.a" $libraries -lpthread -lm
    check "$compiler compiles the example" is_status 0
    rm -rf "$work/store"
    XRAY_CONFIG='' XRAY_DIR=$work/store try "$work/example"
    check "$compiler: the example goes on after an exception" is_status 0
    run xray-cat -j "$work/store"
    cp "$out" "$work/$compiler.ndjson"
    wrote '"error":{"type":"std::out_of_range","message":"map::at'
    wrote '"item":"B0BOT4","verdict":"reject","reasons":[{"code":"price_too_high"}],"evidence":{"price":119.0,"limit":60.0}'
done

finish
