// SPDX-License-Identifier: Apache-2.0
// Reading and writing JSON.

use super::*;

#[track_caller]
fn same(text: &str, written: &str) {
    assert_eq!(Value::parse(text).unwrap().to_string(), written);
}

#[test]
fn values_are_written_as_they_were_read() {
    for text in
        ["null", "true", "false", "0", "-1", "[]", "{}", "\"\"", "[1,[2],{\"a\":null}]", "1.5", "1e300"]
    {
        same(text, text);
    }
    same(" { \"b\" : 1 ,\n\"a\":[ ] } ", "{\"b\":1,\"a\":[]}");
    same("9223372036854775807", "9223372036854775807");
    same("18446744073709551615", "18446744073709551615");
    same(
        "\"\\u00e9\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\\"\\\\\\u0000\"",
        "\"é😀/\\u0008\\u000c\\n\\r\\t\\\"\\\\\\u0000\"",
    );
}

#[test]
fn what_is_not_json_is_refused() {
    for text in [
        "",
        " ",
        "nul",
        "nulll",
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "-",
        "1e999",
        "[1,]",
        "[1",
        "[1 2]",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "'a'",
        "\"",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud800\\n\"",
        "\"\n\"",
        "1 2",
        "\u{feff}1",
        "NaN",
        "\"\\+123\"",
        "\"\\u+123\"",
    ] {
        assert!(Value::parse(text).is_err(), "{text}");
    }
    assert!(Value::parse_bytes(b"\"\xff\"").is_err());
    let error = Value::parse("[1, x]").unwrap_err();
    assert_eq!((error.offset, error.to_string()), (4, "not JSON: no value at byte 4".into()));
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(Value::parse(&nested(DEPTH_LIMIT)).is_ok());
    assert!(Value::parse(&nested(DEPTH_LIMIT + 1)).is_err());
    assert!(Value::parse(&"[".repeat(1_000_000)).is_err());
}

#[test]
fn numbers_keep_what_they_are() {
    let number = |text: &str| Value::parse(text).unwrap();
    assert_eq!(number("3.0").as_i64(), Some(3));
    assert_eq!(number("1e3").as_u64(), Some(1000));
    assert_eq!(number("3.5").as_i64(), None);
    assert_eq!(number("-1").as_u64(), None);
    assert_eq!(number("9223372036854775808").as_i64(), None);
    assert_eq!(number("9223372036854775808").as_u64(), Some(1 << 63));
    assert_eq!(number("1e19").as_i64(), None);
    assert_eq!(number("-9223372036854775808.0").as_i64(), Some(i64::MIN));
    assert_eq!(number("1e20").as_u64(), None);
    assert_eq!(number("2"), number("2.0"));
    assert_ne!(number("2"), number("2.5"));
    assert_eq!(Value::from(f64::NAN), Value::Null);
    assert_eq!(Value::from(0.1 + 0.2).to_string(), "0.30000000000000004");
}

#[test]
fn values_are_found() {
    let value = Value::parse(r#"{"a":[{"b/c":1,"~":2},5],"":3,"a2":false,"a2":true}"#).unwrap();
    assert_eq!(value.pointer("/a/0/b~1c"), Some(&Value::from(1)));
    assert_eq!(value.pointer("/a/0/~0"), Some(&Value::from(2)));
    assert_eq!(value.pointer("/"), Some(&Value::from(3)));
    assert_eq!(value.pointer(""), Some(&value));
    for absent in ["a", "/b", "/a/2", "/a/01", "/a/+1", "/a/-", "/a/0/b~1c/x"] {
        assert_eq!(value.pointer(absent), None, "{absent}");
    }
    assert_eq!(value["a2"].as_bool(), Some(true));
    assert!(value["nothing"]["at"][7].is_null());
}
