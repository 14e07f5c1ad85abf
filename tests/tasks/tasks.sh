# tasks.sh -- what every test of this folder begins with: sourced. Each trains parts for a second or two on data of its own, and
# asks whether they do what they are for, where it can against the same experiment without them. Beside begin.sh it gives
#   "$random"                    text for awk: seed(n), uniform() in (0, 1), below(n) in 0 .. n - 1, normal()
#   train NAME FILE options ...  trains FILE, of this folder or a path, into $tmp/NAME: passed if it ends well
#   figure NAME SCORE            what the run ended with, as test.accuracy
#   ratio A B                    A / B
#   holds WHAT A op B ...        passed if all comparisons of triples hold (op: < <= > >= ==)
# SEED=2 in the environment takes other first weights and another order of the data: every test is to pass with those, too. SHOW=1
# shows all comparisons, so that one sees how much room there is.
# shellcheck shell=bash disable=SC2034
. "$(dirname "${BASH_SOURCE[0]}")/../begin.sh"

# Park and Miller 1988: every product is exact in a double, so that each awk draws the same.
random='function seed(n) { state = n * 7919 + 1; for (k = 0; k < 9; k++) uniform() }
function uniform() { state = state * 16807 % 2147483647; return state / 2147483647 }
function below(n) { return int(uniform() * n) }
function normal() { return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform()) }
'
train() {
    local name=$1 file=$2
    shift 2
    case $file in /*) ;; *) file=$here/$file ;; esac
    "$build/tenon" train "$file" --data-dir "$tmp" --run "$tmp/$name" --threads 1 --quiet \
        --set "seed=${SEED:-1}" "$@" >"$tmp/$name.out" 2>&1
    ok $? "$name does not train: $(tail -n 3 "$tmp/$name.out")"
}
figure() { awk -v want="$2" '$1 == want { value = $2 } END { print (value == "" ? "missing" : value) }' "$tmp/$1.out"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (b + 0) printf "%.6g\n", a / b; else print "missing" }'; }
holds() {
    local all="$*"
    shift
    awk 'BEGIN { bad = ARGC < 4 || ARGC % 3 != 1
        for (i = 1; i + 2 < ARGC; i += 3) {
            if (ARGV[i] !~ /^[-+]?[0-9.]/ || ARGV[i + 2] !~ /^[-+]?[0-9.]/) bad = 1
            a = ARGV[i] + 0; op = ARGV[i + 1]; b = ARGV[i + 2] + 0
            if (!(op == "<" ? a < b : op == "<=" ? a <= b : op == ">" ? a > b : op == ">=" ? a >= b : op == "==" && a == b)) bad = 1
        }
        exit bad }' "$@"
    ok $? "$all"
    [ -z "${SHOW:-}" ] || echo "$all"
}

# ---- data for several tests
squares() { # of squares.toml: seed, rows
    awk -v s="$1" -v n="$2" "$random"'BEGIN { seed(s); print "x,y,colour"
        for (i = 0; i < n; i++) { x = 6 * uniform() - 3; y = 6 * uniform() - 3; printf "%.4f,%.4f,%s\n", x, y, (x * y > 0 ? "black" : "white") } }'
}
plane() { # of line.toml: seed, rows, noise, share of rows that are 8 too high
    awk -v s="$1" -v n="$2" -v noise="$3" -v wrong="${4:-0}" "$random"'BEGIN { seed(s); print "x,y,height"
        for (i = 0; i < n; i++) { x = 2 * uniform() - 1; y = 2 * uniform() - 1
            printf "%.4f,%.4f,%.5f\n", x, y, x - 2 * y + 3 + noise * normal() + (uniform() < wrong ? 8 : 0) } }'
}
crowd() { # of crowd.toml: seed, rows. Heaps a and b are far apart, c is small and half within b
    awk -v s="$1" -v n="$2" "$random"'BEGIN { seed(s); print "x,y,heap"
        for (i = 0; i < n; i++) { u = uniform(); h = u < 0.475 ? "a" : u < 0.95 ? "b" : "c"
            printf "%.4f,%.4f,%s\n", (h == "a" ? -3 : h == "b" ? 1 : 2.5) + normal(), normal(), h } }'
}
