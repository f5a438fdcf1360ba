// SPDX-License-Identifier: Apache-2.0
//! The filter under the mock host, which looks for leaks and broken rules as it goes.

use jackfield::sys::{JF_PASS, JF_SPLICE};
use jackfield::testing::{built_library, Filtered, Mock};
use jackfield::Status;
use PLUGIN_CRATE::jf_entry_1;

fn pass(mock: &mut Mock, filter: u64, arguments: Option<&str>) -> Filtered {
    let question = mock.filter_request(filter, None, "pay", arguments);
    mock.filtered(question)
}

#[test]
fn masks_the_argument() {
    let mut mock = Mock::up_library(&built_library("PLUGIN_CRATE"), "{}");
    let filter = mock.attach_filter("mask", r#"{"argument": "iban"}"#).unwrap();
    for (arguments, masked) in [
        (r#"{"iban":"DE12345678"}"#, r#"{"iban":"******5678"}"#),
        (r#"{ "to":1 , "iban" : "123\u00e9\n\"" }"#, r#"{ "to":1 , "iban" : "**3é\n\"" }"#),
        (r#"{"iban":"1234"}"#, r#"{"iban":"1234"}"#),
        (
            r#"{"iban":"12345","iban":7,"ib\u0061n":"abcde"}"#,
            r#"{"iban":"*2345","iban":7,"ib\u0061n":"*bcde"}"#,
        ),
    ] {
        let it = pass(&mut mock, filter, Some(arguments));
        assert_eq!(it.decision, JF_SPLICE, "{arguments}");
        assert_eq!(it.body, format!(r#"{{"name":"pay","arguments":{masked}}}"#));
    }
    mock.detach_filter(filter);
}

#[test]
fn leaves_the_rest_alone() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let filter = mock.attach_filter("mask", r#"{"argument": "iban", "keep": 0}"#).unwrap();
    for other in [None, Some("{}"), Some(r#"{"iban":12}"#), Some(r#"{"IBAN":"x"}"#)] {
        assert_eq!(pass(&mut mock, filter, other).decision, JF_PASS, "{other:?}");
    }
    assert!(pass(&mut mock, filter, Some(r#"{"iban":"abc"}"#)).body.contains(r#""***""#));
    mock.detach_filter(filter);
}

#[test]
fn refuses_what_is_no_text() {
    let mut mock = Mock::up(jf_entry_1, "{}");
    let filter = mock.attach_filter("mask", r#"{"argument": "iban"}"#).unwrap();
    let question = mock.filter_request(filter, None, "pay", Some(r#"{"iban":"a","iban":"\ud800"}"#));
    let answer = mock.answer(question);
    assert!(answer.status == Status::Invalid.code() && answer.is_public, "{}", answer.text);
    mock.detach_filter(filter);
}
