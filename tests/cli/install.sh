# shellcheck disable=SC1091,SC2154
# make install: all of it is there, a program compiles against it and runs, Python finds it, and make uninstall takes it away.
. "$(dirname "$0")/lib.sh"

root=$(cd "$here/../.." && pwd)
variant=${build##*-}
compiler=$(basename "$build")
compiler=${compiler%-*}
case $variant in
release | debug) ;;
*) echo "an instrumented library is not for installing"; exit 77 ;;
esac
# With other PREFIX and DESTDIR than anybody has, so that nothing can be found by luck.
prefix=/opt/xrayfile-test
tree=$work/tree
there=$tree$prefix
to_tree() { make -s -C "$root" CC="$compiler" VARIANT="$variant" DESTDIR="$tree" PREFIX="$prefix" "$1" >"$out" 2>"$err"; }

to_tree install
check "make install" test $? = 0
for tool in "$build"/bin/xray-*; do
    tool=$(basename "$tool")
    check "$tool is there" test -x "$there/bin/$tool"
    check "$tool has a manual page" test -s "$there/share/man/man1/$tool.1"
    for file in "bash-completion/completions/$tool" "zsh/site-functions/_$tool" "fish/vendor_completions.d/$tool.fish"; do
        check "$tool completes: $file" test -s "$there/share/$file"
    done
done
for page in "$root"/tools/*.5 "$root"/tools/*.7; do
    check "$(basename "$page")" cmp -s "$page" "$there/share/man/man${page##*.}/$(basename "$page")"
done
for file in include/xrayfile.h include/xrayfile.hpp lib/libxrayfile.a lib/libxrayfile.so lib/libxrayfile.so.0 \
    lib/pkgconfig/libxrayfile.pc share/xrayfile/prices.tsv; do
    check "$file" test -s "$there/$file"
done
module=$(find "$there/lib" -name xrayfile.py)
check "one Python module" test "$(echo "$module" | wc -l)" = 1 -a -s "$module"

# A program of somebody who has nothing but the installed tree. pkg-config says where, below the root it is told.
flags() { PKG_CONFIG_SYSROOT_DIR=$tree PKG_CONFIG_PATH=$there/lib/pkgconfig pkg-config "$@" libxrayfile; }
version=$("$build/bin/xray-ls" --version | sed -n '1s/.* //p')
check "pkg-config knows the version" test "$(flags --modversion)" = "$version"
cp "$root/examples/scopes.c" "$root/examples/scopes.cpp" "$work"
# build_and_run NAME COMPILER STANDARD SOURCE FLAGS: with the library beside it, or within it
build_and_run()
{
    # shellcheck disable=SC2086
    (cd "$work" && "$2" "-std=$3" -Wall -Wextra -Werror "$4" -o program $5) >"$out" 2>"$err"
    check "$1 compiles" test $? = 0
    rm -rf "$work/store"
    (cd "$work" && XRAY_CONFIG='' XRAY_DIR=$work/store LD_LIBRARY_PATH=$there/lib ./program) >"$out" 2>"$err"
    check "$1 runs" test $? = 0
    "$there/bin/xray-ls" "$work/store" >"$out" 2>"$err"
    check "$1 has written a trace" test $? = 0
}
build_and_run "a program in C" "$compiler" c11 scopes.c "$(flags --cflags --libs)"
if [ "$compiler" = gcc ] && command -v g++ >/dev/null; then
    build_and_run "a program in C++" g++ c++17 scopes.cpp "$(flags --cflags --libs)"
fi
build_and_run "a program that links statically" "$compiler" c11 scopes.c \
    "$(flags --cflags) $there/lib/libxrayfile.a $(pkg-config --libs libzstd msgpack libxxhash json-c libpcre2-8 yaml-0.1) -lpthread -lm"
if [ -x /usr/bin/python3 ]; then
    rm -rf "$work/store"
    (cd "$work" && env -u XRAY_LIB PYTHONPATH="$(dirname "$module")" PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -c '
import sys, xrayfile as xray
assert xray.__file__ == sys.argv[1], xray.__file__
xray.configure(dir=sys.argv[2], strict=True)
with xray.run("installed"), xray.step("s") as st:
    st.accept("a")
assert xray._library.path.startswith(sys.argv[3]), xray._library.path' "$module" "$work/store" "$there") >"$out" 2>"$err"
    check "the Python module finds the library that was installed with it" test $? = 0
    "$there/bin/xray-ls" "$work/store" >"$out" 2>"$err"
    check "and writes" has "$out" installed
fi

to_tree uninstall
check "make uninstall" test $? = 0
check "make uninstall leaves no file" test -z "$(find "$tree" ! -type d)"
finish
