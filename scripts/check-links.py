#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that every relative link in the project's Markdown leads to a file, and every #fragment to a heading.

    scripts/check-links.py [FOLDER]

Prints FILE:LINE: what is wrong, and exits 1 where anything is. Links to the web are not followed.
"""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$")
ANCHOR = re.compile(r"<a\s+(?:id|name)=[\"']([^\"']+)[\"']")
CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
INLINE = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*(<[^>]*>|[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?:\s+[\"'(][^)]*)?\s*\)")
DEFINITION = re.compile(r"^ {0,3}\[[^\]]+\]:\s+(<[^>]*>|\S+)")
SCHEME = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]*:")


def markdown_files(root):
    """What git knows or would take in; every *.md where there is no git."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.md"]
    try:
        listed = subprocess.run(command, check=True, capture_output=True).stdout.decode().split("\0")
        files = {root / name for name in listed if name}
    except (OSError, subprocess.CalledProcessError):
        skipped = {".build", ".git", "dist"}
        files = {path for path in root.rglob("*.md") if not skipped & set(path.relative_to(root).parts)}
    return sorted(path for path in files if path.is_file())


def prose(text):
    """Numbered lines outside fenced code."""
    fence = None
    for number, line in enumerate(text.splitlines(), 1):
        mark = FENCE.match(line)
        if fence is None and mark:
            fence = mark[1]
        elif fence is not None:
            if mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = None
        else:
            yield number, line


def anchors(path):
    """The fragments that GitHub makes of a page's headings, and explicit ones."""
    found, seen = set(), {}
    for _, line in prose(path.read_text(encoding="utf-8")):
        found.update(ANCHOR.findall(line))
        heading = HEADING.match(line)
        if not heading:
            continue
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1])
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        found.add(f"{slug}-{count}" if count else slug)
    return found


def links(path):
    for number, line in prose(path.read_text(encoding="utf-8")):
        definition = DEFINITION.match(line)
        if definition:
            yield number, definition[1].strip("<>")
        for link in INLINE.finditer(CODE.sub("code", line)):
            yield number, link[1].strip("<>")


def problem(root, page, target, known):
    """One sentence, or None where the link is good."""
    if SCHEME.match(target) or target.startswith("//"):
        return None
    path, _, fragment = target.partition("#")
    path = unquote(path.partition("?")[0])
    if path.startswith("/"):
        return f"'{target}' begins at the root of the site; write it relative to this page"
    place = (page.parent / path).resolve() if path else page.resolve()
    if not place.is_relative_to(root):
        return f"'{target}' leaves the project"
    if not place.exists():
        return f"'{target}' leads nowhere: there is no {place.relative_to(root)}"
    if fragment and place.suffix == ".md":
        if place not in known:
            known[place] = anchors(place)
        if unquote(fragment) not in known[place]:
            return f"'{target}' leads nowhere: {place.relative_to(root)} has no heading for #{fragment}"
    return None


def main(arguments):
    if len(arguments) > 1:
        print(__doc__, file=sys.stderr)
        return 2
    root = (Path(arguments[0]) if arguments else Path(__file__).parent.parent).resolve()
    known, checked, broken = {}, 0, 0
    pages = markdown_files(root)
    for page in pages:
        for number, target in links(page):
            checked += 1
            why = problem(root, page, target, known)
            if why:
                broken += 1
                print(f"{page.relative_to(root)}:{number}: {why}")
    print(f"links: {checked} in {len(pages)} pages, {broken} broken", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
