// Tracing from C++: scopes own runs and steps, and exceptions become errors. Compile with
//
//     c++ -std=c++17 scopes.cpp $(pkg-config --cflags --libs libxrayfile)
//
// and run with XRAY_DIR=traces.
#include <xrayfile.hpp>

#include <cstdio>
#include <map>
#include <string>

static const std::map<std::string, double> prices = {{"B0BOT1", 27.5}, {"B0BOT4", 119.0}};

static double price_of(const std::string &id)
{
    return xray::in_step("price", "tool", [&](xray::step &st) {
        st.input(id);
        return prices.at(id); // what it throws is recorded with type and message, and goes on
    });
}

static void answer(const std::string &id, double limit)
{
    xray::run run("offers");
    xray::step st("filter_price", "filter");
    const double price = price_of(id);

    if (price > limit)
        st.reject(id, "price_too_high", {{"price", price}, {"limit", limit}});
    else
        st.accept(id);
}

int main()
{
    for (const char *id : {"B0BOT1", "B0BOT4", "B0GONE"}) {
        try {
            answer(id, 60);
        } catch (const std::exception &e) {
            std::fprintf(stderr, "scopes: %s: %s\n", id, e.what());
        }
    }
}
