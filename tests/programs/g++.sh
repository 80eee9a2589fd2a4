# g++ -O2: a C++ file with the standard library, templates and exceptions, which runs here too.
# needs: g++
cat >program.cpp <<'SOURCE'
#include <algorithm>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>
template <class T> T sum(const std::vector<T>& v) { T s{}; for (const T& x : v) s += x; return s; }
int main() {
    std::map<std::string, std::vector<double>> m;
    for (int i = 0; i < 30; ++i) m["k" + std::to_string(i % 4)].push_back(i / 3.0);
    for (const auto& [k, v] : m) std::cout << k << ' ' << sum(v) << '\n';
    try { std::vector<int>(3).at(7) = 1; } catch (const std::exception& e) { std::cout << e.what() << '\n'; }
}
SOURCE
g++ -O2 -std=c++17 -o program program.cpp && ./program
echo "status $?"
