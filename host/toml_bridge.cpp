// toml_bridge.cpp -- toml++ behind two C functions: its tree becomes a tree of config_value, its exceptions become
// messages in the user's words.
//
// toml++ keeps tables sorted by key; here they are put back into the order of the file. What it lets pass and we
// cannot use (depth without bound, NUL bytes, dates) is refused before or while the tree is copied.
#define TOML_HEADER_ONLY 0
#include <toml++/toml.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

extern "C" {
#include "toml_bridge.h"
}

namespace {

constexpr int DEEPEST = 64;   // tables and arrays within each other
constexpr int MOST_DOTS = 32; // in one key

struct source {
    arena *memory;
    const char *file;
    const where *fixed; // not null: the one place of everything
    diag *messages;     // may be null
    std::string_view text;
    bool failed;
};

where place(const source &s, const toml::source_position &p)
{
    if (s.fixed)
        return *s.fixed;
    return where{s.file, static_cast<int>(p.line), static_cast<int>(p.column)};
}

void complain(source &s, where at, const std::string &what)
{
    s.failed = true;
    if (s.messages)
        diag_error(s.messages, at, "%s", what.c_str());
}

bool has(std::string_view text, std::string_view part)
{
    return text.find(part) != std::string_view::npos;
}

// ---- before parsing -------------------------------------------------------------------------------------------

// The length of the UTF-8 sequence at p, 0 where there is none.
int sequence(const unsigned char *p, size_t left)
{
    int n = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
          : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;
    if (!n || left < static_cast<size_t>(n))
        return 0;
    for (int i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool outside = (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf4 && p[1] > 0x8f);
    return overlong || outside ? 0 : n;
}

// Whether every byte belongs to valid UTF-8 and none is NUL; the first that does not is an error.
bool readable(source &s)
{
    auto *p = reinterpret_cast<const unsigned char *>(s.text.data());
    toml::source_position at{1, 1};
    for (size_t i = 0; i < s.text.size();) {
        int n = sequence(p + i, s.text.size() - i);
        if (!n || !p[i]) {
            char what[96];
            snprintf(what, sizeof what, n ? "a NUL byte; this is not a text file"
                                          : "byte 0x%02x is not valid UTF-8; save the file as UTF-8", p[i]);
            complain(s, place(s, at), what);
            return false;
        }
        at.line += p[i] == '\n';
        at.column = p[i] == '\n' ? 1 : at.column + 1;
        i += static_cast<size_t>(n);
    }
    return true;
}

// Past a string that begins at i: one line or, after three quotes, several. An unclosed one ends with its line;
// toml++ refuses it there.
size_t past_string(std::string_view t, size_t i)
{
    char quote = t[i];
    bool several = i + 2 < t.size() && t[i + 1] == quote && t[i + 2] == quote;
    for (i += several ? 3 : 1; i < t.size(); i++) {
        if (quote == '"' && t[i] == '\\')
            i++;
        else if (!several && (t[i] == quote || t[i] == '\n'))
            return i + 1;
        else if (several && t[i] == quote && i + 2 < t.size() && t[i + 1] == quote && t[i + 2] == quote)
            return i + 3;
    }
    return t.size();
}

// Whether brackets and dotted keys stay within bounds, so that no recursion over the tree can exhaust the stack.
bool shallow(source &s)
{
    std::string_view t = s.text;
    toml::source_position at{1, 1};
    int open = 0, dots = 0;
    for (size_t i = 0; i < t.size();) {
        size_t next = i + 1;
        char c = t[i];
        if (c == '"' || c == '\'')
            next = past_string(t, i);
        else if (c == '#')
            next = std::min(t.find('\n', i), t.size());
        else if (c == '[' || c == '{')
            open++;
        else if (c == ']' || c == '}')
            open -= open > 0;
        dots = c == '.' ? dots + 1 : c == '\n' || c == '=' || c == ',' ? 0 : dots;
        if (open > DEEPEST || dots > MOST_DOTS) {
            complain(s, place(s, at), open > DEEPEST ? "brackets are nested more than 64 deep"
                                                     : "a key has more than 32 dots");
            return false;
        }
        for (; i < next && i < t.size(); i++) {
            at.line += t[i] == '\n';
            at.column = t[i] == '\n' ? 1 : at.column + ((t[i] & 0xc0) != 0x80);
        }
    }
    return true;
}

// ---- messages -------------------------------------------------------------------------------------------------

std::string_view line_of(const source &s, uint32_t line)
{
    size_t from = 0;
    for (uint32_t i = 1; i < line && from != std::string_view::npos; i++) {
        from = s.text.find('\n', from);
        from = from == std::string_view::npos ? from : from + 1;
    }
    if (from == std::string_view::npos || from >= s.text.size())
        return {};
    return s.text.substr(from, s.text.find('\n', from) - from);
}

// The word without quotes that is no value, and the place where it begins.
std::string word_at(const source &s, toml::source_position &p)
{
    std::string_view line = line_of(s, p.line);
    size_t end = std::min<size_t>(p.column ? p.column - 1 : 0, line.size());
    size_t from = end ? line.find_last_of("=,[", end - 1) : std::string_view::npos;
    from = from == std::string_view::npos ? 0 : from + 1;
    from = std::min(line.find_first_not_of(" \t", from), line.size());
    size_t to = std::min(line.find_first_of(" \t,]}#=\r", from), line.size());
    if (std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(from), [](char c) { return (c & 0x80) == 0; }))
        p.column = static_cast<toml::source_index>(from + 1);
    return std::string(line.substr(from, std::min<size_t>(to - from, 60)));
}

// What to say where a value was expected and something else stands.
std::string no_value(const source &s, toml::source_position &p)
{
    std::string word = word_at(s, p);
    std::string_view line = line_of(s, p.line);
    size_t next = p.column - 1 + word.size();
    next = next < line.size() ? line.find_first_not_of(" \t", next) : next;
    if (next < line.size() && line[next] == '=')
        return "expected a value, found `" + word + " =`: an array above is not closed with ']'";
    return word + " is not a value; a string stands in quotes: \"" + word + "\"";
}

// 'x' out of "cannot redefine existing integer 'x'".
std::string quoted(std::string_view text)
{
    size_t from = text.find('\'');
    size_t to = from == std::string_view::npos ? from : text.rfind('\'');
    return to == from ? std::string() : std::string(text.substr(from + 1, to - from - 1));
}

// What toml++ says, in the words of someone who writes experiment files; p is moved where a better place is known.
// Anything else is passed on as it is.
std::string plain(const source &s, toml::source_position &p, std::string_view said)
{
    size_t colon = said.find(": ");
    std::string_view what = colon == std::string_view::npos ? said : said.substr(colon + 2);
    bool in_string = has(said, "parsing string") || has(said, "parsing literal string");
    if (has(what, "cannot redefine") && has(what, "as array-of-tables"))
        return "[[" + quoted(what) + "]] adds to something that was written in another way above";
    if (has(what, "cannot redefine")) {
        std::string key = quoted(what);
        return key.empty() ? "a key of this name stands above already" : "'" + key + "' is set a second time";
    }
    if (has(what, "expected '=', saw"))
        return "expected `key = value`";
    if (has(what, "expected value, saw"))
        return "a value is missing";
    if (has(said, "array") && has(what, "expected comma"))
        return "an array is not closed with ']', or a comma is missing";
    if (in_string && has(what, "control characters"))
        return "a string is not closed on its line";
    if (in_string && has(what, "end-of-file"))
        return "a string is not closed";
    if (has(what, "end-of-file"))
        return has(said, "array") ? "an array is not closed: a ']' is missing" : "it ends within a value";
    if (has(said, "parsing boolean") || has(what, "could not determine value type") || has(what, "'nan'")
        || has(what, "'inf'"))
        return no_value(s, p);
    if (has(what, "expected a comment or whitespace"))
        return "something follows the value; a string stands in quotes, one key on each line";
    if (has(said, "parsing root table"))
        return "expected `key = value`, [table] or a # comment; " + std::string(what);
    if (has(said, "parsing table header") && has(what, "expected ']'"))
        return "a table's name ends with ']'";
    if (has(said, "parsing inline table") && has(what, "'\\n'"))
        return "an inline table { } ends on the line where it begins";
    return std::string(what);
}

// Where a key that is set twice begins, which toml++ gives only roughly.
toml::source_position key_place(const source &s, toml::source_position p, std::string_view said)
{
    std::string key = quoted(said);
    std::string_view line = line_of(s, p.line);
    size_t at = key.empty() || p.column < 2 ? std::string_view::npos : line.rfind(key, p.column - 1);
    if (at != std::string_view::npos && line.find_first_of("\x80\xff") == std::string_view::npos)
        p.column = static_cast<toml::source_index>(at + 1);
    return p;
}

void report(source &s, const toml::parse_error &e)
{
    toml::source_position p = e.source().begin;
    std::string_view said = e.description();
    std::string words = plain(s, p, said);
    complain(s, place(s, has(said, "cannot redefine") ? key_place(s, p, said) : p), words);
}

// ---- the tree -------------------------------------------------------------------------------------------------

char *text_of(source &s, std::string_view v, where at)
{
    if (v.find('\0') != std::string_view::npos)
        complain(s, at, "a string holds a NUL character");
    auto *copy = static_cast<char *>(arena_new(s.memory, v.size() + 1));
    if (copy)
        std::memcpy(copy, v.data(), v.size());
    return copy;
}

// Item arrays have room for the next power of two, so that merging can insert without moving each time.
config_value **items(source &s, size_t n)
{
    size_t room = 1;
    while (room < n)
        room *= 2;
    return static_cast<config_value **>(arena_new(s.memory, room * sizeof(config_value *)));
}

config_value *convert(source &s, const toml::node &, int depth);

void convert_table(source &s, const toml::table &t, config_value *v, int depth)
{
    std::vector<std::pair<toml::source_position, config_value *>> sorted;
    for (auto &&[key, node] : t) {
        config_value *item = convert(s, node, depth + 1);
        if (!item)
            return;
        item->key_at = place(s, key.source().begin);
        item->key = text_of(s, key.str(), item->key_at);
        // [[x]] begins before its key, x = [ ] after it
        if (item->type == CONFIG_ARRAY && node.source().begin < key.source().begin)
            item->entries = 1;
        sorted.emplace_back(key.source().begin, item);
    }
    std::stable_sort(sorted.begin(), sorted.end(), [](auto &a, auto &b) { return a.first < b.first; });
    v->n = static_cast<int>(sorted.size());
    v->item = items(s, sorted.size());
    for (size_t i = 0; v->item && i < sorted.size(); i++)
        v->item[i] = sorted[i].second;
}

void convert_array(source &s, const toml::array &a, config_value *v, int depth)
{
    v->item = items(s, a.size());
    for (auto &&node : a) {
        config_value *item = convert(s, node, depth + 1);
        if (!item || !v->item)
            return;
        v->item[v->n++] = item;
    }
}

config_value *convert(source &s, const toml::node &node, int depth)
{
    auto *v = static_cast<config_value *>(arena_new(s.memory, sizeof(config_value)));
    if (!v)
        return nullptr;
    v->at = v->key_at = place(s, node.source().begin);
    if (depth > 2 * DEEPEST) {
        complain(s, v->at, "tables are nested too deep");
        return nullptr;
    }
    if (auto *t = node.as_table()) {
        v->type = CONFIG_TABLE;
        convert_table(s, *t, v, depth);
    } else if (auto *a = node.as_array()) {
        v->type = CONFIG_ARRAY;
        convert_array(s, *a, v, depth);
    } else if (auto *text = node.as_string()) {
        v->type = CONFIG_STRING;
        v->text = text_of(s, text->get(), v->at);
    } else if (auto *integer = node.as_integer()) {
        v->type = CONFIG_INT;
        v->integer = integer->get();
        v->real = static_cast<double>(v->integer);
    } else if (auto *real = node.as_floating_point()) {
        v->type = CONFIG_REAL;
        v->real = real->get();
    } else if (auto *boolean = node.as_boolean()) {
        v->type = CONFIG_BOOL;
        v->integer = boolean->get();
    } else {
        complain(s, v->at, node.is_time() ? "a time; Tenon has no option of that type"
                                          : "a date; Tenon has no option of that type");
    }
    return v;
}

// The parsed tree; nullptr after an error. Nothing is thrown out of here.
config_value *parse(source &s)
{
    try {
        if (!readable(s) || !shallow(s))
            return nullptr;
        toml::table t = toml::parse(s.text, std::string_view());
        config_value *root = convert(s, t, 0);
        return s.failed ? nullptr : root;
    } catch (const toml::parse_error &e) {
        report(s, e);
    } catch (const std::bad_alloc &) {
        complain(s, place(s, {1, 1}), "not enough memory to read this");
    } catch (const std::exception &e) {
        complain(s, place(s, {1, 1}), e.what());
    } catch (...) {
        complain(s, place(s, {1, 1}), "cannot be read");
    }
    return nullptr;
}

} // namespace

extern "C" config_value *toml_parse(arena *memory, const char *text, size_t n, const char *file, diag *messages)
{
    try {
        source s{memory, file, nullptr, messages, std::string_view(text, n), false};
        return parse(s);
    } catch (...) { // no memory even for the message
        diag_error(messages, where{file, 0, 0}, "not enough memory to read this");
        return nullptr;
    }
}

extern "C" config_value *toml_value(arena *memory, const char *text, where at, diag *messages)
{
    try {
        std::string line = "value = " + std::string(text) + "\n";
        source s{memory, at.file, &at, messages, line, false};
        config_value *root = parse(s);
        if (root && (root->n != 1 || std::strcmp(root->item[0]->key, "value"))) {
            complain(s, at, "expected one value");
            return nullptr;
        }
        if (root)
            root->item[0]->key = nullptr;
        return root ? root->item[0] : nullptr;
    } catch (...) {
        if (messages)
            diag_error(messages, at, "not enough memory to read this");
        return nullptr;
    }
}

extern "C" int toml_utf8(const char *text)
{
    auto *p = reinterpret_cast<const unsigned char *>(text);
    for (size_t left = std::strlen(text); left;) {
        int n = sequence(p, left);
        if (!n)
            return 0;
        p += n;
        left -= static_cast<size_t>(n);
    }
    return 1;
}
