"""The small programs that the runtimes and compilers work on. Each mixes its work evenly over time."""

PYTHON = r'''
import collections, hashlib, json, random, re, zlib

numbers = random.Random(5)
words = ["".join(numbers.choice("abcdefghij") for _ in range(8)) for _ in range(400)]
pattern = re.compile(r"(a+b|[c-f]{2}.*g)(\w)\2?")

def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

def tree(depth):
    return [tree(depth - 1), tree(depth - 1)] if depth else words[:3]

while True:
    fibonacci(15)
    sum(1 for word in words if pattern.search(word))
    text = json.dumps({"tree": tree(6), "words": words}, indent=1)
    json.loads(text)
    collections.Counter(sorted(words, key=lambda word: word[::-1]))
    zlib.compress(text.encode(), 6)
    hashlib.sha256(text.encode()).hexdigest()
    [float(str(n / 7)) ** 0.5 for n in range(1, 400)]
'''

JAVASCRIPT = r'''
"use strict";
const zlib = require("node:zlib");
const words = Array.from({length: 400}, (_, i) => ((i * 7919) % 100003).toString(26));
const pattern = /(a+b|[c-f]{2}.*g)(\w)\2?/;
function fibonacci(n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }
function tree(depth) { return depth ? [tree(depth - 1), tree(depth - 1)] : words.slice(0, 3); }
class Account { constructor(n) { this.n = n; this.log = []; } add(x) { this.log.push({x}); this.n += x; return this; } }
function round() {
    fibonacci(17);
    words.filter(word => pattern.test(word + "abgg"));
    const text = JSON.stringify({tree: tree(6), words}, null, 1);
    JSON.parse(text);
    [...words].sort((a, b) => a < b ? 1 : -1).map(word => word.split("").reverse().join(""));
    zlib.deflateSync(text);
    const accounts = new Map(words.map(word => [word, new Account(1).add(2)]));
    for (const [, account] of accounts) account.add(account.n);
    let x = 0;
    for (let i = 0; i < 100000; i++) x = (x * 31 + i) % 1000003;
    return x;
}
function turn() { const end = Date.now() + 50; while (Date.now() < end) round(); setImmediate(turn); }
turn();
'''

JAVA = r'''
import java.util.*;
import java.util.regex.*;
import java.util.stream.*;
import java.util.zip.*;

public class Work {
    static final Pattern PATTERN = Pattern.compile("(a+b|[c-f]{2}.*g)(\\w)\\2?");
    static int fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }
    interface Shape { double area(); }
    record Circle(double r) implements Shape { public double area() { return Math.PI * r * r; } }
    record Square(double a) implements Shape { public double area() { return a * a; } }

    static long round(List<String> words) {
        long sum = fibonacci(18);
        for (String word : words) if (PATTERN.matcher(word).find()) sum++;
        Map<String, Integer> counts = new HashMap<>();
        for (String word : words) counts.merge(word.substring(0, 2), 1, Integer::sum);
        sum += words.stream().sorted(Comparator.reverseOrder()).collect(Collectors.joining(",")).hashCode();
        List<Shape> shapes = new ArrayList<>();
        for (int i = 0; i < 2000; i++) shapes.add(i % 2 == 0 ? new Circle(i) : new Square(i));
        for (Shape shape : shapes) sum += (long) shape.area();
        CRC32 crc = new CRC32();
        crc.update(counts.toString().getBytes());
        byte[] bytes = String.join(" ", words).getBytes();
        Deflater deflater = new Deflater();
        deflater.setInput(bytes);
        deflater.finish();
        sum += deflater.deflate(new byte[bytes.length]);
        deflater.end();
        return sum + crc.getValue();
    }

    public static void main(String[] arguments) {
        List<String> words = new ArrayList<>();
        for (int i = 0; i < 400; i++) words.add(Integer.toString(i * 7919 % 100003 + 1000, 26));
        long sum = 0;
        while (true) sum += round(words);
    }
}
'''

CPP = r'''
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <regex>
#include <sstream>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>
template <int N> struct Deep { using Below = Deep<N - 1>; std::tuple<int[N], typename Below::Type*> value;
    using Type = std::map<std::string, std::vector<std::variant<int, Below>>>; Type all;
    int sum(int x) const { int s = x; for (auto& [k, v] : all) for (auto& e : v) s += std::visit([&](auto& y) {
        if constexpr (std::is_same_v<std::decay_t<decltype(y)>, int>) return y; else return y.sum(x); }, e); return s; } };
template <> struct Deep<0> { using Type = int; int sum(int x) const { return x; } };
template <typename... T> int fold(T... t) { return (std::hash<T>{}(t) + ... + 0); }
int words(const std::string& text) {
    std::regex word("([a-z]+)-([0-9]+)");
    std::unordered_map<std::string, std::shared_ptr<std::function<int(int)>>> seen;
    for (std::sregex_iterator i(text.begin(), text.end(), word), end; i != end; ++i)
        seen[i->str()] = std::make_shared<std::function<int(int)>>([s = i->str()](int x) { return int(s.size()) + x; });
    std::vector<std::pair<std::string, int>> sorted;
    for (auto& [k, f] : seen) sorted.emplace_back(k, (*f)(3));
    std::sort(sorted.begin(), sorted.end(), [](auto& a, auto& b) { return a.second < b.second; });
    std::ostringstream out;
    for (auto& [k, n] : sorted) out << k << n;
    return int(out.str().size()) + fold(1, 2L, 3u, 'c', std::string("d"), 4.5);
}
int main() { return Deep<6>{}.sum(words("some-1 thing-2")); }
'''

# A history for `git fast-import`: files that change a little in each commit.
HISTORY = r'''
import random
numbers = random.Random(7)
files = {f"directory{n % 12}/file{n}.txt": [f"{numbers.getrandbits(64):x} line {k}" for k in range(120)] for n in range(150)}
out = []
for commit in range(1200):
    message = f"change {commit}\n"
    out.append(f"commit refs/heads/main\ncommitter Someone <someone@example.org> {1700000000 + commit * 60} +0000\n"
               f"data {len(message)}\n{message}")
    for name in (list(files) if not commit else numbers.sample(list(files), 6)):
        lines = files[name]
        for _ in range(5):
            lines[numbers.randrange(len(lines))] = f"{numbers.getrandbits(64):x} changed in {commit}"
        text = "\n".join(lines) + "\n"
        out.append(f"M 644 inline {name}\ndata {len(text)}\n{text}")
print("\n".join(out))
'''

SQL = r'''
DROP TABLE IF EXISTS t;
CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
INSERT INTO t SELECT i, hex(i * 7919 % 100003) || '-' || i, i / 7.0 FROM n;
CREATE INDEX b ON t(b);
''' + r'''
SELECT count(*), sum(c) FROM t WHERE b LIKE '%3%5%';
SELECT substr(b, 1, 3) AS k, avg(c), group_concat(a % 10, '') FROM t GROUP BY k ORDER BY 2 DESC LIMIT 5;
SELECT count(*) FROM t AS x JOIN t AS y ON x.b = y.b WHERE y.a % 3 = 0;
UPDATE t SET c = c * 1.01 WHERE a % 5 = 0;
SELECT max(length(replace(upper(b), '3', 'three'))) FROM t;
WITH RECURSIVE f(i, x) AS (SELECT 1, 1.0 UNION ALL SELECT i + 1, (x * 31 + i) % 1009 FROM f WHERE i < 60000) SELECT sum(x) FROM f;
''' * 12

QUERIES = r'''
SELECT count(*), sum(abalance) FROM pgbench_accounts WHERE aid BETWEEN 1 AND 4000 AND aid % 7 = 3;
SELECT bid, avg(aid), string_agg((aid % 10)::text, '') FROM pgbench_accounts WHERE aid < 3000 GROUP BY bid ORDER BY 2;
SELECT regexp_replace(md5(aid::text), '[a-c]+', 'x') FROM pgbench_accounts WHERE aid < 600 ORDER BY 1 LIMIT 5;
'''

GO = r'''
package main

import (
	"compress/flate"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strings"
)

var pattern = regexp.MustCompile(`(a+b|[c-f]{2}.*g)(\w)`)

type node struct {
	Left, Right *node
	Words       []string
}

func fibonacci(n int) int {
	if n < 2 {
		return n
	}
	return fibonacci(n-1) + fibonacci(n-2)
}

func tree(depth int, words []string) *node {
	if depth == 0 {
		return &node{Words: words[:3]}
	}
	return &node{tree(depth-1, words), tree(depth-1, words), nil}
}

func round(words []string) int {
	sum := fibonacci(20)
	for _, word := range words {
		if pattern.MatchString(word) {
			sum++
		}
	}
	text, _ := json.Marshal(tree(6, words))
	var back node
	_ = json.Unmarshal(text, &back)
	sorted := append([]string(nil), words...)
	sort.Slice(sorted, func(a, b int) bool { return sorted[a] > sorted[b] })
	counts := map[string]int{}
	for _, word := range sorted {
		counts[strings.ToUpper(word[:2])]++
	}
	writer, _ := flate.NewWriter(io.Discard, 6)
	_, _ = writer.Write(text)
	_ = writer.Close()
	hash := sha256.Sum256(text)
	return sum + len(counts) + int(hash[0])
}

func main() {
	words := make([]string, 400)
	for i := range words {
		words[i] = fmt.Sprintf("%x-%o", i*7919%100003+1000, i*31)
	}
	results := make(chan int)
	go func() {
		for {
			results <- round(words)
		}
	}()
	for result := range results {
		if result < 0 {
			fmt.Println(result)
		}
	}
}
'''
