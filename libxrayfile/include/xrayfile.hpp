/* xrayfile.hpp - decision traces from C++17: xrayfile.h with scopes, views and exceptions.
 *
 *     xray::run run(w, "competitor_selection");
 *     {
 *         xray::step st("filter_price", "filter");
 *
 *         st.reject("B0BOT4", "price_too_high", {{"price", 119.0}, {"limit", 60}});
 *         st.accept("B0BOT1");
 *     }
 *     auto hits = xray::in_step("search", "search", [&](xray::step &st) { return search(st); });
 *
 * Header only, over the C interface; names are those of xrayfile.h without the prefix, and so are contracts. A run or step
 * is current (xrayfile.h, section 9) from its construction to its end, which is its destructor at the latest. It
 * belongs to the thread that made it.
 *
 * Nothing here throws but the opening of a writer, and whatever the functions given to in_run and in_step throw.
 *
 * Exceptions are recorded and go on. in_run and in_step record them whole: type (demangled), message, outcome failure. A
 * destructor that runs because of one cannot know which, so it records that there was one, and failure; set_error in
 * a catch block does better. */
#ifndef XRAYFILE_HPP
#define XRAYFILE_HPP

#include <xrayfile.h>

#include <cmath>
#include <cstdlib>
#include <exception>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#if defined(__GNUC__)
#include <cxxabi.h>
#endif

namespace xray {

inline xray_str str(std::string_view s) noexcept
{
    return xray_strn(s.data(), s.size());
}

/* Why a writer could not be opened. */
class error : public std::runtime_error {
public:
    explicit error(const xray_error &e) : std::runtime_error(e.message), status_(e.status), sys_errno_(e.sys_errno) {}
    int status() const noexcept { return status_; }
    int sys_errno() const noexcept { return sys_errno_; }

private:
    int status_, sys_errno_;
};

/* Anything that can be recorded: made from bool, numbers and text, or by json(), msgpack(), bin(). Borrows texts. */
class value {
public:
    value() noexcept : v_(xray_nil()) {}
    value(std::nullptr_t) noexcept : v_(xray_nil()) {}
    value(const xray_value &v) noexcept : v_(v) {}
    value(const char *text) noexcept : v_(xray_text(text)) {}
    value(std::string_view text) noexcept : v_(xray_textn(text.data(), text.size())) {}
    value(const std::string &text) noexcept : v_(xray_textn(text.data(), text.size())) {}

    template <class T, std::enable_if_t<std::is_arithmetic_v<T>, int> = 0> value(T n) noexcept : v_(of(n)) {}

    operator xray_value() const noexcept { return v_; }

private:
    template <class T> static xray_value of(T n) noexcept
    {
        if constexpr (std::is_same_v<T, bool>)
            return xray_bool(n);
        else if constexpr (std::is_floating_point_v<T>)
            return xray_double(static_cast<double>(n));
        else if constexpr (std::is_signed_v<T>)
            return xray_int(n);
        else
            return xray_uint(n);
    }

    xray_value v_;
};

inline value json(std::string_view text) noexcept { return xray_jsonn(text.data(), text.size()); }
inline value msgpack(std::string_view bytes) noexcept { return xray_msgpack(bytes.data(), bytes.size()); }
inline value bin(std::string_view bytes) noexcept { return xray_bin(bytes.data(), bytes.size()); }

/* One piece of evidence: {"price", 119.0}. */
struct attr : xray_attr {
    attr(std::string_view k, const xray::value &v) noexcept : xray_attr{str(k), v} {}
};
static_assert(sizeof(attr) == sizeof(xray_attr), "lists of attr are lists of xray_attr");

using attrs = std::initializer_list<attr>;

namespace detail {

/* "std::out_of_range" for St12out_of_range. */
inline std::string type_name(const std::type_info &type)
{
#if defined(__GNUC__)
    int status = 0;
    std::unique_ptr<char, void (*)(void *)> name(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), std::free);

    if (status == 0 && name)
        return name.get();
#endif
    return type.name();
}

/* A map {type, message} as MessagePack; texts beyond 64 KiB are cut. */
inline std::string error_map(std::string_view type, std::string_view message)
{
    std::string out = "\x82";
    auto put = [&out](std::string_view text) {
        text = text.substr(0, 0xffff);
        out += '\xda';
        out += static_cast<char>(text.size() >> 8);
        out += static_cast<char>(text.size() & 0xff);
        out += text;
    };

    put("type");
    put(type);
    put("message");
    put(message);
    return out;
}

/* Calls record(type, message) for the exception being handled; not at all if there is no memory for it. */
template <class Record> void describe_current(Record record) noexcept
{
    try {
        try {
            throw;
        } catch (const std::exception &e) {
            record(type_name(typeid(e)), e.what());
        } catch (const std::string &text) {
            record("std::string", text);
        } catch (const char *text) {
            record("const char*", text != nullptr ? text : "");
        } catch (...) {
#if defined(__GNUC__)
            const std::type_info *type = abi::__cxa_current_exception_type();
            record(type != nullptr ? type_name(*type) : std::string("unknown"), "");
#else
            record("unknown", "");
#endif
        }
    } catch (...) {
    }
}

} // namespace detail

/* What runs and steps have in common. Handle is xray_run or xray_step. */
template <class Self> class scope {
public:
    scope(const scope &) = delete;
    scope &operator=(const scope &) = delete;

    /* Whether anything is recorded. */
    explicit operator bool() const noexcept { return s_.status == XRAY_OK && !s_.left; }
    int status() const noexcept { return s_.status; }

    Self &set(xray_field field, const value &v) noexcept
    {
        error_set_ |= field == XRAY_ERROR;
        return self().call_set(field, v);
    }
    Self &set(xray_int_field field, int64_t n) noexcept { return self().call_set(field, n); }
    Self &add(xray_field field, std::string_view key, const value &v) noexcept { return self().call_add(field, str(key), v); }

    Self &input(const value &v) noexcept { return set(XRAY_INPUT, v); }
    Self &output(const value &v) noexcept { return set(XRAY_OUTPUT, v); }
    Self &tag(std::string_view key, const value &v) noexcept { return add(XRAY_TAGS, key, v); }
    Self &metadata(std::string_view key, const value &v) noexcept { return add(XRAY_METADATA, key, v); }

    /* The outcome to end with. Without it: failure if an error was set or an exception passed, else success. */
    Self &outcome(xray_outcome o) noexcept
    {
        s_.outcome = o;
        return self();
    }

    Self &set_error(std::string_view type, std::string_view message) noexcept
    {
        try {
            const std::string map = detail::error_map(type, message);
            return set(XRAY_ERROR, msgpack(map));
        } catch (...) { /* no memory for the text: the failure is recorded all the same */
            error_set_ = true;
            return outcome(XRAY_FAILURE);
        }
    }

    /* The exception being handled. Does nothing outside of a catch block. */
    Self &set_error() noexcept
    {
        if (std::current_exception())
            detail::describe_current([this](const std::string &type, std::string_view m) { set_error(type, m); });
        return self();
    }

    /* Ends it before its destructor does. Returns what was recorded with, or a negative status. */
    int end() noexcept { return xray_scope_leave(&s_); }
    int end(xray_outcome o) noexcept
    {
        s_.outcome = o;
        return end();
    }

protected:
    explicit scope(const xray_scope &s) noexcept : s_(s), exceptions_(std::uncaught_exceptions()) {}
    scope(scope &&other) noexcept : s_(other.s_), exceptions_(other.exceptions_), error_set_(other.error_set_)
    {
        other.s_.left = true;
    }

    ~scope()
    {
        if (!s_.left && std::uncaught_exceptions() > exceptions_)
            self().passed_by_exception();
        if (!s_.left)
            end();
    }

    void passed_by_exception() noexcept
    {
        if (s_.outcome == XRAY_ENDED && !error_set_)
            set_error("exception", "left by an exception");
    }

    Self &self() noexcept { return static_cast<Self &>(*this); }

    xray_scope s_;

private:
    int exceptions_;
    bool error_set_ = false;
};

/* What was decided. Lists are borrowed for the call. */
struct decision {
    std::string_view name;
    std::initializer_list<std::string_view> selected = {};
    std::string_view reason = {};
    double score = std::nan("");
    double confidence = std::nan("");
    std::vector<xray_alternative> alternatives = {}; /* xray::alternative(...) */
    xray_by by = XRAY_BY_UNSAID;
};

inline xray_alternative alternative(std::string_view id, double score, std::string_view why_not = {}) noexcept
{
    return xray_alternative{str(id), score, str(why_not)};
}

namespace detail {

/* Calls record(const xray_decision *); XRAY_ENOMEM if there is no memory for the list. */
template <class Record> int decide(const decision &d, Record record) noexcept
{
    try {
        std::vector<xray_str> selected;
        xray_decision c = {};

        for (std::string_view s : d.selected)
            selected.push_back(str(s));
        c.name = str(d.name);
        c.selected = selected.data();
        c.selected_count = selected.size();
        c.alternatives = d.alternatives.data();
        c.alternative_count = d.alternatives.size();
        c.reason = str(d.reason);
        c.score = d.score;
        c.confidence = d.confidence;
        c.by = d.by;
        c.after = XRAY_MISSING;
        return record(&c);
    } catch (...) {
        return XRAY_ENOMEM;
    }
}

} // namespace detail

class run : public scope<run> {
public:
    /* In the process's own writer, or in the one given; one that is NULL records nothing. */
    explicit run(std::string_view pipeline, const xray_run_options *options = nullptr) noexcept
        : run(xray_default(), pipeline, options)
    {
    }
    run(xray_writer *w, std::string_view pipeline, const xray_run_options *options = nullptr) noexcept
        : scope(xray_run_enter(w, str(pipeline), options))
    {
    }
    run(run &&) noexcept = default;

    xray_run handle() const noexcept { return s_.run; }
    int decide(const decision &d) noexcept
    {
        return detail::decide(d, [this](const xray_decision *c) { return xray_run_decide(s_.run, c); });
    }
    int note(std::string_view name, const value &body) noexcept
    {
        return xray_run_note(s_.run, str(name), body, XRAY_MISSING, 0);
    }

private:
    friend class scope<run>;
    run &call_set(xray_field f, const value &v) noexcept { return xray_run_set(s_.run, f, v), *this; }
    run &call_set(xray_int_field f, int64_t n) noexcept { return xray_run_set_int(s_.run, f, n), *this; }
    run &call_add(xray_field f, xray_str key, const value &v) noexcept { return xray_run_add(s_.run, f, key, v), *this; }
};

class step : public scope<step> {
public:
    /* In the current step or run; where there is none, in an implicit run of its own. */
    explicit step(std::string_view name, std::string_view type = {}, const xray_step_options *options = nullptr) noexcept
        : scope(xray_step_enter(str(name), str(type), options))
    {
    }
    step(step &&) noexcept = default;

    xray_step handle() const noexcept { return s_.step; }
    int64_t number() const noexcept { return xray_step_number(s_.step); }

    int accept(std::string_view item) noexcept { return xray_step_accept(s_.step, str(item)); }
    int reject(std::string_view item, std::string_view reason, attrs evidence = {}) noexcept
    {
        return xray_step_reject(s_.step, str(item), str(reason), evidence.begin(), evidence.size());
    }
    int defer(std::string_view item, std::string_view reason, attrs evidence = {}) noexcept
    {
        return xray_step_defer(s_.step, str(item), str(reason), evidence.begin(), evidence.size());
    }
    int modify(std::string_view item, std::string_view reason, attrs evidence = {}) noexcept
    {
        return xray_step_modify(s_.step, str(item), str(reason), evidence.begin(), evidence.size());
    }
    int candidate(const xray_candidate &c) noexcept { return xray_step_candidate(s_.step, &c); }

    int decide(const decision &d) noexcept
    {
        return detail::decide(d, [this](const xray_decision *c) { return xray_step_decide(s_.step, c); });
    }
    int note(std::string_view name, const value &body) noexcept
    {
        return xray_step_note(s_.step, str(name), body, XRAY_MISSING, 0);
    }

    int set_candidates(const std::vector<xray_candidate> &list, xray_capture mode = XRAY_CAPTURE_SMART, std::size_t sample_size = 0,
                       uint64_t seed = 0) noexcept
    {
        return xray_step_set_candidates(s_.step, list.data(), list.size(), mode, sample_size, seed);
    }
    int usage(const xray_usage &u) noexcept { return xray_step_usage(s_.step, &u); }

    step &reasoning(const value &v) noexcept { return set(XRAY_REASONING, v); }
    step &counts(int64_t in, int64_t out) noexcept { return set(XRAY_CANDIDATES_IN, in).set(XRAY_CANDIDATES_OUT, out); }

private:
    friend class scope<step>;
    step &call_set(xray_field f, const value &v) noexcept { return xray_step_set(s_.step, f, v), *this; }
    step &call_set(xray_int_field f, int64_t n) noexcept { return xray_step_set_int(s_.step, f, n), *this; }
    step &call_add(xray_field f, xray_str key, const value &v) noexcept { return xray_step_add(s_.step, f, key, v), *this; }
};

namespace detail {

template <class Scope, class F> decltype(auto) inside(Scope &s, F &&f)
{
    try {
        return std::forward<F>(f)(s);
    } catch (...) {
        s.set_error();
        throw;
    }
}

} // namespace detail

/* Calls f(step &) in a step of its own and returns what it returns. What it throws is recorded and goes on. */
template <class F> decltype(auto) in_step(std::string_view name, std::string_view type, F &&f)
{
    step s(name, type);

    return detail::inside(s, std::forward<F>(f));
}

/* f(run &), likewise. */
template <class F> decltype(auto) in_run(xray_writer *w, std::string_view pipeline, F &&f)
{
    run r(w, pipeline);

    return detail::inside(r, std::forward<F>(f));
}

/* What a thread is doing, to go on with it in another one:
 *
 *     std::thread([here = xray::context()] { xray::attached a(here); ... }); */
class context {
public:
    context() noexcept : run_(xray_current_run()), step_(xray_current_step()) {}

private:
    friend class attached;
    xray_run run_;
    xray_step step_;
};

class attached {
public:
    explicit attached(const context &c) noexcept : mark_(xray_attach(c.run_, c.step_)) {}
    attached(const attached &) = delete;
    attached &operator=(const attached &) = delete;
    ~attached() { xray_detach(mark_); }

private:
    int mark_;
};

/* A writer that is closed with its owner. */
class writer {
public:
    explicit writer(const char *dir, const xray_writer_options *options = nullptr)
    {
        xray_error e;

        if (xray_writer_open(&w_, dir, options, &e) < 0)
            throw error(e);
    }
    explicit writer(const xray_config *config)
    {
        xray_error e;

        if (xray_writer_open_config(&w_, config, &e) < 0)
            throw error(e);
    }
    writer(writer &&other) noexcept : w_(std::exchange(other.w_, nullptr)) {}
    writer &operator=(writer &&other) noexcept
    {
        std::swap(w_, other.w_);
        return *this;
    }
    ~writer() { xray_writer_close(w_, -1, nullptr); }

    operator xray_writer *() const noexcept { return w_; }
    int flush(int timeout_ms = -1) noexcept { return xray_writer_flush(w_, timeout_ms, nullptr); }
    int sync(int timeout_ms = -1) noexcept { return xray_writer_sync(w_, timeout_ms, nullptr); }
    int close(int timeout_ms = -1) noexcept { return xray_writer_close(std::exchange(w_, nullptr), timeout_ms, nullptr); }

private:
    xray_writer *w_ = nullptr;
};

} // namespace xray

#endif
