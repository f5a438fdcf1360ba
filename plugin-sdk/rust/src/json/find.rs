// SPDX-License-Identifier: Apache-2.0
// Where a value stands in a text that is JSON already: what filters need to replace parts of it.

use super::Value;
use std::ops::Range;

/// The bytes of the value at a JSON Pointer (RFC 6901); of repeated members the last counts, as for
/// [`Value::get`]. `None` where there is none, and where the text is broken on the way there.
pub(crate) fn find(json: &[u8], pointer: &str) -> Option<Range<usize>> {
    let mut at = space(json, 0);
    let mut found = at..skip(json, at)?;
    if pointer.is_empty() {
        return Some(found);
    }
    for token in pointer.strip_prefix('/')?.split('/') {
        let token = token.replace("~1", "/").replace("~0", "~");
        at = found.start;
        found = match json.get(at)? {
            b'{' => member(json, at, &token)?,
            b'[' if token == "0" || !token.starts_with(['0', '+'].as_slice()) => {
                element(json, at, token.parse().ok()?)?
            }
            _ => return None,
        };
    }
    Some(found)
}

/// The bytes of each member of that name in a text that is an object; none where it is something else.
pub(crate) fn find_all(json: &[u8], name: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let at = space(json, 0);
    if json.get(at) == Some(&b'{') {
        // Where the text is broken, what comes before that is found.
        let _ = members(json, at, name, |range| found.push(range));
    }
    found
}

fn member(json: &[u8], object: usize, name: &str) -> Option<Range<usize>> {
    let mut found = None;
    members(json, object, name, |range| found = Some(range))?;
    found
}

/// Finds the members of that name; `None` where the text is broken.
fn members(json: &[u8], object: usize, name: &str, mut found: impl FnMut(Range<usize>)) -> Option<()> {
    let mut at = space(json, object + 1);
    while *json.get(at)? != b'}' {
        let end = skip(json, at)?;
        let key = &json[at..end];
        at = space(json, end);
        if *json.get(at)? != b':' {
            return None;
        }
        at = space(json, at + 1);
        let end = skip(json, at)?;
        let is_it = match key.contains(&b'\\') {
            true => Value::parse_bytes(key).ok().map_or(false, |key| key.as_str() == Some(name)),
            false => key.len() >= 2 && &key[1..key.len() - 1] == name.as_bytes(),
        };
        if is_it {
            found(at..end);
        }
        at = next(json, end)?;
    }
    Some(())
}

fn element(json: &[u8], array: usize, index: usize) -> Option<Range<usize>> {
    let mut at = space(json, array + 1);
    let mut left = index;
    while *json.get(at)? != b']' {
        let end = skip(json, at)?;
        if left == 0 {
            return Some(at..end);
        }
        left -= 1;
        at = next(json, end)?;
    }
    None
}

/// Behind a comma, or at the container's end.
fn next(json: &[u8], at: usize) -> Option<usize> {
    let at = space(json, at);
    Some(if *json.get(at)? == b',' { space(json, at + 1) } else { at })
}

fn space(json: &[u8], mut at: usize) -> usize {
    while matches!(json.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// The end of the value that begins at `at`; always behind it.
fn skip(json: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0usize;
    loop {
        match json.get(at)? {
            b'"' => {
                at += 1;
                while *json.get(at)? != b'"' {
                    at += if json[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'{' | b'[' => {
                depth += 1;
                at += 1;
                continue;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                at += 1;
            }
            b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' if depth > 0 => {
                at += 1;
                continue;
            }
            b',' | b':' => return None,
            _ => {
                while !matches!(
                    json.get(at),
                    None | Some(b',' | b':' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r')
                ) {
                    at += 1;
                }
            }
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(json: &'a str, pointer: &str) -> Option<&'a str> {
        find(json.as_bytes(), pointer).map(|range| &json[range])
    }

    #[test]
    fn values_are_found_where_they_stand() {
        let json = r#" { "a" : [1, "x,]}\"" ,{"b\n":null} ], "a~/" : true,"e":{},"e":[ ] } "#;
        assert_eq!(found(json, ""), Some(json.trim()));
        assert_eq!(found(json, "/a/0"), Some("1"));
        assert_eq!(found(json, "/a/1"), Some(r#""x,]}\"""#));
        assert_eq!(found(json, "/a/2/b\n"), Some("null"));
        assert_eq!(found(json, "/a~0~1"), Some("true"));
        assert_eq!(found(json, "/e"), Some("[ ]"));
        for absent in ["/b", "/a/3", "/a/00", "/a/-", "/a/0/0", "a", "/e/0"] {
            assert_eq!(found(json, absent), None, "{absent}");
        }
    }

    #[test]
    fn repeated_members_are_all_found() {
        let json = r#" {"a":1,"b":{"a":2}, "\u0061" : "x" ,"a":[3]} "#;
        let all: Vec<_> = find_all(json.as_bytes(), "a").into_iter().map(|range| &json[range]).collect();
        assert_eq!(all, ["1", r#""x""#, "[3]"]);
        for none in ["", " ", "{}", "[1]", "1", r#"{"b":1}"#, r#"["a",1]"#] {
            assert_eq!(find_all(none.as_bytes(), "a"), [], "{none}");
        }
        for end in 0..json.len() {
            find_all(&json.as_bytes()[..end], "a");
        }
    }

    #[test]
    fn broken_texts_do_no_harm() {
        let json = r#"{"a":[1,"x\u0041",{"b":null}],"c":true}"#;
        for end in 0..json.len() {
            for pointer in ["/a", "/a/2/b", "/c", "/d"] {
                find(&json.as_bytes()[..end], pointer);
            }
        }
        for broken in
            [r#"{"a""#, r#"{"a" 1}"#, "[,]", "[1,,2]", "{:1}", "]", "{,}", "\"\\", "{1:2}", "{\"a\":1]]"]
        {
            find(broken.as_bytes(), "/a");
            find(broken.as_bytes(), "/1");
        }
    }
}
