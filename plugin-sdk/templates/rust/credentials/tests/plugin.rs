// SPDX-License-Identifier: Apache-2.0
//! The source under the mock host, which looks for leaks and broken rules as it goes.

use jackfield::testing::{built_library, Mock};
use jackfield::Status;
use PLUGIN_CRATE::jf_entry_1;
use std::env::set_var;

#[test]
fn supplies_the_header() {
    set_var("SEARCH_KEY", "s3cret\"");
    let mut mock = Mock::up_library(&built_library("PLUGIN_CRATE"), "{}");
    let source = mock.attach_source("search", r#"{"variable": "SEARCH_KEY"}"#).unwrap();
    let question = mock.supply(source, None, false, false);
    let supplied = mock.wait(question).result;
    assert_eq!(supplied.to_string(), r#"{"headers":{"authorization":"Bearer s3cret\""}}"#);
    let question = mock.supply(source, None, true, false);
    let refused = mock.wait(question);
    assert!(refused.status == Status::Denied.code() && !refused.text.contains("s3cret"), "{refused:?}");
    mock.detach_source(source);
    let options = r#"{"variable": "SEARCH_KEY", "header": "X-Api-Key", "prefix": ""}"#;
    let other = mock.attach_source("other", options).unwrap();
    let question = mock.supply(other, None, false, false);
    assert_eq!(mock.wait(question).result["headers"]["X-Api-Key"].as_str(), Some("s3cret\""));
    mock.detach_source(other);
}

#[test]
fn refuses_variables_that_are_no_value() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    // Not that of the other test, which may run at the same time.
    for value in ["", "a\r\nb: c"] {
        set_var("OTHER_KEY", value);
        let refused = mock.attach_source("search", r#"{"variable": "OTHER_KEY"}"#).unwrap_err();
        assert!(refused.text.contains("OTHER_KEY"), "{}", refused.text);
    }
}
