#!/usr/bin/env python3
"""Lists the circles of imports between the files of each crate, or of the crates named; exits with 1 if there are any.

An import counts for the file that defines the item, also if other modules re-export it. An import from an ancestor
module (`super::`) does not count: a module and its parts belong together. With --modules, the top-level modules of a
crate are compared and not its files.
"""

import re
import sys
from pathlib import Path

# Comments, strings and characters: a path in one of them is no import.
NOISE = re.compile(
    r'//[^\n]*|/\*.*?\*/|b?r(#*)".*?"\1|b?"(?:\\.|[^"\\])*"|\'(?:\\.[^\']*|[^\'\\])\'', re.S
)
USE = re.compile(r"\buse\s+([^;]+);")
ITEM = re.compile(r"\b(?:struct|enum|union|trait|fn|const|static|type|macro_rules!)\s+(\w+)")
BRACES = re.compile(r"\bmod\s+(\w+)\s*\{|[{}]")


def leaves(tree, at=()):
    """Yields each path of a `use` tree, with the name that it gets in the module."""
    brace = tree.find("{")
    if brace < 0:
        path, _, alias = tree.partition(" as ")
        path = at + tuple(part.strip() for part in path.split("::"))
        path = path[:-1] if path[-1] == "self" else path
        yield path, alias.strip() or path[-1]
        return
    at += tuple(part.strip() for part in tree[:brace].split("::") if part.strip())
    depth, start, inner = 0, 0, tree[brace + 1 : tree.rfind("}")] + ","
    for index, char in enumerate(inner):
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            if inner[start:index].strip():
                yield from leaves(inner[start:index], at)
            start = index + 1


def braced_modules(text):
    """Returns where the modules in braces begin and end, and how deep each one is."""
    stack, spans = [], []
    for match in BRACES.finditer(text):
        if match.group() == "}":
            is_module, start = stack.pop()
            if is_module:
                spans.append((start, match.end(), 1 + sum(outer for outer, _ in stack)))
        else:
            stack.append((match.group(1) is not None, match.start()))
    return spans


class Crate:
    def __init__(self, src):
        self.text = {}
        for file in sorted(src.rglob("*.rs")):
            module = file.relative_to(src).with_suffix("").parts
            module = module[:-1] if module[-1] in ("lib", "main", "mod") else module
            text = NOISE.sub(lambda noise: " " * len(noise.group()), file.read_text())
            self.text[module] = self.text.get(module, "") + text
        self.items = {module: set(ITEM.findall(text)) for module, text in self.text.items()}
        self.uses = {
            module: [leaf for use in USE.finditer(text) for leaf in leaves(use.group(1))]
            for module, text in self.text.items()
        }

    def home(self, path, module, seen=frozenset()):
        """Returns the module that defines what `path` means in `module`; None if it is in another crate."""
        if path[0] == "crate":
            at, path = (), path[1:]
        elif path[0] in ("self", "super") or module + path[:1] in self.text:
            at = module
            while path and path[0] in ("self", "super"):
                at, path = at if path[0] == "self" else at[:-1], path[1:]
        else:
            return None
        while path and at + path[:1] in self.text:
            at, path = at + path[:1], path[1:]
        if not path or path[0] in self.items[at] or (at, path[0]) in seen:
            return at
        seen |= {(at, path[0])}
        for target, name in self.uses[at]:
            if name == path[0]:
                return self.home(target, at, seen) or at
        for target, name in self.uses[at]:
            if name == "*":
                found = self.home(target[:-1] + path[:1], at, seen)
                if found is not None and path[0] in self.items[found]:
                    return found
        return at

    def paths(self, module):
        """Yields each path in a module that may be of its own crate, and its position."""
        text = self.text[module]
        for use in USE.finditer(text):
            yield from ((path, use.start()) for path, _ in leaves(use.group(1)))
        parts = [other[-1] for other in self.text if other and other[:-1] == module]
        plain = re.compile(rf"(?<![\w:])(?:{'|'.join(['crate', 'self', 'super', *parts])})(?:::\w+)+")
        rest = USE.sub(lambda use: " " * len(use.group()), text)
        yield from ((tuple(match.group().split("::")), match.start()) for match in plain.finditer(rest))

    def edges(self):
        for module, text in self.text.items():
            spans = braced_modules(text)
            for path, position in self.paths(module):
                depth = max((depth for a, b, depth in spans if a <= position < b), default=0)
                while depth and path[0] == "super":
                    # A module in braces is a part of its file.
                    depth, path = depth - 1, path[1:] if path[1] == "super" else ("self", *path[1:])
                target = self.home(path[:-1] if path[-1] == "*" else path, module)
                if target is not None and target != module[: len(target)]:
                    yield module, target


def circles(edges):
    """Returns the sets of nodes that reach each other."""
    after = {}
    for a, b in edges:
        after.setdefault(a, set()).add(b)

    def reach(node):
        found, todo = set(), [node]
        while todo:
            new = after.get(todo.pop(), set()) - found
            found |= new
            todo += new
        return found

    reached = {node: reach(node) for node in after}
    return {frozenset(b for b in reached[a] if a in reached.get(b, ())) for a in after if a in reached[a]}


def main():
    named = [Path(arg) for arg in sys.argv[1:] if not arg.startswith("-")]
    found = 0
    for crate in named or sorted(path.parent for path in Path().glob("**/Cargo.toml")):
        if "target" in crate.parts or not (crate / "src").is_dir():
            continue
        edges = set(Crate(crate / "src").edges())
        if "--modules" in sys.argv:
            edges = {(a[:1], b[:1]) for a, b in edges if a[:1] != b[:1]}
        for circle in sorted(circles(edges), key=sorted):
            found += 1
            print(f"{crate}: a circle of {len(circle)}")
            for a, b in sorted(edges):
                if a in circle and b in circle:
                    print(f"    {'::'.join(a) or 'the root'} uses {'::'.join(b) or 'the root'}")
    sys.exit(found > 0)


if __name__ == "__main__":
    main()
