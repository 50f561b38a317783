// Everything of xrayfile.hpp once; tests/cli/cpp.sh reads what it wrote.
#include <xrayfile.hpp>

#include <thread>

#undef NDEBUG
#include <cassert>

namespace shop {
struct price_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};
} // namespace shop

static_assert(!std::is_copy_constructible_v<xray::step> && std::is_move_constructible_v<xray::step>);
static_assert(!std::is_copy_constructible_v<xray::run> && !std::is_copy_constructible_v<xray::writer>);

static void exceptions()
{
    try {
        xray::in_step("known", "tool", [](xray::step &) -> int { throw shop::price_error("no price for B0"); });
        assert(false);
    } catch (const shop::price_error &e) { // the same exception, not swallowed
        assert(std::string_view(e.what()) == "no price for B0");
    }
    try {
        xray::step st("unwound", "tool");

        throw std::out_of_range("x");
    } catch (const std::out_of_range &) {
    }
    try {
        xray::in_step("odd", "tool", [](xray::step &) { throw 42; });
        assert(false);
    } catch (int n) {
        assert(n == 42);
    }
    xray::step st("caught", "tool");
    try {
        throw std::bad_alloc();
    } catch (...) {
        st.set_error();
    }
    st.outcome(XRAY_PARTIAL); // said, so not failure
}

static void values(xray::run &run)
{
    xray::step st("values", "llm");
    const std::string text = "text";

    run.input(text).tag("ab", "b").metadata("n", 3u).set(XRAY_COST, 5);
    st.input(xray::json("{\"q\": [1, 2]}")).output(1.5).reasoning(std::string_view("because"));
    st.reject("B0", "too_high", {{"price", 119.0}, {"limit", 60}, {"odd", true}, {"why", text}});
    st.accept("B1");
    st.defer("B2", "later");
    st.modify("B3", "cut", {{"n", nullptr}});
    st.decide({"pick", {"B1"}, "best", 0.5, std::nan(""), {xray::alternative("B0", 0.25, "too_high")}, XRAY_BY_RULE});
    st.note("retry", xray::json("{\"n\": 2}"));
    assert(st.number() == 1 && st.status() == XRAY_OK && st);
    assert(st.end() == XRAY_OK && !st);
}

static xray::step moved()
{
    xray::step st("moved", "rank");

    st.counts(7, 3);
    return st;
}

int main(int, char **argv)
{
    static const xray_fixed fixed = {{1}, 1700000000000000000, 1000000};
    xray_writer_options options = {};

    options.fixed = &fixed;
    try {
        xray::writer w("/dev/null/no");
        assert(false);
    } catch (const xray::error &e) {
        assert(e.status() == XRAY_EIO && e.sys_errno() != 0);
    }
    xray::writer w(argv[1], &options);
    {
        xray::run run(w, "cpp");

        values(run);
        exceptions();
        {
            xray::step from = moved(), to = std::move(from);

            assert(!from && to);
            std::thread([here = xray::context()] {
                xray::attached a(here);
                xray::step st("threaded", "tool");
            }).join();
        }
        assert(xray_current_run() == run.handle() && xray_current_step() == 0);
        assert(xray::in_step("returns", "tool", [](xray::step &) { return 7; }) == 7);
    }
    assert(xray_current_run() == 0);
    try {
        xray::in_run(w, "fails", [](xray::run &) { throw std::string("plain"); });
    } catch (const std::string &) {
    }
    assert(w.flush() >= 0);
    return w.close() == XRAY_SEALED ? 0 : 1;
}
